import { describe, expect, test } from 'vitest';
import {
  type Fraction,
  type Price,
  type Quantity,
  type Usd,
  formatGain,
  formatPercent,
  formatPrice,
  formatQuantity,
  formatUsd,
  fraction,
  trend,
} from '../src/model/units';

describe('money', () => {
  test.each([
    [1234.5, '1,234.50'],
    [-12, '−12.00'],
    [0, '0.00'],
    [-0.001, '0.00'],
  ])('%d is %s', (value, text) => expect(formatUsd(value as Usd)).toBe(text));

  test.each([
    [12, '+12.00'],
    [-12, '−12.00'],
    [0.001, '0.00'],
    [-0.001, '0.00'],
  ])('a gain of %d carries its sign: %s', (value, text) => expect(formatGain(value as Usd)).toBe(text));
});

test.each([
  [113240.5, '113,240.50'],
  [-1.87, '−1.87'],
  [0.55, '0.55'],
  [0.0512, '0.0512'],
  [0.00001234, '0.00001234'],
  [0, '0.00'],
])('a price of %d shows as many decimals as it deserves: %s', (value, text) => {
  expect(formatPrice(value as Price)).toBe(text);
});

test('a quantity has no idle zeros', () => {
  expect(formatQuantity(0.0482 as Quantity)).toBe('0.0482');
  expect(formatQuantity(-4 as Quantity)).toBe('−4');
  expect(formatQuantity(1200 as Quantity)).toBe('1,200');
});

test('a percentage is signed on demand only', () => {
  expect(formatPercent(0.0041 as Fraction)).toBe('0.41\u00a0%');
  expect(formatPercent(0.0041 as Fraction, true)).toBe('+0.41\u00a0%');
  expect(formatPercent(-0.0041 as Fraction)).toBe('−0.41\u00a0%');
  expect(formatPercent(-0.00001 as Fraction, true)).toBe('0.00\u00a0%');
});

test('a share of nothing is nothing', () => expect(fraction(5, 0)).toBe(0));

test('a trend has three ways', () => expect([trend(1), trend(-1), trend(0)]).toEqual(['up', 'down', 'flat']));
