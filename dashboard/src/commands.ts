// Writes a command and follows the desk's answer. A command is never queued: one that cannot be sent now is not sent.
import { type Firestore, doc, onSnapshot, runTransaction, serverTimestamp } from 'firebase/firestore';
import type { CommandDoc } from './generated/documents';
import { type Ask, type Progress, isOver, progressOf } from './model/command';
import type { Session } from './session';

const SLOW_MS = 20_000;

/** Ask the desk for something; `tell` hears every step. The returned function stops listening. */
export function ask(db: Firestore, session: Session, what: Ask, tell: (progress: Progress) => void): () => void {
  const path = doc(db, 'commands', crypto.randomUUID());
  let stop = (): void => undefined;
  tell({ step: 'sending' });
  const command = {
    ...what,
    by: session.uid,
    role: session.role,
    created_at: serverTimestamp(),
    status: 'new',
    schema: 1,
  };
  // A transaction needs the server; a plain write would wait in memory and could resume a desk an hour later.
  runTransaction(db, async (transaction) => void transaction.set(path, command)).then(
    () => {
      stop = follow(db, path.id, tell);
    },
    (error: { code?: string }) => tell({ step: 'refused', message: refusal(error.code) }),
  );
  return () => stop();
}

function follow(db: Firestore, id: string, tell: (progress: Progress) => void): () => void {
  tell({ step: 'waiting' });
  const slow = setTimeout(() => tell({ step: 'slow' }), SLOW_MS);
  const unsubscribe = onSnapshot(
    doc(db, 'commands', id),
    (snapshot) => {
      const command = snapshot.data() as CommandDoc | undefined;
      if (command === undefined) return;
      const progress = progressOf(command);
      if (isOver(progress)) clearTimeout(slow);
      tell(progress);
    },
    () => tell({ step: 'refused', message: 'Sent, but the answer cannot be read. Watch the state of the desk.' }),
  );
  return () => {
    clearTimeout(slow);
    unsubscribe();
  };
}

function refusal(code: string | undefined): string {
  if (code === 'permission-denied') return 'Not sent: this account may not ask for that.';
  return 'Not sent: the desk cannot be reached. Check the connection and try again.';
}
