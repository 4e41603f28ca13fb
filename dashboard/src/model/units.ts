// Nominal types for the numbers on the page, and the only place where they become text.
// A price cannot be shown where an amount of money belongs: the compiler refuses it.
import type { DecimalText, StoredTime } from '../generated/documents';

declare const unit: unique symbol;
type Nominal<Name extends string> = number & { readonly [unit]: Name };

/** US dollars. */
export type Usd = Nominal<'Usd'>;
/** US dollars per unit: share, coin, contract point or structure. */
export type Price = Nominal<'Price'>;
/** Shares, coins or contracts; signed where short is possible. */
export type Quantity = Nominal<'Quantity'>;
/** A share of something, 0.1 is 10 %. */
export type Fraction = Nominal<'Fraction'>;
/** Milliseconds since 1970, UTC. */
export type EpochMs = Nominal<'EpochMs'>;

const MINUS = '\u2212';

export const usd = (stored: DecimalText): Usd => Number(stored) as Usd;
export const price = (stored: DecimalText): Price => Number(stored) as Price;
export const quantity = (stored: DecimalText): Quantity => Number(stored) as Quantity;
export const fraction = (part: number, whole: number): Fraction => (whole === 0 ? 0 : part / whole) as Fraction;
export const epoch = (stored: StoredTime): EpochMs => stored.toMillis() as EpochMs;
export const epochOrNull = (stored: StoredTime | null): EpochMs | null => (stored === null ? null : epoch(stored));
export const maybePrice = (stored: DecimalText | null): Price | null => (stored === null ? null : price(stored));
export const addUsd = (...amounts: readonly Usd[]): Usd => amounts.reduce((sum, one) => sum + one, 0) as Usd;

function grouped(value: number, digits: number, least: number = digits): string {
  return Math.abs(value).toLocaleString('en-US', { minimumFractionDigits: least, maximumFractionDigits: digits });
}

function isZero(text: string): boolean {
  return !/[1-9]/.test(text);
}

/** "1,234.50", "−12.00": money without its sign of gain; `digits` 0 for large figures. */
export function formatUsd(value: Usd, digits = 2): string {
  const text = grouped(value, digits);
  return value < 0 && !isZero(text) ? `${MINUS}${text}` : text;
}

/** "+12.00", "−12.00", "0.00": money gained or lost. */
export function formatGain(value: Usd, digits = 2): string {
  const text = grouped(value, digits);
  if (isZero(text)) return text;
  return `${value < 0 ? MINUS : '+'}${text}`;
}

/** "1.24 %", signed when `signed`. */
export function formatPercent(value: Fraction, signed = false, digits = 2): string {
  const text = grouped(value * 100, digits);
  const sign = isZero(text) ? '' : value < 0 ? MINUS : signed ? '+' : '';
  return `${sign}${text}\u00a0%`;
}

/** A price with as many decimals as its size deserves. */
export function formatPrice(value: Price): string {
  const size = Math.abs(value);
  const digits = size === 0 || size >= 1 ? 2 : size >= 0.01 ? 4 : 8;
  return `${value < 0 ? MINUS : ''}${grouped(value, digits, 2)}`;
}

/** A quantity without idle zeros; short ones with a minus. */
export function formatQuantity(value: Quantity): string {
  const text = grouped(value, 8, 0);
  return value < 0 ? `${MINUS}${text}` : text;
}

export type Trend = 'up' | 'down' | 'flat';

export function trend(value: number): Trend {
  return value > 0 ? 'up' : value < 0 ? 'down' : 'flat';
}
