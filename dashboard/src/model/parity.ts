// The desk's past beside its backtest, as rows: the newest position first, and what is said of all.
import type { ParityDoc, ParityTrade } from '../generated/documents';
import { type Usd, epoch, formatGain, usd } from './units';

export interface ParityRow {
  readonly key: string;
  readonly symbol: string;
  readonly strategy: string;
  /** "+1.2", in basis points, above 0 where the desk did worse; a dash where there is none. */
  readonly entry: string;
  readonly exit: string;
  /** Profit of the desk less that of the backtest; none while a side is open. */
  readonly gap: Usd | null;
  readonly why: string;
  /** Whether it is to be looked at: one side alone, or prices beyond the bound. */
  readonly apart: boolean;
}

const bps = (gap: number | null): string => (gap === null ? '–' : formatGain(gap as Usd, 1));

function row(trade: ParityTrade, bound: number): ParityRow {
  const side = trade.live ?? trade.backtest;
  const opened = side === null ? 0 : epoch(side.opened_at);
  const gaps = [trade.entry_gap_bps ?? 0, trade.exit_gap_bps ?? 0].map(Math.abs);
  return {
    key: `${trade.module} ${trade.strategy} ${trade.symbol} ${opened}`,
    symbol: trade.symbol,
    strategy: trade.strategy,
    entry: bps(trade.entry_gap_bps),
    exit: bps(trade.exit_gap_bps),
    gap: trade.live?.profit != null && trade.backtest?.profit != null ? ((0 - usd(trade.gap_usd)) as Usd) : null,
    why: trade.why,
    apart: trade.fate.startsWith('only') || (trade.fate === 'matched' && Math.max(...gaps) > bound),
  };
}

export function parityRows(doc: ParityDoc): ParityRow[] {
  return doc.trades.map((trade) => row(trade, doc.bound_bps)).reverse();
}

/** "2026-06-25 to 2026-07-24: 10 matched, 1 not compared; largest gap 3.1 bps". */
export function parityWords(doc: ParityDoc): string {
  const counts = Object.entries(doc.counts).sort().map(([fate, count]) => `${count} ${fate.replace('_', ' ')}`);
  return `${doc.first} to ${doc.last}: ${counts.join(', ') || 'no position'}; largest gap ${doc.gap_bps_max.toFixed(1)} bps`;
}
