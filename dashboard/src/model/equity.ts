// The equity curve, oldest first, one point per second at most: what the chart demands.
import type { EquityDoc, EquityPoint, ModuleName } from '../generated/documents';
import { type EpochMs, type Usd, epoch, usd } from './units';

export interface CurvePoint {
  readonly at: EpochMs;
  readonly equity: Usd;
}

export type Span = 'day' | 'week' | 'all';

const LENGTH_MS: Record<Exclude<Span, 'all'>, number> = { day: 86_400_000, week: 7 * 86_400_000 };

function pointsOf(months: readonly EquityDoc[]): EquityPoint[] {
  return [...months].sort((a, b) => a.month.localeCompare(b.month)).flatMap((month) => month.points);
}

/** What was put in: equity without the modules' gains. */
function capital(point: EquityPoint): number {
  return Object.values(point.pnl).reduce((rest, gained) => rest - Number(gained), Number(point.equity));
}

const JUMP = 0.25;

/**
 * Return the points since the capital last changed by more than a quarter: an account that became known, a large
 * deposit or withdrawal. What lies before cannot be compared with what lies after, on one scale or in one percentage.
 */
function comparable(points: readonly EquityPoint[]): readonly EquityPoint[] {
  const start = points.findLastIndex((point, index) => {
    const before = points[index - 1];
    return before !== undefined && Math.abs(capital(point) - capital(before)) > JUMP * Math.abs(capital(point));
  });
  return points.slice(Math.max(0, start));
}

/** Return the curve of the last day, week, or of all months that are loaded. */
export function curve(months: readonly EquityDoc[], span: Span): CurvePoint[] {
  const bySecond = new Map<number, CurvePoint>();
  for (const point of comparable(pointsOf(months))) {
    const at = epoch(point.at);
    bySecond.set(Math.floor(at / 1000), { at, equity: usd(point.equity) });
  }
  const points = [...bySecond.values()].sort((a, b) => a.at - b.at);
  const last = points.at(-1);
  if (span === 'all' || last === undefined) return points;
  const inside = points.filter((point) => point.at >= last.at - LENGTH_MS[span]);
  return inside.length > 1 ? inside : points.slice(-2);
}

/** Return a module's P&L as at most `most` evenly chosen values, oldest first. */
export function pnlTrail(months: readonly EquityDoc[], module: ModuleName, most = 60): Usd[] {
  const values = pointsOf(months).flatMap((point) => {
    const stored = point.pnl[module];
    return stored === undefined ? [] : [usd(stored)];
  });
  if (values.length <= most) return values;
  const step = (values.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, index) => values[Math.round(index * step)] as Usd);
}

/** Return an SVG path for a trail in a box, null when there is nothing to draw. */
export function trailPath(trail: readonly number[], width: number, height: number): string | null {
  if (trail.length < 2) return null;
  const low = Math.min(...trail);
  const span = Math.max(...trail) - low || 1;
  return trail
    .map((value, index) => {
      const x = (index / (trail.length - 1)) * width;
      const y = height - ((value - low) / span) * height;
      return `${index === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`;
    })
    .join('');
}
