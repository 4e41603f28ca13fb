// Everything that is live on the page, as it came from Firestore, and how fresh it is.
import type {
  BookDoc,
  CycleDoc,
  DeskStateDoc,
  EquityDoc,
  EventDoc,
  NotificationDoc,
  OrderDoc,
  ReductionDoc,
  RiskReportDoc,
  SummaryDoc,
  TradeDoc,
} from '../generated/documents';
import { type EpochMs, epoch } from './units';
import { formatDuration } from './time';

export type WithId<T> = T & { readonly id: string };

export interface DeskData {
  readonly summary: SummaryDoc | null;
  readonly state: DeskStateDoc | null;
  readonly books: readonly BookDoc[];
  readonly equity: readonly EquityDoc[];
  readonly cycles: readonly WithId<CycleDoc>[];
  readonly orders: readonly WithId<OrderDoc>[];
  readonly trades: readonly WithId<TradeDoc>[];
  readonly events: readonly WithId<EventDoc>[];
  readonly notifications: readonly WithId<NotificationDoc>[];
  /** Limits that were outgrown, and what is cut for it. */
  readonly reduction: ReductionDoc | null;
  /** Newest day first; the newest is of the running day. */
  readonly riskReports: readonly WithId<RiskReportDoc>[];
  /** Wall time of the last word from the server; null before the first. */
  readonly receivedAt: EpochMs | null;
  /** Whether what is shown comes from memory because the server cannot be reached. */
  readonly offline: boolean;
}

export const NOTHING_YET: DeskData = {
  summary: null,
  state: null,
  books: [],
  equity: [],
  cycles: [],
  orders: [],
  trades: [],
  events: [],
  notifications: [],
  reduction: null,
  riskReports: [],
  receivedAt: null,
  offline: false,
};

/**
 * The newest time that the market's documents carry: its clock as far as the page knows it. The brake and what follows
 * from it are stamped with the time in which people act, so they do not count.
 */
export function newestTime(data: DeskData): EpochMs | null {
  const times = [
    data.summary?.updated_at,
    ...data.books.map((book) => book.updated_at),
    ...data.cycles.map((cycle) => cycle.slot),
    ...data.orders.map((order) => order.updated_at),
    ...data.trades.map((trade) => trade.closed_at),
  ].flatMap((time) => (time === undefined ? [] : [epoch(time)]));
  return times.length === 0 ? null : (Math.max(...times) as EpochMs);
}

export interface Freshness {
  readonly level: 'waiting' | 'fresh' | 'late' | 'stale' | 'offline';
  readonly text: string;
}

const LATE_MS = 3 * 60_000;
const STALE_MS = 10 * 60_000;

/** Say how old the picture is. Crypto reports every minute, day and night, so silence always means something. */
export function freshness(data: DeskData, wall: EpochMs): Freshness {
  if (data.offline) return { level: 'offline', text: `Offline${sinceLastWord(data, wall)}` };
  if (data.receivedAt === null) return { level: 'waiting', text: 'Waiting for the desk' };
  const silent = wall - data.receivedAt;
  if (silent >= STALE_MS) return { level: 'stale', text: `Last update ${formatDuration(silent)} ago` };
  if (silent >= LATE_MS) return { level: 'late', text: `Last update ${formatDuration(silent)} ago` };
  return { level: 'fresh', text: 'Live' };
}

function sinceLastWord(data: DeskData, wall: EpochMs): string {
  return data.receivedAt === null ? '' : `, last update ${formatDuration(wall - data.receivedAt)} ago`;
}
