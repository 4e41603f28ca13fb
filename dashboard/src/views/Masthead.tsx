// The top line: whose desk, which market, how fresh, what state, and the brake.
import { useState } from 'preact/hooks';
import type { DeskState, DeskStateDoc } from '../generated/documents';
import { type BrakeKind, type BrakeView, type Progress, type Role, brakeChoices, isOver, progressWords } from '../model/command';
import type { Freshness } from '../model/desk';
import { type Overview, stateMeaning } from '../model/overview';
import { type Clock, formatFull } from '../model/time';
import { epoch } from '../model/units';
import type { Services, Session } from '../session';
import { BrakeDialog } from './BrakeDialog';
import { Mark } from './Mark';
import type { Tab } from './TabBar';

interface Props {
  readonly services: Services;
  readonly session: Session;
  readonly role: Role;
  readonly clock: Clock;
  readonly state: DeskState | null;
  readonly stateDoc: DeskStateDoc | null;
  readonly view: Overview | null;
  readonly fresh: Freshness;
  readonly tab: Tab;
  readonly onTab: (tab: Tab) => void;
  readonly onLeave: () => void;
}

const BUTTON: Record<BrakeKind, string> = {
  halt: 'Halt',
  reduce: 'Reduce',
  resume: 'Resume',
  rearm: 'Re-arm',
  flatten: 'Flatten',
};

export function Masthead(props: Props) {
  const { state, stateDoc, view, fresh, session, role, clock, tab, onTab, onLeave } = props;
  const [open, setOpen] = useState(false);
  const [progress, setProgress] = useState<Progress | null>(null);
  const brake: BrakeView | null =
    state === null ? null : { state, flatten: stateDoc?.flatten ?? false, breach: stateDoc?.breach ?? '' };
  const shown = tab === 'risk' ? 'Risk' : tab === 'lab' ? 'Lab' : 'Desk';
  const [first] = brake === null ? [] : brakeChoices(role, brake);
  return (
    <header class="masthead">
      <h1 class="brand"><Mark />firedesk</h1>
      <p class="market">
        <span>{view?.market || 'market'}</span>
        <time title="Time of the market">{formatFull(clock.market)}</time>
      </p>
      <nav class="pages" aria-label="Views">
        {(['Desk', 'Risk', 'Lab'] as const).map((name) => (
          <button type="button" key={name} aria-current={name === shown ? 'page' : undefined}
            onClick={() => onTab(name.toLowerCase() as Tab)}>
            {name}
          </button>
        ))}
      </nav>
      <p class={`fresh ${fresh.level}`} role="status">
        <i aria-hidden="true" />
        <span>{fresh.text}</span>
      </p>
      <p class="answer" role="status" aria-live="polite" data-answer>
        {progress !== null && !open && (isOver(progress) || progress.step === 'slow') ? progressWords(progress) : ''}
      </p>
      <div class="brake">
        {state !== null && (
          <p class={`state ${state.toLowerCase()}`} data-state={state} title={stateDoc === null ? '' : `${stateDoc.reason} (${stateDoc.by}, ${formatFull(epoch(stateDoc.changed_at))})`}>
            <StateSign state={state} />
            <strong>{state}</strong>
            <span>{stateMeaning(state, brake?.flatten ?? false)}</span>
          </p>
        )}
        {first !== undefined && (
          <button type="button" class={`button ${first === 'resume' ? 'primary' : 'danger'}`} data-brake onClick={() => setOpen(true)}>
            {BUTTON[first]}
          </button>
        )}
      </div>
      <p class="person">
        <span title={session.email}>{session.email}</span>
        <em>{role}</em>
        <button type="button" class="link" onClick={onLeave}>Sign out</button>
      </p>
      {open && brake !== null && (
        <BrakeDialog {...props} brake={brake} progress={progress} onProgress={setProgress} onClose={() => setOpen(false)} />
      )}
    </header>
  );
}

/** A shape for each state, so that colour is never the only sign. */
function StateSign({ state }: { readonly state: DeskState }) {
  return (
    <svg class="state-sign" viewBox="0 0 16 16" aria-hidden="true">
      {state === 'ACTIVE' && <circle cx="8" cy="8" r="6" />}
      {state === 'REDUCING' && <path d="M2 5h12L8 14z" />}
      {state === 'HALTED' && <rect x="2.500" y="2.500" width="11" height="11" rx="1" />}
    </svg>
  );
}
