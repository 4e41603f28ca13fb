// What does not agree and what somebody may have to look at: unknown orders, bare positions, what is not the desk's.
import type { BookDoc, ModuleName, Order, Side } from '../generated/documents';
import { readableSymbol } from './positions';
import { type Clock, age } from './time';
import { type EpochMs, type Price, type Quantity, type Usd, epoch, maybePrice, quantity, usd } from './units';

export interface UnknownOrder {
  readonly id: string;
  readonly module: ModuleName;
  readonly symbol: string;
  readonly side: Side;
  readonly quantity: Quantity;
  readonly filled: Quantity;
  readonly level: Price | null;
  readonly age: string;
  readonly brokerId: string | null;
  readonly note: string;
}

export interface Doubt {
  readonly key: string;
  readonly module: ModuleName;
  readonly subject: string;
  readonly text: string;
}

export interface ForeignRow {
  readonly symbol: string;
  readonly shown: string;
  readonly module: ModuleName;
  readonly quantity: Quantity;
  readonly worth: Usd | null;
  readonly since: string;
}

export interface ForeignOrderRow {
  readonly id: string;
  readonly module: ModuleName;
  readonly text: string;
  readonly since: string;
}

export interface Doubts {
  readonly unknown: readonly UnknownOrder[];
  readonly naked: readonly Doubt[];
  readonly quarantined: readonly Doubt[];
  readonly drift: readonly Doubt[];
  readonly foreign: readonly ForeignRow[];
  readonly foreignOrders: readonly ForeignOrderRow[];
}

export function doubts(books: readonly BookDoc[], clock: Clock): Doubts {
  const all = <T>(of: (book: BookDoc) => readonly T[]): T[] => books.flatMap((book) => [...of(book)]);
  return {
    unknown: all((book) => unknownOrders(book, clock)),
    naked: all(naked),
    quarantined: all((book) => doubtful(book, 'quarantine', Object.entries(book.quarantine ?? {}))),
    drift: all((book) => doubtful(book, 'drift', Object.entries(book.drift ?? {}).map(driftWords))),
    foreign: all((book) => foreign(book, clock)),
    foreignOrders: all((book) => foreignOrders(book, clock)),
  };
}

/** Everything that waits for a person; what is foreign waits for nobody. */
export function doubtCount(found: Doubts): number {
  return found.unknown.length + found.naked.length + found.quarantined.length + found.drift.length;
}

function unknownOrders(book: BookDoc, clock: Clock): UnknownOrder[] {
  return Object.values(book.orders)
    .filter((order) => order.state === 'UNKNOWN')
    .sort((a, b) => unknownSince(a) - unknownSince(b))
    .map((order) => ({
      id: order.intent.client_order_id,
      module: order.intent.module,
      symbol: readableSymbol(order.intent.symbol),
      side: order.intent.side,
      quantity: quantity(order.intent.qty),
      filled: quantity(order.filled_qty),
      level: maybePrice(order.intent.order_type === 'stop' ? order.intent.stop_price : order.intent.limit_price),
      age: age(unknownSince(order), clock),
      brokerId: order.broker_order_id,
      note: order.history.at(-1)?.note ?? '',
    }));
}

/** When the doubt that lasts began. */
export function unknownSince(order: Order): EpochMs {
  const began = order.history.findLast((step) => step.state === 'UNKNOWN');
  return epoch(began?.at ?? order.updated_at);
}

function naked(book: BookDoc): Doubt[] {
  return Object.entries(book.naked ?? {}).flatMap(([id, cycles]) => {
    const position = book.positions[id];
    if (position === undefined || cycles === 0) return [];
    const text = `${cycles} ${cycles === 1 ? 'cycle' : 'cycles'} without a stop at the venue`;
    return [{ key: `naked/${id}`, module: book.module, subject: readableSymbol(position.symbol), text }];
  });
}

function doubtful(book: BookDoc, kind: string, rows: readonly (readonly [string, string])[]): Doubt[] {
  return rows.map(([symbol, text]) => ({
    key: `${kind}/${book.module}/${symbol}`,
    module: book.module,
    subject: readableSymbol(symbol),
    text,
  }));
}

function driftWords([symbol, gap]: [string, string]): [string, string] {
  const more = !gap.startsWith('-');
  return [symbol, `the venue holds ${gap.replace('-', '')} ${more ? 'more' : 'less'} than the book`];
}

function foreign(book: BookDoc, clock: Clock): ForeignRow[] {
  return Object.entries(book.foreign ?? {}).map(([symbol, holding]) => ({
    symbol,
    shown: readableSymbol(symbol),
    module: book.module,
    quantity: quantity(holding.qty),
    worth: holding.value_usd === null ? null : usd(holding.value_usd),
    since: age(epoch(holding.first_seen), clock),
  }));
}

function foreignOrders(book: BookDoc, clock: Clock): ForeignOrderRow[] {
  return Object.entries(book.foreign_orders ?? {}).map(([id, order]) => {
    const what = [order.side, order.leaves ?? order.qty, readableSymbol(order.symbol) || 'several legs'];
    const limit = order.limit_price === null ? '' : ` at ${order.limit_price}`;
    return {
      id,
      module: book.module,
      text: `${what.filter((word) => word !== null).join(' ')}${limit}`,
      since: age(epoch(order.seen_at), clock),
    };
  });
}
