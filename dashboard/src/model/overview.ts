// The first screen: what the desk is worth, how the day goes, what each module uses of its allowance.
import { MODULE_NAME } from '../generated/documents';
import type { AccountView, DeskState, ModuleName, ModuleSummary, SummaryDoc } from '../generated/documents';
import type { DeskData } from './desk';
import { type Clock, age } from './time';
import { type EpochMs, type Fraction, type Usd, addUsd, epoch, epochOrNull, fraction, usd } from './units';

export interface Overview {
  readonly equity: Usd;
  readonly dayPnl: Usd;
  readonly dayReturn: Fraction;
  readonly drawdown: Fraction;
  readonly peak: Usd;
  readonly market: string;
  readonly synthetic: boolean;
  readonly updatedAt: EpochMs;
  readonly modules: readonly ModuleCard[];
  readonly unknownOrders: number;
  readonly drift: number;
}

export interface ModuleCard {
  readonly name: ModuleName;
  readonly pnl: Usd;
  readonly unrealized: Usd;
  readonly today: Usd;
  readonly fees: Usd;
  readonly exposure: Usd;
  readonly limit: Usd;
  /** Exposure of the allowance, may exceed 1. */
  readonly used: Fraction;
  readonly positions: number;
  readonly working: number;
  readonly unknown: number;
  readonly drift: number;
  readonly trades: number;
  readonly parametersVersion: number | null;
  readonly health: Health;
}

export interface Health {
  readonly level: 'ok' | 'warning' | 'bad';
  readonly text: string;
}

export function overview(data: DeskData, clock: Clock): Overview | null {
  const summary = data.summary;
  if (summary === null) return null;
  const modules = MODULE_NAME.flatMap((name) => moduleCard(name, summary, data, clock));
  const dayPnl = usd(summary.day_pnl);
  return {
    equity: usd(summary.equity),
    dayPnl,
    dayReturn: fraction(dayPnl, usd(summary.equity) - dayPnl),
    drawdown: summary.drawdown as Fraction,
    peak: usd(summary.peak_equity),
    market: summary.market,
    synthetic: summary.synthetic,
    updatedAt: epoch(summary.updated_at),
    modules,
    unknownOrders: modules.reduce((sum, one) => sum + one.unknown, 0),
    drift: modules.reduce((sum, one) => sum + one.drift, 0),
  };
}

function moduleCard(name: ModuleName, summary: SummaryDoc, data: DeskData, clock: Clock): ModuleCard[] {
  const one = summary.modules[name];
  if (one === undefined) return [];
  const book = data.books.find((candidate) => candidate.module === name);
  const lastSlot = epochOrNull(book?.last_slot ?? one.last_slot);
  return [
    {
      name,
      pnl: addUsd(usd(one.realized_pnl), usd(one.unrealized_pnl)),
      unrealized: usd(one.unrealized_pnl),
      today: usd(one.realized_today),
      fees: usd(one.fees),
      exposure: usd(one.exposure),
      limit: usd(one.allocation_limit),
      used: fraction(usd(one.exposure), usd(one.allocation_limit)),
      positions: one.open_positions,
      working: one.working_orders,
      unknown: one.unknown_orders,
      drift: one.drift,
      trades: one.trades,
      parametersVersion: book?.parameters_version ?? null,
      health: health(one, lastSlot, clock),
    },
  ];
}

const STATUS_WORDS = {
  idle: 'nothing to do',
  decided: 'decided',
  traded: 'traded',
  duplicate: 'duplicate slot',
  venue_down: 'venue down',
  failed: 'cycle failed',
} as const;

/** Say how a module is, worst news first. */
export function health(one: ModuleSummary, lastSlot: EpochMs | null, clock: Clock): Health {
  if (one.unknown_orders > 0) return { level: 'bad', text: `${plural(one.unknown_orders, 'order')} unknown` };
  if (one.naked > 0) return { level: 'bad', text: `${plural(one.naked, 'position')} without a stop` };
  if (one.quarantined > 0) return { level: 'bad', text: `${plural(one.quarantined, 'symbol')} in quarantine` };
  if (one.drift > 0) return { level: 'bad', text: `drift in ${plural(one.drift, 'symbol')}` };
  if (lastSlot === null) return { level: 'warning', text: 'no cycle yet' };
  const when = `${age(lastSlot, clock)} ago`;
  if (one.last_status === 'failed' || one.last_status === 'venue_down') {
    return { level: 'bad', text: `${STATUS_WORDS[one.last_status]}, ${when}` };
  }
  if (!one.healthy) return { level: 'bad', text: one.note || `silent, last cycle ${when}` };
  const word = one.last_status === null ? 'running' : STATUS_WORDS[one.last_status];
  return { level: 'ok', text: `${word}, ${when}` };
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

export interface AccountRow {
  readonly venue: string;
  readonly equity: Usd;
  readonly cash: Usd;
  readonly buyingPower: Usd;
  readonly age: string;
}

/** The venue accounts; modules that share one tell of it twice, the newer word counts. */
export function accountRows(books: DeskData['books'], clock: Clock): AccountRow[] {
  const newest = new Map<string, AccountView>();
  for (const { account } of books) {
    if (account === null) continue;
    const known = newest.get(account.venue);
    if (known === undefined || epoch(known.as_of) < epoch(account.as_of)) newest.set(account.venue, account);
  }
  return [...newest.values()].map((account) => ({
    venue: account.venue,
    equity: usd(account.equity),
    cash: usd(account.cash),
    buyingPower: usd(account.buying_power),
    age: age(epoch(account.as_of), clock),
  }));
}

export interface StateWords {
  readonly title: string;
  readonly meaning: string;
}

export const STATE_WORDS: Record<DeskState, StateWords> = {
  ACTIVE: { title: 'Active', meaning: 'trades within its limits' },
  REDUCING: { title: 'Reducing', meaning: 'only lowers exposure' },
  HALTED: { title: 'Halted', meaning: 'sends no order' },
};

/** What the desk does in its state; a desk that is closing everything is HALTED and says so. */
export function stateMeaning(state: DeskState, flatten: boolean): string {
  return flatten ? 'closes everything' : STATE_WORDS[state].meaning;
}

/** The brake's own document is the truth; the summary may be a sweep behind. */
export function deskState(data: DeskData): DeskState | null {
  return data.state?.state ?? data.summary?.state ?? null;
}
