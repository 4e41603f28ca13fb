// The risk of a day: what stands against each limit, what may be lost, what a shock would cost.
import type { Breach, ReductionDoc, Reading, RiskReportDoc } from '../generated/documents';
import { codeWords } from './decisions';
import { readableSymbol } from './positions';
import { type EpochMs, type Fraction, type Quantity, type Usd, epoch, fraction, quantity, usd } from './units';

export interface LimitRow {
  readonly key: string;
  readonly name: string;
  /** Empty where it is the whole desk. */
  readonly subject: string;
  readonly observed: Usd;
  readonly limit: Usd;
  /** 1 is all of it; may be more, and is infinite where nothing is allowed. */
  readonly used: number;
  readonly level: 'ok' | 'near' | 'over';
}

export interface LimitGroup {
  readonly title: string;
  readonly rows: readonly LimitRow[];
}

export interface TailLine {
  readonly method: 'historical' | 'parametric';
  readonly level: string;
  readonly var: Usd;
  readonly cvar: Usd;
  readonly varShare: Fraction;
  readonly cvarShare: Fraction;
}

export interface ShockGrid {
  readonly vols: readonly number[];
  readonly rows: readonly { readonly move: number; readonly cells: readonly ShockCell[] }[];
}

export interface ShockCell {
  readonly loss: Usd;
  /** 0 to 1: how much of the worst loss in the table. */
  readonly weight: number;
}

export interface UnderlyingLine {
  readonly underlying: string;
  readonly delta: Usd;
  readonly gamma: Usd;
  readonly vega: Usd;
  readonly theta: Usd;
}

export interface Count {
  readonly name: string;
  readonly count: number;
}

export interface RiskDay {
  readonly day: string;
  readonly final: boolean;
  readonly asOf: EpochMs;
  readonly equity: Usd;
  readonly dayPnl: Usd;
  readonly weekPnl: Usd;
  readonly dayReturn: Fraction;
  readonly weekReturn: Fraction;
  readonly drawdown: Fraction;
  readonly peak: Usd;
  readonly state: RiskReportDoc['state'];
  readonly groups: readonly LimitGroup[];
  readonly tails: readonly TailLine[];
  readonly shocks: ShockGrid | null;
  readonly underlyings: readonly UnderlyingLine[];
  readonly questions: RiskReportDoc['questions'];
  readonly orders: readonly Count[];
  readonly denials: readonly Count[];
  readonly fills: number;
  readonly changes: readonly { readonly at: EpochMs; readonly text: string }[];
}

const NEAR = 0.8;

export function riskDay(report: RiskReportDoc): RiskDay {
  const equity = usd(report.equity);
  const [dayPnl, weekPnl] = [usd(report.pnl.day), usd(report.pnl.week)];
  const { activity } = report;
  return {
    day: report.day,
    final: report.final,
    asOf: epoch(report.as_of),
    equity,
    dayPnl,
    weekPnl,
    dayReturn: fraction(dayPnl, equity - dayPnl),
    weekReturn: fraction(weekPnl, equity - weekPnl),
    drawdown: report.drawdown as Fraction,
    peak: usd(report.peak_equity),
    state: report.state,
    groups: limitGroups(report.limits),
    tails: report.tails.map((row) => ({
      method: row.method,
      level: `${Math.round(row.level * 100)}\u00a0%`,
      var: usd(row.var_usd),
      cvar: usd(row.cvar_usd),
      varShare: fraction(usd(row.var_usd), equity),
      cvarShare: fraction(usd(row.cvar_usd), equity),
    })),
    shocks: shockGrid(report),
    underlyings: report.underlyings.map((row) => ({
      underlying: row.underlying,
      delta: usd(row.delta_usd),
      gamma: usd(row.gamma_usd),
      vega: usd(row.vega_usd),
      theta: usd(row.theta_usd),
    })),
    questions: report.questions,
    orders: counts(activity?.orders ?? {}, (state) => state.toLowerCase().replaceAll('_', ' ')),
    denials: counts(activity?.denials ?? {}, codeWords),
    fills: activity?.fills ?? 0,
    changes: (activity?.changes ?? []).map((change) => ({ at: epoch(change.at), text: change.text })),
  };
}

const GROUPS = [
  ['loss', 'Losses'],
  ['tail', 'Tail risk'],
  ['exposure', 'Exposure'],
] as const;

