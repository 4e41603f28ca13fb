// The scores of every module and its strategies, as rows.
import type { Score, ScoreDoc } from '../generated/documents';
import { type Fraction, type Usd, formatGain, formatPercent } from './units';

export interface ScoreRow {
  readonly key: string;
  readonly name: string;
  /** Whether it is a module's own row. */
  readonly own: boolean;
  readonly score: string;
  readonly trend: string;
  readonly trades: number;
  readonly gain: string;
  /** "less, to 22.5 %". */
  readonly advice: string;
}

function row(doc: ScoreDoc, name: string, score: Score): ScoreRow {
  const share = doc.shares[name];
  return {
    key: `${doc.module}/${name}`,
    name,
    own: name === doc.module,
    score: score.score === null ? '–' : score.score.toFixed(0),
    trend: score.trend === null ? '–' : formatGain(score.trend as Usd, 1),
    trades: score.trades,
    gain: formatPercent(score.gain as Fraction, true, 1),
    advice: share === undefined ? score.advice : `${score.advice}, to ${formatPercent(Number(share) as Fraction, false, 1)}`,
  };
}

export function scoreRows(docs: readonly ScoreDoc[]): ScoreRow[] {
  return docs.flatMap((doc) => [
    row(doc, doc.module, doc.own),
    ...Object.entries(doc.strategies).sort().map(([name, score]) => row(doc, name, score)),
  ]);
}
