// An experiment as its row shows it, and what the owner may ask of it.
import type { CommandKind, ExperimentDoc } from '../generated/documents';

type Arm = ExperimentDoc['champion_arm'];

function arm(version: number, { outcomes, sum_r }: Arm): string {
  const mean = outcomes === 0 ? 0 : sum_r / outcomes;
  return `v${version} ${mean < 0 ? '\u2212' : '+'}${Math.abs(mean).toFixed(2)} R in ${outcomes}`;
}

/** "v2 +0.31 R in 24 against v1 +0.10 R in 60, likelihood ratio 3.1 of 20". */
export function armWords(doc: ExperimentDoc): string {
  const arms = `${arm(doc.challenger, doc.challenger_arm)} against ${arm(doc.champion, doc.champion_arm)}`;
  return `${arms}, likelihood ratio ${doc.ratio.toFixed(1)} of ${(1 / doc.error_rate).toFixed(0)}`;
}

export function experimentChoices(doc: ExperimentDoc): { kind: CommandKind; label: string }[] {
  const pin = { kind: 'pin' as const, label: doc.pinned ? 'Unpin' : 'Pin' };
  const reject = { kind: 'reject' as const, label: doc.stage === 'champion' ? 'Roll back' : 'Reject' };
  if (doc.stage === 'champion') return [reject, pin];
  return doc.stage === 'shadow' || doc.stage === 'canary' ? [{ kind: 'promote', label: 'Promote' }, reject, pin] : [pin];
}
