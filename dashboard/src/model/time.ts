// Market time and wall time. Documents carry the market's time; in a local replay or synthetic market it runs at its
// own speed, so ages are measured against the newest document, and only the link itself against the wall clock.
import type { EpochMs } from './units';

export interface Clock {
  /** What ages of documents are measured against. */
  readonly market: EpochMs;
  /** Whether the market runs on a clock of its own. */
  readonly simulated: boolean;
}

export function clockOf(newest: EpochMs | null, wall: EpochMs, simulated: boolean): Clock {
  return { market: simulated && newest !== null ? newest : wall, simulated };
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** "4 s", "3 min", "2 h 05 min", "3 d": how long something took or has been. */
export function formatDuration(ms: number): string {
  const span = Math.max(0, ms);
  if (span < MINUTE) return `${Math.floor(span / SECOND)}\u00a0s`;
  if (span < HOUR) return `${Math.floor(span / MINUTE)}\u00a0min`;
  if (span < DAY) {
    const minutes = Math.floor((span % HOUR) / MINUTE);
    return `${Math.floor(span / HOUR)}\u00a0h\u00a0${String(minutes).padStart(2, '0')}`;
  }
  return `${Math.floor(span / DAY)}\u00a0d`;
}

export function age(at: EpochMs, clock: Clock): string {
  return formatDuration(clock.market - at);
}

export type Zone = string | undefined;

/** "15:55" on the market's day, "16 Jul 15:55" on another; `zone` undefined is the browser's. */
export function formatMoment(at: EpochMs, clock: Clock, zone?: Zone): string {
  const time = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone: zone }).format(at);
  return dayOf(at, zone) === dayOf(clock.market, zone) ? time : `${dayOf(at, zone)} ${time}`;
}

/** "16 Jul 2026, 15:55:02 UTC": everything, for titles and the clock of the page. */
export function formatFull(at: EpochMs, zone?: Zone): string {
  return new Intl.DateTimeFormat('en-GB', {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'short',
    timeZone: zone,
  }).format(at);
}

function dayOf(at: EpochMs, zone: Zone): string {
  return new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: zone }).format(at);
}
