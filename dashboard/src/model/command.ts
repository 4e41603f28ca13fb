// What a person may ask of the desk, and the desk's answer in words.
import type { CommandDoc, CommandKind, DeskState } from '../generated/documents';

export type Role = 'owner' | 'operator' | 'viewer';
const ROLES: readonly string[] = ['owner', 'operator', 'viewer'] satisfies Role[];

/** Return the role in a token's claims, null when it holds none of the three. */
export function roleOf(claim: unknown): Role | null {
  return typeof claim === 'string' && ROLES.includes(claim) ? (claim as Role) : null;
}

// The same table stands in firestore.rules, which has the last word.
const MAY: Record<Role, readonly CommandKind[]> = {
  owner: ['halt', 'reduce', 'flatten', 'resume', 'rearm', 'resolve', 'set_limits', 'adopt', 'promote', 'reject', 'pin', 'acknowledge', 'run'],
  operator: ['halt', 'reduce', 'flatten', 'acknowledge', 'run'],
  viewer: [],
};

export function mayAsk(role: Role, kind: CommandKind): boolean {
  return MAY[role].includes(kind);
}

export type BrakeKind = Extract<CommandKind, 'halt' | 'reduce' | 'resume' | 'flatten' | 'rearm'>;

/** What the brake's document says, as far as the brake's choices depend on it. */
export interface BrakeView {
  readonly state: DeskState;
  /** Whether everything held is being closed already. */
  readonly flatten: boolean;
  /** The loss limit that was reached; empty while none was, or once it is re-armed. */
  readonly breach: string;
}

/** Return what the brake offers this role, the likeliest first; closing everything comes last. */
export function brakeChoices(role: Role, { state, flatten, breach }: BrakeView): BrakeKind[] {
  const offered: Record<DeskState, BrakeKind[]> = {
    ACTIVE: ['halt', 'reduce'],
    REDUCING: ['halt', 'resume'],
    HALTED: ['resume'],
  };
  const kinds: BrakeKind[] = [...offered[state]];
  if (breach !== '') kinds.push('rearm');
  if (!flatten) kinds.push('flatten');
  return kinds.filter((kind) => mayAsk(role, kind));
}

/** What a person types before everything is closed. */
export const FLATTEN_WORD = 'flatten';

export function brakeArgs(kind: BrakeKind, given: { acceptLoss: boolean; typed: string }): Record<string, string> {
  if (kind === 'resume' && given.acceptLoss) return { accept_loss: 'yes' };
  return kind === 'flatten' ? { confirm: given.typed.trim().toLowerCase() } : {};
}

export type Outcome = 'never_arrived' | 'cancelled' | 'filled';

/** What the venue says of an order in doubt, in a person's hand; null while it is incomplete. */
export function resolveArgs(
  order: string,
  given: { outcome: Outcome; qty: string; price: string },
): Record<string, string> | null {
  if (given.outcome !== 'filled') return { order, outcome: given.outcome };
  const figures = [given.qty.trim(), given.price.trim()];
  const [qty, price] = figures;
  if (figures.some((figure) => !/^\d+(\.\d+)?$/.test(figure)) || Number(qty) === 0) return null;
  return { order, outcome: 'filled', qty: qty ?? '', price: price ?? '' };
}

export interface Ask {
  readonly kind: CommandKind;
  readonly reason: string;
  readonly args: Readonly<Record<string, string>>;
}

/** Where a command stands, as far as the page knows. */
export type Progress =
  | { readonly step: 'sending' }
  | { readonly step: 'waiting' }
  | { readonly step: 'executing' }
  | { readonly step: 'slow' }
  | { readonly step: 'done'; readonly message: string }
  | { readonly step: 'refused'; readonly message: string };

export function progressOf(command: Pick<CommandDoc, 'status' | 'result'>): Progress {
  if (command.status === 'done' || command.status === 'refused') {
    const message = command.result?.message ?? (command.status === 'done' ? 'Done.' : 'Refused without a reason.');
    return { step: command.status, message };
  }
  return { step: command.status === 'executing' ? 'executing' : 'waiting' };
}

export function isOver(progress: Progress): boolean {
  return progress.step === 'done' || progress.step === 'refused';
}

export function progressWords(progress: Progress): string {
  switch (progress.step) {
    case 'sending':
      return 'Sending';
    case 'waiting':
      return 'Sent. Waiting for the desk';
    case 'executing':
      return 'The desk is on it';
    case 'slow':
      return 'No answer yet. The command is stored; the desk sweeps for it within five minutes.';
    case 'done':
    case 'refused':
      return progress.message;
  }
}
