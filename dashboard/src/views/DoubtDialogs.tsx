// The owner's word where the desk has none: what became of an unknown order, and whose a holding is.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ask } from '../commands';
import { type Ask, type Outcome, type Progress, isOver, progressWords, resolveArgs } from '../model/command';
import type { ForeignRow, UnknownOrder } from '../model/doubts';
import { formatQuantity } from '../model/units';
import type { Services, Session } from '../session';
import { Choice } from './parts';

interface Shared {
  readonly services: Services;
  readonly session: Session;
  readonly onClose: () => void;
}

interface FrameProps extends Shared {
  readonly title: string;
  readonly verb: string;
  /** What is asked; null while it is incomplete. */
  readonly wanted: Ask | null;
  readonly children: (asked: boolean) => ComponentChildren;
}

function Frame({ title, verb, wanted, services, session, onClose, children }: FrameProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const stop = useRef<() => void>(() => undefined);
  const [progress, setProgress] = useState<Progress | null>(null);
  const [sure, setSure] = useState(false);
  useEffect(() => {
    dialog.current?.showModal();
    return () => stop.current();
  }, []);
  const asked = progress !== null && progress.step !== 'refused';
  const send = (event: Event): void => {
    event.preventDefault();
    if (wanted !== null && sure) stop.current = ask(services.db, session, wanted, setProgress);
  };
  return (
    <dialog ref={dialog} class="brake-dialog" aria-labelledby="doubt-dialog-title" onClose={onClose}>
      <form onSubmit={send}>
        <h2 id="doubt-dialog-title">{title}</h2>
        {children(asked)}
        <label class="check">
          <input type="checkbox" name="sure" checked={sure} disabled={asked} onChange={(event) => setSure(event.currentTarget.checked)} />
          I have looked at the venue, and this is how it is
        </label>
        <p class={`brake-answer ${progress?.step ?? ''}`} role="status" aria-live="assertive">
          {progress === null ? '' : progressWords(progress)}
        </p>
        <div class="actions">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            {progress !== null && isOver(progress) ? 'Close' : 'Cancel'}
          </button>
          {!asked && <button type="submit" class="button primary" data-confirm disabled={wanted === null || !sure}>{verb}</button>}
        </div>
      </form>
    </dialog>
  );
}

const OUTCOMES: readonly { readonly value: Outcome; readonly label: string }[] = [
  { value: 'never_arrived', label: 'Never arrived' },
  { value: 'cancelled', label: 'Cancelled' },
  { value: 'filled', label: 'Filled' },
];

const MEANING: Record<Outcome, string> = {
  never_arrived: 'The venue has never had it. Nothing was bought or sold.',
  cancelled: 'It is closed at the venue; what had filled before stays filled.',
  filled: "It filled. The venue's own execution replaces these figures when it is heard of.",
};

export function ResolveDialog({ order, ...rest }: Shared & { readonly order: UnknownOrder }) {
  const [outcome, setOutcome] = useState<Outcome>('never_arrived');
  const [qty, setQty] = useState(String(order.quantity));
  const [price, setPrice] = useState('');
  const args = resolveArgs(order.id, { outcome, qty, price });
  const wanted: Ask | null = args === null ? null : { kind: 'resolve', reason: `resolved by hand: ${outcome}`, args };
  return (
    <Frame {...rest} title={`${order.symbol}: ${order.side} ${formatQuantity(order.quantity)}`} verb="Resolve" wanted={wanted}>
      {(asked) => (
        <>
          <p><code>{order.id}</code>, unknown for {order.age}.</p>
          {!asked && <Choice label="What became of it" value={outcome} options={OUTCOMES} onChoice={setOutcome} />}
          <p>{MEANING[outcome]}</p>
          {outcome === 'filled' && (
            <div class="pair">
              <label><span>Units filled</span>
                <input type="text" inputMode="decimal" name="qty" value={qty} disabled={asked} onInput={(event) => setQty(event.currentTarget.value)} />
              </label>
              <label><span>Price, USD</span>
                <input type="text" inputMode="decimal" name="price" value={price} disabled={asked} onInput={(event) => setPrice(event.currentTarget.value)} />
              </label>
            </div>
          )}
        </>
      )}
    </Frame>
  );
}

export function AdoptDialog({ holding, ...rest }: Shared & { readonly holding: ForeignRow }) {
  const wanted: Ask = { kind: 'adopt', reason: 'adopted on the risk page', args: { symbol: holding.symbol } };
  return (
    <Frame {...rest} title={`Adopt ${formatQuantity(holding.quantity)} ${holding.shown}`} verb="Adopt" wanted={wanted}>
      {() => (
        <p>
          The {holding.module} module takes it over as a position of its own: it counts in the module's allowance, gets a
          protective stop, and is sold when the stop or the module says so.
        </p>
      )}
    </Frame>
  );
}
