// The brake's confirm step, and the desk's answer to it.
import { useEffect, useRef, useState } from 'preact/hooks';
import { ask } from '../commands';
import {
  type BrakeKind,
  type BrakeView,
  FLATTEN_WORD,
  type Progress,
  type Role,
  brakeArgs,
  brakeChoices,
  isOver,
  progressWords,
} from '../model/command';
import type { Services, Session } from '../session';
import { Choice } from './parts';

interface Props {
  readonly services: Services;
  readonly session: Session;
  readonly role: Role;
  readonly brake: BrakeView;
  readonly progress: Progress | null;
  readonly onProgress: (progress: Progress | null) => void;
  readonly onClose: () => void;
}

const WORDS: Record<BrakeKind, { verb: string; meaning: string }> = {
  halt: {
    verb: 'Halt the desk',
    meaning: 'From the next commit on nothing is sent. Positions stay, and so do the protective orders that already rest at the venue.',
  },
  reduce: { verb: 'Reduce only', meaning: 'No new positions. Exits, stops and targets go on as before.' },
  resume: { verb: 'Resume trading', meaning: 'The modules trade again within their limits, from their next cycle on.' },
  rearm: {
    verb: 'Re-arm the loss limits',
    meaning: 'Losses of day and week and the drawdown count anew from the present equity. The desk stays as it is until it is resumed.',
  },
  flatten: {
    verb: 'Close everything',
    meaning: 'The desk is halted, its orders are cancelled, and everything it holds is sold or bought back: spreads as spreads, hedges last. What is not the desk\'s stays.',
  },
};

export function BrakeDialog({ services, session, role, brake, progress, onProgress, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const stop = useRef<() => void>(() => undefined);
  // The choices are those of the moment it was opened: the answer changes the state beneath the dialog.
  const [choices] = useState(() => brakeChoices(role, brake));
  const [kind, setKind] = useState<BrakeKind>(choices[0] ?? 'halt');
  const [reason, setReason] = useState('');
  const [acceptLoss, setAcceptLoss] = useState(false);
  const [typed, setTyped] = useState('');

  useEffect(() => {
    onProgress(null);
    dialog.current?.showModal();
    return () => stop.current();
  }, []);

  const send = (event: Event): void => {
    event.preventDefault();
    const args = brakeArgs(kind, { acceptLoss, typed });
    stop.current = ask(services.db, session, { kind, reason: reason.trim(), args }, onProgress);
  };
  const asked = progress !== null && progress.step !== 'refused';
  const ready = kind !== 'flatten' || typed.trim().toLowerCase() === FLATTEN_WORD;
  const gentle = kind === 'resume' || kind === 'rearm';

  return (
    <dialog ref={dialog} class="brake-dialog" aria-labelledby="brake-title" onClose={onClose}>
      <form onSubmit={send}>
        <h2 id="brake-title">{WORDS[kind].verb}</h2>
        {choices.length > 1 && !asked && (
          <Choice label="What to do" value={kind} onChoice={setKind}
            options={choices.map((value) => ({ value, label: WORDS[value].verb }))} />
        )}
        <p>{WORDS[kind].meaning}</p>
        {brake.breach !== '' && gentle && <p class="brake-breach">Reached: the limit for {brake.breach}.</p>}
        {kind === 'flatten' && (
          <label>
            <span>Type <b>{FLATTEN_WORD}</b> to confirm</span>
            <input type="text" name="confirm" autocomplete="off" value={typed} disabled={asked}
              onInput={(event) => setTyped(event.currentTarget.value)} />
          </label>
        )}
        <label>
          <span>Reason <small>kept in the audit trail</small></span>
          <input type="text" name="reason" maxLength={500} value={reason} disabled={asked} placeholder="optional"
            onInput={(event) => setReason(event.currentTarget.value)} />
        </label>
        {kind === 'resume' && (
          <label class="check">
            <input type="checkbox" name="accept_loss" checked={acceptLoss} disabled={asked}
              onChange={(event) => setAcceptLoss(event.currentTarget.checked)} />
            If a loss limit was reached: accept the loss and count anew from here
          </label>
        )}
        <p class={`brake-answer ${progress?.step ?? ''}`} role="status" aria-live="assertive" data-brake-answer>
          {progress === null ? '' : progressWords(progress)}
        </p>
        <div class="actions">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            {progress !== null && isOver(progress) ? 'Close' : 'Cancel'}
          </button>
          {(progress === null || progress.step === 'refused') && (
            <button type="submit" class={`button ${gentle ? 'primary' : 'danger'}`} data-confirm disabled={!ready}>
              {WORDS[kind].verb}
            </button>
          )}
        </div>
      </form>
    </dialog>
  );
}
