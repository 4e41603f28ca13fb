import { expect, test } from 'vitest';
import { doubtCount, doubts, unknownSince } from '../src/model/doubts';
import { breachRows, cutRows, historyRows, limitGroups, limitRow, riskDay, usedWords } from '../src/model/risk';
import { epoch } from '../src/model/units';
import { CLOCK, ago, book, intent, order, position, reading, riskReport } from './docs';

test('limits stand by what they bound, the most used first', () => {
  const groups = limitGroups([
    reading({ observed_usd: '10000' }),
    reading({ name: 'symbol concentration', subject: 'XLK', limit_usd: '15000', observed_usd: '14000' }),
    reading({ name: 'loss of the UTC day', measure: 'loss', limit_usd: '3000', observed_usd: '0' }),
  ]);
  expect(groups.map((group) => group.title)).toEqual(['Losses', 'Exposure']);
  expect(groups[1]?.rows.map((row) => row.subject)).toEqual(['XLK', '']);
});

test('a strategy is named in words', () => {
  expect(limitRow(reading({ name: 'strategy allocation', subject: 'sector_rotation' })).subject).toBe('sector rotation');
});

test.each([
  ['79999', '100000', 'ok', '80\u00a0%'],
  ['80000', '100000', 'near', '80\u00a0%'],
  ['100000', '100000', 'near', '100\u00a0%'],
  ['100001', '100000', 'over', '100\u00a0%'],
  ['1', '0', 'over', 'over'],
  ['0', '0', 'ok', '0\u00a0%'],
  ['-5', '100', 'ok', '0\u00a0%'],
])('%s of %s is %s', (observed, limit, level, words) => {
  const row = limitRow(reading({ observed_usd: observed, limit_usd: limit }));
  expect([row.level, usedWords(row.used)]).toEqual([level, words]);
});

test('a day counts its gains from where they began', () => {
  const day = riskDay(riskReport());
  expect(day.dayReturn).toBeCloseTo(500 / 99_500);
  expect(day.weekReturn).toBeCloseTo(-1_000 / 101_000);
  expect([day.shocks, day.tails, day.fills]).toEqual([null, [], 0]);
});

test('tails are shown with their share of equity', () => {
  const tails = [{ method: 'historical', level: 0.99, var_usd: '4000', cvar_usd: '5000' }] as const;
  expect(riskDay(riskReport({ tails })).tails).toEqual([
    { method: 'historical', level: '99\u00a0%', var: 4000, cvar: 5000, varShare: 0.04, cvarShare: 0.05 },
  ]);
});

test('shocks become a grid whatever their order, the worst with full weight', () => {
  const shocks = [
    { move: 0.1, vol_points: 10, loss_usd: '-50' },
    { move: -0.1, vol_points: 0, loss_usd: '100' },
    { move: -0.1, vol_points: 10, loss_usd: '200' },
    { move: 0.1, vol_points: 0, loss_usd: '-100' },
  ];
  const grid = riskDay(riskReport({ shocks })).shocks;
  expect(grid?.vols).toEqual([0, 10]);
  expect(grid?.rows.map((row) => [row.move, ...row.cells.map((cell) => [cell.loss, cell.weight])])).toEqual([
    [-0.1, [100, 0.5], [200, 1]],
    [0.1, [-100, 0], [-50, 0]],
  ]);
});

test('what was done is counted, the most frequent first, in words', () => {
  const activity = { orders: { FILLED: 1, PARTIALLY_FILLED: 2 }, fills: 3, denials: { QUOTE_MISSING: 4 }, changes: [] };
  const day = riskDay(riskReport({ activity }));
  expect(day.orders).toEqual([{ name: 'partially filled', count: 2 }, { name: 'filled', count: 1 }]);
  expect(day.denials).toEqual([{ name: 'no quote', count: 4 }]);
});

