// A kept backtest as its card shows it.
import type { BacktestDoc } from '../generated/documents';
import { type Fraction, type Usd, fraction, usd } from './units';

export interface BacktestCard {
  readonly gain: Usd;
  readonly share: Fraction;
  readonly drawdown: Fraction;
  /** "0.64, between −0.85 and 2.14"; a dash where it is not defined. */
  readonly sharpe: string;
  /** Whether the interval of the Sharpe ratio leaves zero out. */
  readonly sure: boolean;
  /** The curve in a box of 300 by 60, and where the capital lies in it. */
  readonly curve: string;
  readonly capital: number;
}

export function backtestCard(doc: BacktestDoc): BacktestCard {
  const [start, end] = [usd(doc.capital), usd(doc.final_equity)];
  const values = doc.equity.map(Number);
  const [low, high] = [Math.min(start, ...values), Math.max(start, ...values)];
  const up = (value: number): number => 58 - ((value - low) / (high - low || 1)) * 56;
  const sharpe = doc.metrics['sharpe'];
  const [least, most] = [sharpe?.low ?? null, sharpe?.high ?? null];
  const known = least !== null && most !== null;
  const text = (value: number): string => value.toFixed(2).replace('-', '\u2212');
  return {
    gain: (end - start) as Usd,
    share: fraction(end - start, start),
    drawdown: (doc.metrics['max_drawdown']?.value ?? 0) as Fraction,
    sharpe: `${sharpe?.value == null ? '–' : text(sharpe.value)}${known ? `, between ${text(least)} and ${text(most)}` : ''}`,
    sure: known && (least > 0 || most < 0),
    curve: values.map((value, at) => `${((at / (values.length - 1 || 1)) * 300).toFixed(1)},${up(value).toFixed(1)}`).join(' '),
    capital: up(start),
  };
}
