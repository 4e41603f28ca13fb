// Orders that are not done yet, worst first, and the executions that happened.
import type { BookDoc, ModuleName, Order, OrderDoc, OrderState, Side } from '../generated/documents';
import { readableSymbol } from './positions';
import { type Clock, age } from './time';
import { type EpochMs, type Price, type Quantity, type Usd, epoch, maybePrice, price, quantity, usd } from './units';

export interface OrderRow {
  readonly id: string;
  readonly module: ModuleName;
  readonly strategy: string;
  readonly symbol: string;
  readonly side: Side;
  readonly purpose: string;
  readonly state: OrderState;
  readonly quantity: Quantity;
  readonly filled: Quantity;
  readonly level: Price | null;
  readonly levelKind: 'limit' | 'stop' | 'market';
  readonly age: string;
  readonly note: string;
}

export interface FillRow {
  readonly id: string;
  readonly orderId: string;
  readonly module: ModuleName;
  readonly symbol: string;
  readonly side: Side;
  readonly quantity: Quantity;
  readonly price: Price;
  readonly fee: Usd;
  readonly at: EpochMs;
  readonly purpose: string;
}

const URGENCY: Partial<Record<OrderState, number>> = { UNKNOWN: 0, SUBMITTING: 1, PLANNED: 1 };
const FINISHED: ReadonlySet<OrderState> = new Set(['FILLED', 'CANCELLED', 'EXPIRED', 'REJECTED']);
/** A resting stop is where it should be: it comes after everything that is under way. */
const RESTING = 3;

export function workingOrders(books: readonly BookDoc[], clock: Clock): OrderRow[] {
  // A book keeps finished orders for a while: a late fill finds them.
  const orders = books.flatMap((book) => Object.values(book.orders)).filter((order) => !FINISHED.has(order.state));
  return orders
    .sort((a, b) => urgency(a) - urgency(b) || epoch(a.intent.decided_at) - epoch(b.intent.decided_at))
    .map((order) => orderRow(order, clock));
}

function urgency(order: Order): number {
  return URGENCY[order.state] ?? (order.intent.purpose === 'protect' ? RESTING : 2);
}

function orderRow(order: Order, clock: Clock): OrderRow {
  const { intent } = order;
  const kind = intent.order_type;
  return {
    id: intent.client_order_id,
    module: intent.module,
    strategy: intent.strategy,
    symbol: readableSymbol(intent.symbol),
    side: intent.side,
    purpose: intent.purpose,
    state: order.state,
    quantity: quantity(intent.qty),
    filled: quantity(order.filled_qty),
    level: maybePrice(kind === 'stop' ? intent.stop_price : intent.limit_price),
    levelKind: kind,
    age: age(epoch(intent.decided_at), clock),
    note: order.history.at(-1)?.note ?? '',
  };
}

/** The newest executions of the newest orders. */
export function fillRows(orders: readonly OrderDoc[], most = 20): FillRow[] {
  return orders
    .flatMap(({ order, module }) =>
      order.fills.map((fill) => ({
        id: fill.trade_id,
        orderId: order.intent.client_order_id,
        module,
        symbol: readableSymbol(fill.symbol),
        side: fill.side,
        quantity: quantity(fill.qty),
        price: price(fill.price),
        fee: usd(fill.fee),
        at: epoch(fill.ts_event),
        purpose: order.intent.purpose,
      })),
    )
    .sort((a, b) => b.at - a.at)
    .slice(0, most);
}

/** Orders that ended without a fill although somebody may have expected one. */
export function failedOrders(orders: readonly OrderDoc[], clock: Clock): OrderRow[] {
  return orders.filter(({ order }) => order.state === 'REJECTED').map(({ order }) => orderRow(order, clock));
}
