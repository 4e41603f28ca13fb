import { expect, test } from 'vitest';
import type { CycleDoc, EquityDoc, NotificationDoc, OpportunityTrace } from '../src/generated/documents';
import { DENIAL_CODE } from '../src/generated/documents';
import { openAlerts, tradeRows } from '../src/model/activity';
import { codeWords, cycleRows } from '../src/model/decisions';
import { curve, pnlTrail, trailPath } from '../src/model/equity';
import { ago } from './docs';

const trace = (given: Partial<OpportunityTrace>): OpportunityTrace => ({
  strategy: 'mean_reversion',
  symbol: 'KO',
  purpose: 'entry',
  side: 'buy',
  confidence: 0.41,
  reason: 'below its mean',
  features: {},
  verdict: 'approved',
  code: null,
  limit: null,
  observed: null,
  qty: null,
  parameters_version: 0, binding_cap: null,
  client_order_id: null,
  ...given,
});

const cycle = (...opportunities: OpportunityTrace[]): CycleDoc & { id: string } =>
  ({
    id: 'stocks_1',
    module: 'stocks',
    slot: ago(5),
    status: 'decided',
    opportunities,
    missing: { ZZZ: 'unknown symbol' },
    note: '',
  }) as Partial<CycleDoc> as CycleDoc & { id: string };

const denied = trace({ verdict: 'denied', code: 'CONFIDENCE_BELOW_MIN', limit: '0.55', observed: '0.41' });
const taken = trace({ symbol: 'XLE', verdict: 'resized', qty: '110', binding_cap: 'symbol_concentration' });

test('a cycle tells what was taken before what was denied, and why', () => {
  const [row] = cycleRows([cycle(denied, taken)]);
  expect(row).toMatchObject({ taken: 1, denied: 1, missing: ['ZZZ'] });
  expect(row?.decisions.map((one) => one.symbol)).toEqual(['XLE', 'KO']);
  expect(row?.decisions[0]).toMatchObject({ why: 'sized by symbol concentration', quantity: 110, action: 'buy' });
  expect(row?.decisions[1]).toMatchObject({ why: 'confidence too low', observed: '0.41', limit: '0.55', quantity: null });
});

test('a filter leaves out cycles that have nothing of it', () => {
  expect(cycleRows([cycle(denied)], 'taken')).toEqual([]);
  expect(cycleRows([cycle(denied, taken)], 'denied')[0]?.decisions).toHaveLength(1);
});

test('a cycle without opportunities is listed only when something went wrong', () => {
  expect(cycleRows([cycle()])).toEqual([]);
  expect(cycleRows([{ ...cycle(), status: 'venue_down' }])).toHaveLength(1);
  expect(cycleRows([{ ...cycle(), note: 'late' }])).toHaveLength(1);
  expect(cycleRows([{ ...cycle(), note: 'late' }], 'taken')).toEqual([]);
});

test('an exit is called by its purpose', () => {
  expect(cycleRows([cycle(trace({ purpose: 'exit', side: 'sell' }))])[0]?.decisions[0]).toMatchObject({ action: 'exit', confidence: null });
});

test('every code of the desk has words of its own, an unknown one is shown as it is', () => {
  expect(new Set(DENIAL_CODE.map(codeWords)).size).toBe(DENIAL_CODE.length);
  expect(codeWords('MOON_ABOVE_MAX')).toBe('moon above max');
});

const point = (minutes: number, equity: string, stocks?: string) => ({
  at: ago(minutes),
  equity,
  pnl: stocks === undefined ? {} : { stocks },
});
const months: EquityDoc[] = [
  { schema: 1, month: '202607', points: [point(30, '101', '1'), point(30, '102', '2'), point(10, '103', '3')] },
  { schema: 1, month: '202606', points: [point(60 * 24 * 20, '100', '0'), point(60 * 24 * 3, '99')] },
];

test('the curve is ascending, one point per second, the later word of two', () => {
  expect(curve(months, 'all').map((one) => one.equity)).toEqual([100, 99, 102, 103]);
  expect(curve(months, 'week').map((one) => one.equity)).toEqual([99, 102, 103]);
  expect(curve(months, 'day').map((one) => one.equity)).toEqual([102, 103]);
  expect(curve([], 'day')).toEqual([]);
});

test('the curve begins after a large change of the capital, not after a large gain', () => {
  const month = (points: EquityDoc['points']): EquityDoc => ({ schema: 1, month: '202607', points });
  const joined = month([point(30, '20000', '0'), point(20, '100000', '0'), point(10, '100500', '500')]);
  expect(curve([joined], 'all').map((one) => one.equity)).toEqual([100000, 100500]);
  const gained = month([point(30, '100', '0'), point(10, '180', '80')]);
  expect(curve([gained], 'all').map((one) => one.equity)).toEqual([100, 180]);
});

test('a span with a single point reaches back to the one before', () => {
  const sparse: EquityDoc = { schema: 1, month: '202607', points: [point(60 * 24 * 5, '100'), point(1, '101')] };
  expect(curve([sparse], 'day').map((one) => one.equity)).toEqual([100, 101]);
});

test('a trail is thinned evenly and keeps its ends', () => {
  const many: EquityDoc = { schema: 1, month: '202607', points: Array.from({ length: 200 }, (_, n) => point(200 - n, '1', String(n))) };
  const trail = pnlTrail([many], 'stocks', 5);
  expect(trail).toEqual([0, 50, 100, 149, 199]);
  expect(pnlTrail([many], 'crypto')).toEqual([]);
});

test('a path spans its box, also when nothing moved', () => {
  expect(trailPath([0, 10], 100, 20)).toBe('M0.0 20.0L100.0 0.0');
  expect(trailPath([5, 5], 100, 20)).toBe('M0.0 20.0L100.0 20.0');
  expect(trailPath([5], 100, 20)).toBeNull();
});

test('only what is open and more than information is an alert, the worst first', () => {
  const one = (id: string, given: Partial<NotificationDoc>) =>
    ({ id, severity: 'warning', title: id, body: '', acknowledged_by: null, created_at: ago(1), ...given }) as NotificationDoc & { id: string };
  const rows = openAlerts([
    one('w', {}),
    one('i', { severity: 'info' }),
    one('c', { severity: 'critical', created_at: ago(9) }),
    one('done', { acknowledged_by: 'u' }),
  ]);
  expect(rows.map((row) => row.id)).toEqual(['c', 'w']);
});

test('a trade tells how long it was held and what it cost to get in', () => {
  const [row] = tradeRows([
    {
      id: 't1',
      schema: 1,
      module: 'stocks',
      strategy: 'momentum',
      closed_at: ago(5),
      trade: {
        id: 't1', module: 'stocks', strategy: 'mean_reversion', symbol: 'KO', qty: '10', entry_px: '50', exit_px: '55',
        opened_at: ago(65), closed_at: ago(5), realized_pnl: '49', fees: '1', entry_slippage_bps: 1.5,
        exit_reason: 'expiry_window', confidence: 0.5, features: {}, parameters_version: 1,
      },
    },
  ]);
  expect(row).toMatchObject({ held: '1\u00a0h\u00a000', gain: 49, gainShare: 0.1, exitReason: 'expiry window', slippageBps: 1.5 });
});