/** The limits by what they bound, the most used first. */
export function limitGroups(readings: readonly Reading[]): LimitGroup[] {
  return GROUPS.map(([measure, title]) => ({
    title,
    rows: readings
      .filter((reading) => reading.measure === measure)
      .map(limitRow)
      .sort((a, b) => b.used - a.used || a.key.localeCompare(b.key)),
  })).filter((group) => group.rows.length > 0);
}

export function limitRow(reading: Reading): LimitRow {
  const [observed, limit] = [usd(reading.observed_usd), usd(reading.limit_usd)];
  const used = observed <= 0 ? 0 : limit <= 0 ? Number.POSITIVE_INFINITY : observed / limit;
  return {
    key: `${reading.name}: ${reading.subject}`,
    name: reading.name,
    subject: reading.subject === 'desk' ? '' : readableSymbol(reading.subject).replaceAll('_', ' '),
    observed,
    limit,
    used,
    level: used > 1 ? 'over' : used >= NEAR ? 'near' : 'ok',
  };
}

/** "63 %", "over" where nothing is allowed. */
export function usedWords(used: number): string {
  return Number.isFinite(used) ? `${Math.round(used * 100)}\u00a0%` : 'over';
}

function shockGrid(report: RiskReportDoc): ShockGrid | null {
  if (report.shocks.length === 0) return null;
  const vols = [...new Set(report.shocks.map((row) => row.vol_points))].sort((a, b) => a - b);
  const moves = [...new Set(report.shocks.map((row) => row.move))].sort((a, b) => a - b);
  const worst = Math.max(...report.shocks.map((row) => usd(row.loss_usd)), 0);
  const loss = new Map(report.shocks.map((row) => [`${row.move}/${row.vol_points}`, usd(row.loss_usd)]));
  const cell = (move: number, vol: number): ShockCell => {
    const value = loss.get(`${move}/${vol}`) ?? (0 as Usd);
    return { loss: value, weight: worst > 0 && value > 0 ? value / worst : 0 };
  };
  return { vols, rows: moves.map((move) => ({ move, cells: vols.map((vol) => cell(move, vol)) })) };
}

function counts(found: Readonly<Record<string, number>>, words: (name: string) => string): Count[] {
  return Object.entries(found)
    .map(([name, count]) => ({ name: words(name), count }))
    .sort((a, b) => b.count - a.count || a.name.localeCompare(b.name));
}

export interface HistoryRow {
  readonly day: string;
  readonly equity: Usd;
  readonly pnl: Usd;
  readonly drawdown: Fraction;
  /** The larger of the two methods at 99 %, null where neither could be told. */
  readonly var99: Usd | null;
  readonly worst: LimitRow | null;
  readonly final: boolean;
}

/** The reports, newest first. */
export function historyRows(reports: readonly RiskReportDoc[]): HistoryRow[] {
  return reports.map((report) => {
    const tails = report.tails.filter((row) => row.level === 0.99).map((row) => usd(row.var_usd));
    const rows = limitGroups(report.limits).flatMap((group) => group.rows);
    return {
      day: report.day,
      equity: usd(report.equity),
      pnl: usd(report.pnl.day),
      drawdown: report.drawdown as Fraction,
      var99: tails.length === 0 ? null : (Math.max(...tails) as Usd),
      worst: rows.reduce<LimitRow | null>((most, row) => (most === null || row.used > most.used ? row : most), null),
      final: report.final,
    };
  });
}

export interface CutRow {
  readonly key: string;
  readonly symbol: string;
  readonly module: string;
  readonly from: Quantity;
  readonly to: Quantity;
  readonly cause: string;
}

/** What the desk is cutting back, the largest first. */
export function cutRows(reduction: ReductionDoc | null): CutRow[] {
  return (reduction?.cuts ?? []).map((cut) => ({
    key: `${cut.module}/${cut.position_id}`,
    symbol: readableSymbol(cut.symbol),
    module: cut.module,
    from: quantity(cut.units),
    to: quantity(cut.keep),
    cause: cut.cause,
  }));
}

export function breachRows(reduction: ReductionDoc | null): readonly Breach[] {
  return Object.values(reduction?.breaches ?? {}).sort((a, b) => epoch(a.since) - epoch(b.since));
}
