// What happened: closed trades, events, and what still waits for somebody's word.
import type { EventDoc, ModuleName, NotificationDoc, TradeDoc } from '../generated/documents';
import type { WithId } from './desk';
import { readableSymbol } from './positions';
import { formatDuration } from './time';
import { type EpochMs, type Fraction, type Price, type Quantity, type Usd, epoch, fraction, price, quantity, usd } from './units';

export interface TradeRow {
  readonly id: string;
  readonly module: ModuleName;
  readonly strategy: string;
  readonly symbol: string;
  readonly quantity: Quantity;
  readonly entry: Price;
  readonly exit: Price;
  readonly gain: Usd;
  readonly gainShare: Fraction;
  readonly exitReason: string;
  readonly held: string;
  readonly slippageBps: number;
  readonly closedAt: EpochMs;
}

export function tradeRows(trades: readonly WithId<TradeDoc>[]): TradeRow[] {
  return trades.map(({ trade }) => ({
    id: trade.id,
    module: trade.module,
    strategy: trade.strategy.replaceAll('_', ' '),
    symbol: readableSymbol(trade.symbol),
    quantity: quantity(trade.qty),
    entry: price(trade.entry_px),
    exit: price(trade.exit_px),
    gain: usd(trade.realized_pnl),
    gainShare: fraction(Number(trade.exit_px) - Number(trade.entry_px), Math.abs(Number(trade.entry_px))),
    exitReason: trade.exit_reason.replaceAll('_', ' '),
    held: formatDuration(epoch(trade.closed_at) - epoch(trade.opened_at)),
    slippageBps: trade.entry_slippage_bps,
    closedAt: epoch(trade.closed_at),
  }));
}

export type Severity = EventDoc['severity'];

export interface EventRow {
  readonly id: string;
  readonly kind: string;
  readonly module: ModuleName | null;
  readonly severity: Severity;
  readonly text: string;
  readonly at: EpochMs;
}

export function eventRows(events: readonly WithId<EventDoc>[]): EventRow[] {
  return events.map((event) => ({
    id: event.id,
    kind: event.kind.replaceAll('_', ' '),
    module: event.module,
    severity: event.severity,
    text: event.text,
    at: epoch(event.at),
  }));
}

export interface Alert {
  readonly id: string;
  readonly severity: Severity;
  readonly title: string;
  readonly body: string;
  readonly at: EpochMs;
}

const WEIGHT: Record<Severity, number> = { critical: 0, warning: 1, info: 2 };

/** What nobody has acknowledged yet and is more than information, the worst first. */
export function openAlerts(notifications: readonly WithId<NotificationDoc>[]): Alert[] {
  return notifications
    .filter((one) => one.acknowledged_by === null && one.severity !== 'info')
    .map((one) => ({ id: one.id, severity: one.severity, title: one.title, body: one.body, at: epoch(one.created_at) }))
    .sort((a, b) => WEIGHT[a.severity] - WEIGHT[b.severity] || b.at - a.at);
}
