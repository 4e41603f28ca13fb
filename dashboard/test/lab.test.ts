import { describe, expect, it } from 'vitest';
import type { ParityDoc, ParitySide, ParityTrade, Score, ScoreDoc } from '../src/generated/documents';
import { parityRows, parityWords } from '../src/model/parity';
import { scoreRows } from '../src/model/scores';
import { at } from './docs';

const SIDE: ParitySide = { qty: '10', opened_at: at(1), entry_px: '100', closed_at: at(2), exit_px: '101', profit: '10' };
const TRADE: ParityTrade = {
  module: 'stocks',
  strategy: 'momentum',
  symbol: 'XLK',
  fate: 'matched',
  live: SIDE,
  backtest: SIDE,
  entry_gap_bps: 1.24,
  exit_gap_bps: -60,
  gap_usd: '-3.5',
  why: '',
};
const DOC: ParityDoc = {
  schema: 1,
  first: '2026-06-25',
  last: '2026-07-24',
  bound_bps: 50,
  trades: [TRADE],
  counts: { matched: 1, only_live: 2 },
  gap_bps_max: 60,
  gap_usd: '-3.5',
  notes: [],
  as_of: at(0),
  expire_at: at(0),
};
const SCORE: Score = { trades: 24, gain: 0.012, fall: 0.01, brier: 0.2, slippage_bps: 1, parts: null, score: 61.4, trend: -2.5, advice: 'less' };

describe('desk and backtest', () => {
  const row = (more: Partial<ParityTrade>) => parityRows({ ...DOC, trades: [{ ...TRADE, ...more }] })[0];

  it('tells gaps in basis points and USD, and marks what is beyond the bound', () => {
    expect(row({})).toMatchObject({ entry: '+1.2', exit: '\u221260.0', gap: 3.5, apart: true });
    expect(row({ exit_gap_bps: 50 })).toMatchObject({ apart: false });
  });

  it('has no gap where a side is missing or still open', () => {
    expect(row({ backtest: null, entry_gap_bps: null, exit_gap_bps: null, fate: 'only_live' })).toMatchObject({ entry: '–', gap: null, apart: true });
    expect(row({ live: { ...SIDE, profit: null } })).toMatchObject({ gap: null });
    expect(row({ fate: 'not_compared', why: 'bars are missing' })).toMatchObject({ apart: false, why: 'bars are missing' });
  });

  it('shows the newest first and counts by fate', () => {
    const later = { ...TRADE, symbol: 'XLF' };
    expect(parityRows({ ...DOC, trades: [TRADE, later] }).map(({ symbol }) => symbol)).toEqual(['XLF', 'XLK']);
    expect(parityWords(DOC)).toBe('2026-06-25 to 2026-07-24: 1 matched, 2 only live; largest gap 60.0 bps');
    expect(parityWords({ ...DOC, counts: {} })).toContain('no position');
  });
});

describe('scores', () => {
  const doc: ScoreDoc = {
    schema: 1,
    module: 'stocks',
    day: '2026-07-24',
    own: { ...SCORE, score: null, trend: null, advice: 'too few trades' },
    strategies: { momentum: SCORE },
    shares: { momentum: '0.225' },
    allocated: {},
    allocated_on: null,
    uptime: 1,
    bad_days: [],
    history: [],
    updated_at: at(0),
  };

  it('begin with the module, then its strategies with trend and advised share', () => {
    expect(scoreRows([doc])).toEqual([
      { key: 'stocks/stocks', name: 'stocks', own: true, score: '–', trend: '–', trades: 24, gain: '+1.2\u00a0%', advice: 'too few trades' },
      { key: 'stocks/momentum', name: 'momentum', own: false, score: '61', trend: '\u22122.5', trades: 24, gain: '+1.2\u00a0%', advice: 'less, to 22.5\u00a0%' },
    ]);
  });
});
