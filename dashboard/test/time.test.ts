import { expect, test } from 'vitest';
import { type DeskData, NOTHING_YET, freshness, newestTime } from '../src/model/desk';
import { age, clockOf, formatDuration, formatFull, formatMoment } from '../src/model/time';
import type { EpochMs } from '../src/model/units';
import { CLOCK, NOW, ago, book, summary } from './docs';

const MINUTE = 60_000;
const wall = Date.UTC(2026, 10, 21) as EpochMs;

test('ages are measured against the market where it runs on a clock of its own', () => {
  const data: DeskData = { ...NOTHING_YET, summary: summary(), books: [book({ updated_at: ago(0) })] };
  expect(newestTime(data)).toBe(NOW);
  expect(clockOf(newestTime(data), wall, true).market).toBe(NOW);
  expect(clockOf(newestTime(data), wall, false).market).toBe(wall);
  expect(clockOf(null, wall, true).market).toBe(wall);
  expect(age((NOW - 90 * MINUTE) as EpochMs, CLOCK)).toBe('1\u00a0h\u00a030');
});

test.each([
  [-5, '0\u00a0s'],
  [59_999, '59\u00a0s'],
  [MINUTE, '1\u00a0min'],
  [65 * MINUTE, '1\u00a0h\u00a005'],
  [50 * 60 * MINUTE, '2\u00a0d'],
])('%d ms is %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

test('a moment of another day says which', () => {
  expect(formatMoment((NOW - 5 * MINUTE) as EpochMs, CLOCK, 'UTC')).toBe('17:55');
  expect(formatMoment((NOW - 24 * 60 * MINUTE) as EpochMs, CLOCK, 'UTC')).toBe('15 Jul 18:00');
  expect(formatFull(NOW, 'UTC')).toContain('16 Jul 2026');
});

test.each([
  [{}, 'waiting', 'Waiting for the desk'],
  [{ receivedAt: wall }, 'fresh', 'Live'],
  [{ receivedAt: wall - 3 * MINUTE }, 'late', 'Last update 3\u00a0min ago'],
  [{ receivedAt: wall - 20 * MINUTE }, 'stale', 'Last update 20\u00a0min ago'],
  [{ receivedAt: wall - MINUTE, offline: true }, 'offline', 'Offline, last update 1\u00a0min ago'],
  [{ offline: true }, 'offline', 'Offline'],
])('%o is %s', (change, level, text) => {
  const data = { ...NOTHING_YET, ...(change as Partial<DeskData>) };
  expect(freshness(data, wall)).toEqual({ level, text });
});
