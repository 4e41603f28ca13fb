import { expect, test } from 'vitest';
import type { ModuleSummary } from '../src/generated/documents';
import { NOTHING_YET } from '../src/model/desk';
import { accountRows, deskState, health, overview } from '../src/model/overview';
import type { EpochMs } from '../src/model/units';
import { CLOCK, NOW, account, ago, book, stateDoc, summary } from './docs';

const data = { ...NOTHING_YET, summary: summary(), books: [book()] };
const base = summary().modules.stocks as ModuleSummary;
const slot = (NOW - 5 * 60_000) as EpochMs;

test('the first screen adds up', () => {
  const view = overview(data, CLOCK);
  expect(view).toMatchObject({ equity: 101000.5, dayPnl: 1000.5, peak: 102000, synthetic: true });
  expect(view?.dayReturn).toBeCloseTo(1000.5 / 100000);
  expect(view?.modules[0]).toMatchObject({ name: 'stocks', pnl: 59.75, used: 0.5, parametersVersion: 3 });
});

test('before the first report there is no screen', () => expect(overview(NOTHING_YET, CLOCK)).toBeNull());

test.each([
  [{}, 'ok', 'traded, 5\u00a0min ago'],
  [{ unknown_orders: 2 }, 'bad', '2 orders unknown'],
  [{ drift: 1 }, 'bad', 'drift in 1 symbol'],
  [{ last_status: 'venue_down' }, 'bad', 'venue down, 5\u00a0min ago'],
  [{ healthy: false }, 'bad', 'silent, last cycle 5\u00a0min ago'],
  [{ healthy: false, note: 'no heartbeat' }, 'bad', 'no heartbeat'],
  [{ last_status: null }, 'ok', 'running, 5\u00a0min ago'],
])('health of %o is %s', (change, level, text) => {
  expect(health({ ...base, ...(change as Partial<ModuleSummary>) }, slot, CLOCK)).toEqual({ level, text });
});

test('a module that never ran says so', () => {
  expect(health(base, null, CLOCK)).toEqual({ level: 'warning', text: 'no cycle yet' });
});

test('the brake is told by its own document, by the summary only while that is unknown', () => {
  expect(deskState(data)).toBe('ACTIVE');
  expect(deskState({ ...data, state: stateDoc({ state: 'HALTED' }) })).toBe('HALTED');
  expect(deskState(NOTHING_YET)).toBeNull();
});

test('an account that two modules share is listed once, by its newest word', () => {
  const newer = account({ equity: '5', as_of: ago(1) });
  const books = [book({ account: account() }), book({ module: 'options', account: newer }), book({ module: 'crypto' })];
  expect(accountRows(books, CLOCK)).toEqual([{ venue: 'alpaca', equity: 5, cash: 1, buyingPower: 3, age: '1\u00a0min' }]);
});
