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
  owner: ['halt', 'reduce', 'resume', 'acknowledge', 'run'],
  operator: ['halt', 'reduce', 'acknowledge', 'run'],
  viewer: [],
};

export function mayAsk(role: Role, kind: CommandKind): boolean {
  return MAY[role].includes(kind);
}

export type BrakeKind = Extract<CommandKind, 'halt' | 'reduce' | 'resume'>;

/** Return what the brake offers this role in this state, the strongest first. */
export function brakeChoices(role: Role, state: DeskState): BrakeKind[] {
  const offered: Record<DeskState, BrakeKind[]> = {
    ACTIVE: ['halt', 'reduce'],
    REDUCING: ['halt', 'resume'],
    HALTED: ['resume'],
  };
  return offered[state].filter((kind) => mayAsk(role, kind));
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
