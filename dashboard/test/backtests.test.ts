import { describe, expect, it } from 'vitest';
import type { BacktestDoc } from '../src/generated/documents';
import { backtestCard } from '../src/model/backtests';
import { at } from './docs';

const DOC: BacktestDoc = {
  schema: 1,
  title: 'stocks',
  modules: ['stocks'],
  symbols: ['SPY'],
  first: '2026-01-02',
  last: '2026-01-06',
  minutes: 1440,
  parameters: {},
  capital: '100.00',
  final_equity: '110.00',
  trades: 3,
  metrics: { sharpe: { value: 0.64, low: -0.85, high: 2.14 }, max_drawdown: { value: 0.05, low: null, high: null } },
  days: ['2026-01-02', '2026-01-05', '2026-01-06'],
  equity: ['100.00', '90.00', '110.00'],
  cautions: [],
  execution: [],
  created_at: at(0),
};

describe('a kept backtest', () => {
  it('says what it gained and how sure that is', () => {
    const card = backtestCard(DOC);
    expect([card.gain, card.share, card.drawdown]).toEqual([10, 0.1, 0.05]);
    expect(card.sharpe).toBe('0.64, between \u22120.85 and 2.14');
    expect(card.sure).toBe(false);
    expect(card.curve).toBe('0.0,30.0 150.0,58.0 300.0,2.0');
    expect(card.capital).toBe(30);
  });

  it('is sure only where the interval leaves zero out', () => {
    const sure = { ...DOC, metrics: { sharpe: { value: 1, low: 0.2, high: 2 } } };
    expect(backtestCard(sure).sure).toBe(true);
    const unknown = { ...DOC, metrics: { sharpe: { value: null, low: null, high: null } } };
    expect([backtestCard(unknown).sharpe, backtestCard(unknown).sure]).toEqual(['–', false]);
  });

  it('draws a curve that never moved', () => {
    expect(backtestCard({ ...DOC, final_equity: '100.00', equity: ['100.00'] }).curve).toBe('0.0,58.0');
  });
});
