import { expect, test } from 'vitest';
import { failedOrders, fillRows, workingOrders } from '../src/model/orders';
import { positionRows, rail, readableSymbol } from '../src/model/positions';
import type { Price } from '../src/model/units';
import { CLOCK, ago, at, book, fill, intent, order, position } from './docs';

const price = (value: number): Price => value as Price;

test('a position shows value, gain and its place between stop and target', () => {
  const [row] = positionRows([book({ positions: { p1: position() } })], CLOCK);
  expect(row).toMatchObject({ value: 1040, gain: 40, mark: 104, stop: 96, target: 106, age: '1\u00a0h\u00a030', detail: '' });
  expect(row?.gainShare).toBeCloseTo(0.04);
  expect(row?.rail).toEqual({ entry: 0.4, mark: 0.8 });
});

test('a structure is priced as one, and its gain is a share of what it can lose', () => {
  const spread = position({
    symbol: 'SPY',
    module: 'options',
    entry_px: '-1.87',
    stop_price: '-3.74',
    take_profit: '-0.55',
    max_loss_usd: '3252',
    legs: [
      { symbol: 'SPY260918P00630000', qty: '-4', avg_px: '6.42', multiplier: '100', mark_px: '4.18' },
      { symbol: 'SPY260918P00620000', qty: '4', avg_px: '4.55', multiplier: '100', mark_px: '2.91' },
    ],
  });
  const [row] = positionRows([book({ positions: { p1: spread } })], CLOCK);
  expect(row?.mark).toBeCloseTo(-1.27);
  expect(row?.gain).toBeCloseTo(240);
  expect(row?.gainShare).toBeCloseTo(240 / 3252);
  expect(row?.quantity).toBe(4);
  expect(row?.detail).toBe('−18 Sep 630 P  +18 Sep 620 P');
});

test('a leg without a mark leaves the mark unknown and the value at entry', () => {
  const dark = position({ legs: [{ symbol: 'XLK', qty: '10', avg_px: '100', multiplier: '1', mark_px: null }] });
  const [row] = positionRows([book({ positions: { p1: dark } })], CLOCK);
  expect(row).toMatchObject({ mark: null, value: 1000, gain: 0 });
});

test('positions of all books stand together, the largest first', () => {
  const small = position({ id: 'p2', legs: [{ symbol: 'XLF', qty: '1', avg_px: '50', multiplier: '1', mark_px: '50' }] });
  const rows = positionRows([book({ positions: { p2: small } }), book({ positions: { p1: position() } })], CLOCK);
  expect(rows.map((row) => row.id)).toEqual(['p1', 'p2']);
});

test('a rail needs both ends and keeps what lies beyond them at the end', () => {
  expect(rail({ stop: null, target: price(2), entry: price(1), mark: price(1) })).toBeNull();
  expect(rail({ stop: price(2), target: price(2), entry: price(1), mark: price(1) })).toBeNull();
  expect(rail({ stop: price(10), target: price(20), entry: price(12), mark: price(30) })).toEqual({ entry: 0.2, mark: 1 });
  expect(rail({ stop: price(20), target: price(10), entry: price(18), mark: null })).toEqual({ entry: 0.2, mark: 0.2 });
});

test('an OCC symbol is readable, any other is left alone', () => {
  expect(readableSymbol('AAPL260821C00232500')).toBe('AAPL 21 Aug 232.5 C');
  expect(readableSymbol('BTC/USD')).toBe('BTC/USD');
});

test('an unknown order stands first, then the oldest, a resting stop last', () => {
  const orders = {
    a: order({ intent: intent({ client_order_id: 'a', decided_at: ago(1) }) }),
    b: order({ intent: intent({ client_order_id: 'b', decided_at: ago(9) }) }),
    c: order({ intent: intent({ client_order_id: 'c' }), state: 'UNKNOWN' }),
  };
  const stop = order({ intent: intent({ client_order_id: 'p', purpose: 'protect', decided_at: ago(99) }) });
  const rows = workingOrders([book({ orders: { ...orders, p: stop } })], CLOCK);
  expect(rows.map((row) => row.id)).toEqual(['c', 'b', 'a', 'p']);
  expect(rows[0]).toMatchObject({ state: 'UNKNOWN', age: '5\u00a0min', level: 100.5, levelKind: 'limit' });
});

test('a stop order shows its stop', () => {
  const stop = order({ intent: intent({ order_type: 'stop', limit_price: null, stop_price: '95' }) });
  expect(workingOrders([book({ orders: { s: stop } })], CLOCK)[0]).toMatchObject({ level: 95, levelKind: 'stop' });
});

test('a finished order that the book still keeps is not working', () => {
  const orders = { a: order({ state: 'FILLED' }), b: order({ state: 'CANCELLED' }), c: order({ state: 'PARTIALLY_FILLED' }) };
  expect(workingOrders([book({ orders })], CLOCK).map((row) => row.state)).toEqual(['PARTIALLY_FILLED']);
});

test('executions are the newest first, of every order together', () => {
  const doc = (id: string, minutes: number) => ({
    schema: 1,
    id,
    module: 'stocks' as const,
    symbol: 'XLK',
    state: 'FILLED',
    terminal: true,
    created_at: ago(9),
    updated_at: ago(minutes),
    order: order({
      state: 'FILLED',
      fills: [fill({ trade_id: id, ts_event: ago(minutes) })],
    }),
  });
  const rows = fillRows([doc('old', 8), doc('new', 2)]);
  expect(rows.map((row) => row.id)).toEqual(['new', 'old']);
  expect(fillRows([doc('old', 8), doc('new', 2)], 1)).toHaveLength(1);
  expect(rows[0]).toMatchObject({ quantity: 4, price: 100, fee: 0.1, purpose: 'entry' });
});

test('a rejected order stays visible', () => {
  const rejected = order({ state: 'REJECTED', history: [{ state: 'REJECTED', evidence: 'refused', at: at(0), note: 'wash trade' }] });
  const doc = { schema: 1, order: rejected, module: 'stocks', symbol: 'XLK', state: 'REJECTED', terminal: true, created_at: ago(1), updated_at: ago(1) } as const;
  expect(failedOrders([doc], CLOCK)[0]).toMatchObject({ state: 'REJECTED', note: 'wash trade' });
});