test('the history shows the larger tail and the most used limit', () => {
  const tails = [
    { method: 'historical', level: 0.99, var_usd: '4000', cvar_usd: '5000' },
    { method: 'parametric', level: 0.99, var_usd: '4500', cvar_usd: '5000' },
    { method: 'parametric', level: 0.95, var_usd: '9000', cvar_usd: '9000' },
  ] as const;
  const limits = [reading(), reading({ name: 'module allocation', subject: 'crypto', observed_usd: '90000' })];
  const [row, empty] = historyRows([riskReport({ tails, limits }), riskReport({ day: '2026-07-15', final: true })]);
  expect([row?.var99, row?.worst?.key]).toEqual([4500, 'module allocation: crypto']);
  expect([empty?.var99, empty?.worst, empty?.final]).toEqual([null, null, true]);
});

test('a plan says what is cut to what, and breaches stand oldest first', () => {
  const breach = (minutes: number) => ({ name: 'gross exposure', subject: 'desk', limit_usd: '1', observed_usd: '2', since: ago(minutes) });
  const cuts = [{ module: 'stocks', position_id: 'p', symbol: 'XLK', units: '10', keep: '4', cause: 'gross' }] as const;
  const doc = { schema: 1, breaches: { new: breach(1), old: breach(9) }, number: 1, cuts, planned_at: ago(1) };
  expect(cutRows(doc)).toEqual([{ key: 'stocks/p', symbol: 'XLK', module: 'stocks', from: 10, to: 4, cause: 'gross' }]);
  expect(breachRows(doc).map((row) => epoch(row.since))).toEqual([ago(9).toMillis(), ago(1).toMillis()]);
  expect([cutRows(null), breachRows(null)]).toEqual([[], []]);
});

test('an unknown order ages from the doubt that lasts, not from its decision', () => {
  const step = (state: string, minutes: number) => ({ state, evidence: 'answer_lost', at: ago(minutes), note: 'no answer' });
  const history = [step('UNKNOWN', 40), step('WORKING', 30), step('UNKNOWN', 7)] as never;
  const lost = order({ state: 'UNKNOWN', history, intent: intent({ decided_at: ago(60) }), broker_order_id: 'v1' });
  expect(unknownSince(order({ state: 'UNKNOWN', updated_at: ago(5) }))).toBe(ago(5).toMillis());
  const found = doubts([book({ orders: { s1: lost, s2: order() } })], CLOCK);
  expect(found.unknown).toMatchObject([{ id: 's1', age: '7\u00a0min', brokerId: 'v1', note: 'no answer', level: 100.5 }]);
});

test('what is bare, quarantined or adrift is counted; what is foreign is only shown', () => {
  const foreign = { TSLA: { qty: '5', price: null, value_usd: null, first_seen: ago(120), how: 'fill' } } as const;
  const others = { b9: { symbol: 'TSLA', side: 'buy', qty: '5', leaves: '3', limit_price: '200', client_order_id: null, seen_at: ago(1) } } as const;
  const found = doubts(
    [
      book({
        positions: { p1: position(), p2: position({ id: 'p2' }) },
        naked: { p1: 2, p2: 0, gone: 7 },
        quarantine: { AAPL: 'split 4:1' },
        drift: { SPY: '-2', QQQ: '1' },
        foreign,
        foreign_orders: others,
      }),
    ],
    CLOCK,
  );
  expect(found.naked.map((one) => [one.subject, one.text])).toEqual([['XLK', '2 cycles without a stop at the venue']]);
  expect(found.drift.map((one) => one.text)).toEqual(['the venue holds 2 less than the book', 'the venue holds 1 more than the book']);
  expect(found.foreign).toMatchObject([{ symbol: 'TSLA', quantity: 5, worth: null, since: '2\u00a0h\u00a000' }]);
  expect(found.foreignOrders).toMatchObject([{ id: 'b9', text: 'buy 3 TSLA at 200' }]);
  expect(doubtCount(found)).toBe(4);
});

test('a book of before these fields is in no doubt', () => {
  expect(doubtCount(doubts([book()], CLOCK))).toBe(0);
});
