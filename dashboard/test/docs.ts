// Small stored documents for the tests, with times that need no Firestore.
import type { AccountView, BookDoc, DeskStateDoc, Fill, Order, OrderIntent, Position, Reading, RiskReportDoc, StoredTime, SummaryDoc } from '../src/generated/documents';
import type { Clock } from '../src/model/time';
import type { EpochMs } from '../src/model/units';

export const NOW = Date.UTC(2026, 6, 16, 18, 0) as EpochMs;
export const CLOCK: Clock = { market: NOW, simulated: true };

export const at = (ms: number): StoredTime => ({ toMillis: () => ms });
export const ago = (minutes: number): StoredTime => at(NOW - minutes * 60_000);

export function position(given: Partial<Position> = {}): Position {
  return {
    id: 'p1',
    module: 'stocks',
    strategy: 'momentum',
    symbol: 'XLK',
    side: 'buy',
    legs: [{ symbol: 'XLK', qty: '10', avg_px: '100', multiplier: '1', mark_px: '104' }],
    opened_at: ago(90),
    entry_px: '100',
    decision_px: '100',
    stop_price: '96',
    take_profit: '106',
    high_water_px: null,
    max_loss_usd: null,
    leverage: '1',
    realized_pnl: '0',
    fees: '0',
    exit_value: '0',
    exit_qty: '0',
    confidence: 0.7,
    features: {},
    parameters_version: 1,
    protective_order_id: null,
    ...given,
  } as Position;
}

export function intent(given: Partial<OrderIntent> = {}): OrderIntent {
  return {
    client_order_id: 's1',
    module: 'stocks',
    strategy: 'momentum',
    purpose: 'entry',
    symbol: 'XLK',
    legs: [],
    side: 'buy',
    qty: '10',
    order_type: 'limit',
    limit_price: '100.50',
    stop_price: null,
    time_in_force: 'day',
    decided_at: ago(5),
    valid_until: ago(-60),
    decision_px: '100',
    position_id: 's1',
    reserved_usd: '1005',
    protect_stop: null,
    take_profit: null,
    max_loss_usd: null,
    leverage: '1',
    confidence: 0.7,
    reason: '',
    features: {},
    parameters_version: 1,
    ...given,
  } as OrderIntent;
}

export function order(given: Partial<Order> = {}): Order {
  return {
    intent: intent(),
    state: 'WORKING',
    broker_order_id: null,
    lease_until: null,
    attempts: 1,
    filled_qty: '0',
    avg_px: null,
    fees: '0',
    fills: [],
    history: [],
    updated_at: ago(5),
    ...given,
  } as Order;
}

export function fill(given: Partial<Fill> = {}): Fill {
  return {
    trade_id: 't1',
    client_order_id: 's1',
    symbol: 'XLK',
    side: 'buy',
    qty: '4',
    price: '100',
    fee: '0.1',
    ts_event: ago(5),
    ...given,
  } as Fill;
}

export function book(given: Partial<BookDoc> = {}): BookDoc {
  return {
    schema: 1,
    module: 'stocks',
    last_slot: ago(5),
    last_cycle: null,
    positions: {},
    orders: {},
    account: null,
    parameters_version: 3,
    updated_at: ago(5),
    ...given,
  } as BookDoc;
}

export function reading(given: Partial<Reading> = {}): Reading {
  return { name: 'gross exposure', subject: 'desk', measure: 'exposure', limit_usd: '100000', observed_usd: '50000', ...given } as Reading;
}

export function riskReport(given: Partial<RiskReportDoc> = {}): RiskReportDoc {
  return {
    schema: 1,
    day: '2026-07-16',
    final: false,
    state: 'ACTIVE',
    equity: '100000',
    peak_equity: '102000',
    drawdown: 0.0196,
    pnl: { day: '500', week: '-1000' },
    modules: {},
    limits: [],
    tails: [],
    shocks: [],
    underlyings: [],
    breaches: {},
    questions: [],
    activity: null,
    as_of: ago(1),
    ...given,
  } as RiskReportDoc;
}

export function account(given: Partial<AccountView> = {}): AccountView {
  return { venue: 'alpaca', cash: '1', equity: '2', buying_power: '3', as_of: ago(9), ...given } as AccountView;
}

export function stateDoc(given: Partial<DeskStateDoc> = {}): DeskStateDoc {
  return { schema: 1, state: 'ACTIVE', by: 'u', reason: '', breach: '', changed_at: ago(0), ...given } as DeskStateDoc;
}

export function summary(given: Partial<SummaryDoc> = {}): SummaryDoc {
  return {
    schema: 1,
    equity: '101000.50',
    day_pnl: '1000.50',
    peak_equity: '102000',
    drawdown: 0.0098,
    state: 'ACTIVE',
    modules: {
      stocks: {
        realized_pnl: '100',
        unrealized_pnl: '-40.25',
        realized_today: '0',
        fees: '1',
        exposure: '25000',
        allocation_limit: '50000',
        open_positions: 1,
        working_orders: 0,
        unknown_orders: 0,
        trades: 2,
        drift: 0,
        last_slot: ago(10),
        last_status: 'traded',
        healthy: true,
        note: '',
      },
    },
    market: 'synthetic',
    synthetic: true,
    updated_at: ago(1),
    ...given,
  } as SummaryDoc;
}
