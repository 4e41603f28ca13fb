// Open positions with their stops and targets, largest exposure first.
import type { BookDoc, ModuleName, Position, PositionLeg } from '../generated/documents';
import { type Clock, age } from './time';
import {
  type Fraction,
  type Price,
  type Quantity,
  type Usd,
  epoch,
  fraction,
  maybePrice,
  price,
  quantity,
  usd,
} from './units';

export interface PositionRow {
  readonly id: string;
  readonly module: ModuleName;
  readonly strategy: string;
  readonly symbol: string;
  /** What exactly is held when it is more than the symbol itself. */
  readonly detail: string;
  readonly quantity: Quantity;
  readonly entry: Price;
  readonly mark: Price | null;
  readonly stop: Price | null;
  readonly target: Price | null;
  readonly rail: Rail | null;
  readonly value: Usd;
  readonly gain: Usd;
  readonly gainShare: Fraction;
  readonly age: string;
}

/** Where entry and mark lie on the way from the stop (0) to the target (1). */
export interface Rail {
  readonly entry: number;
  readonly mark: number;
}

export function positionRows(books: readonly BookDoc[], clock: Clock): PositionRow[] {
  const rows = books.flatMap((book) => Object.values(book.positions).map((position) => positionRow(position, clock)));
  return rows.sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
}

function positionRow(position: Position, clock: Clock): PositionRow {
  const legs = position.legs.filter((leg) => quantity(leg.qty) !== 0);
  const value = sum(legs, (leg) => Number(leg.qty) * Number(leg.multiplier) * Number(leg.mark_px ?? leg.avg_px));
  const cost = sum(legs, (leg) => Number(leg.qty) * Number(leg.multiplier) * Number(leg.avg_px));
  const entry = price(position.entry_px);
  const mark = unitMark(position.legs);
  const stop = maybePrice(position.stop_price);
  const target = maybePrice(position.take_profit);
  return {
    id: position.id,
    module: position.module,
    strategy: position.strategy,
    symbol: position.symbol,
    detail: describeLegs(position),
    quantity: heldQuantity(position),
    entry,
    mark,
    stop,
    target,
    rail: rail({ stop, target, entry, mark }),
    value: value as Usd,
    gain: (value - cost) as Usd,
    gainShare: fraction(value - cost, basis(position, cost)),
    age: age(epoch(position.opened_at), clock),
  };
}

function sum(legs: readonly PositionLeg[], of: (leg: PositionLeg) => number): number {
  return legs.reduce((total, leg) => total + of(leg), 0);
}

/** What a gain is a share of: the money at risk where it is defined, else what was paid. */
function basis(position: Position, cost: number): number {
  return position.max_loss_usd === null ? Math.abs(cost) : Math.abs(usd(position.max_loss_usd));
}

function units(legs: readonly PositionLeg[]): number {
  return legs.length === 0 ? 0 : Math.min(...legs.map((leg) => Math.abs(Number(leg.qty))));
}

function heldQuantity(position: Position): Quantity {
  const [only, ...others] = position.legs;
  if (only !== undefined && others.length === 0) return quantity(only.qty);
  return units(position.legs) as Quantity;
}

/** The price of one unit now: the mark of a single leg, the net of a structure; null while a leg has none. */
function unitMark(legs: readonly PositionLeg[]): Price | null {
  if (legs.length === 0 || legs.some((leg) => leg.mark_px === null)) return null;
  const [only, ...others] = legs;
  if (only !== undefined && others.length === 0) return maybePrice(only.mark_px);
  const count = units(legs);
  return count === 0 ? null : ((sum(legs, (leg) => Number(leg.qty) * Number(leg.mark_px)) / count) as Price);
}

export function rail(levels: { stop: Price | null; target: Price | null; entry: Price; mark: Price | null }): Rail | null {
  const { stop, target, entry, mark } = levels;
  if (stop === null || target === null || stop === target) return null;
  const place = (level: Price): number => Math.min(1, Math.max(0, (level - stop) / (target - stop)));
  return { entry: place(entry), mark: place(mark ?? entry) };
}

const OCC = /^([A-Z.]{1,6})(\d{2})(\d{2})(\d{2})([CP])(\d{8})$/;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** "AAPL 21 Aug 230 C" for an OCC symbol, any other symbol as it is. */
export function readableSymbol(symbol: string): string {
  const match = OCC.exec(symbol);
  if (match === null) return symbol;
  const [, root, , month, day, right, strike] = match;
  return `${root} ${Number(day)} ${MONTHS[Number(month) - 1]} ${Number(strike) / 1000} ${right}`;
}

function describeLegs(position: Position): string {
  const onlyItself = position.legs.length === 1 && position.legs[0]?.symbol === position.symbol;
  if (onlyItself) return '';
  return position.legs
    .map((leg) => `${Number(leg.qty) < 0 ? '\u2212' : '+'}${withoutRoot(readableSymbol(leg.symbol), position.symbol)}`)
    .join('  ');
}

function withoutRoot(text: string, root: string): string {
  return text.startsWith(`${root} `) ? text.slice(root.length + 1) : text;
}
