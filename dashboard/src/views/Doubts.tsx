// What does not agree, live: unknown orders with their age and the way out, bare positions, what is not the desk's.
import { useState } from 'preact/hooks';
import type { BookDoc } from '../generated/documents';
import { type Role, mayAsk } from '../model/command';
import { type Doubt, type Doubts, type ForeignRow, type UnknownOrder, doubtCount, doubts } from '../model/doubts';
import type { Clock } from '../model/time';
import { formatPrice, formatQuantity, formatUsd } from '../model/units';
import type { Services, Session } from '../session';
import { AdoptDialog, ResolveDialog } from './DoubtDialogs';
import { Empty, ModuleTag, Panel } from './parts';

interface Props {
  readonly services: Services;
  readonly session: Session;
  readonly role: Role;
  readonly clock: Clock;
  readonly books: readonly BookDoc[];
}

export function DoubtPanel({ books, clock, role, ...rest }: Props) {
  const [resolving, setResolving] = useState<UnknownOrder | null>(null);
  const [adopting, setAdopting] = useState<ForeignRow | null>(null);
  const found = doubts(books, clock);
  return (
    <>
      <Panel name="doubts" title="In doubt" count={doubtCount(found)}>
        {doubtCount(found) === 0 && <Empty>Nothing. Books and venues agree, and every position is protected.</Empty>}
        <ul class="doubt-list">
          {found.unknown.map((order) => (
            <Unknown key={order.id} order={order} onResolve={mayAsk(role, 'resolve') ? () => setResolving(order) : null} />
          ))}
          <Lines doubts={found} />
        </ul>
      </Panel>
      {(found.foreign.length > 0 || found.foreignOrders.length > 0) && (
        <Foreign doubts={found} onAdopt={mayAsk(role, 'adopt') ? setAdopting : null} />
      )}
      {resolving !== null && <ResolveDialog order={resolving} {...rest} onClose={() => setResolving(null)} />}
      {adopting !== null && <AdoptDialog holding={adopting} {...rest} onClose={() => setAdopting(null)} />}
    </>
  );
}

function Unknown({ order, onResolve }: { readonly order: UnknownOrder; readonly onResolve: (() => void) | null }) {
  const level = order.level === null ? 'at the market' : `at ${formatPrice(order.level)}`;
  return (
    <li class="doubt-unknown" data-unknown={order.id}>
      <p>
        <b>{order.symbol}</b> <ModuleTag name={order.module} />
        <span class="chip unknown">unknown for {order.age}</span>
      </p>
      <p>{order.side} {formatQuantity(order.quantity)} {level}{order.filled > 0 && `, ${formatQuantity(order.filled)} filled`}</p>
      <p class="doubt-text">
        Look for <code>{order.id}</code>{order.brokerId !== null && <> (<code>{order.brokerId}</code> at the venue)</>} in the
        venue's open orders, closed orders and trades. The desk looks too; until the venue's word is found it adds nothing in {order.symbol}.
      </p>
      {onResolve !== null && <button type="button" class="link" onClick={onResolve}>Resolve by hand</button>}
    </li>
  );
}

const KINDS = [
  ['naked', 'unprotected'],
  ['quarantined', 'in quarantine'],
  ['drift', 'drift'],
] as const;

function Lines({ doubts: found }: { readonly doubts: Doubts }) {
  return <>{KINDS.flatMap(([kind, label]) => found[kind].map((one) => <Line key={one.key} doubt={one} label={label} />))}</>;
}

function Line({ doubt, label }: { readonly doubt: Doubt; readonly label: string }) {
  return (
    <li data-doubt={doubt.key}>
      <p><b>{doubt.subject}</b> <ModuleTag name={doubt.module} /><span class="chip rejected">{label}</span></p>
      <p class="doubt-text">{doubt.text}</p>
    </li>
  );
}

interface ForeignProps {
  readonly doubts: Doubts;
  readonly onAdopt: ((holding: ForeignRow) => void) | null;
}

function Foreign({ doubts: found, onAdopt }: ForeignProps) {
  return (
    <Panel name="foreign" title="Not the desk's" count={found.foreign.length + found.foreignOrders.length}>
      <ul class="doubt-list">
        {found.foreign.map((row) => (
          <li key={`${row.module}/${row.symbol}`} data-foreign={row.symbol}>
            <p><b>{row.shown}</b> <ModuleTag name={row.module} /></p>
            <p class="doubt-text">
              {formatQuantity(row.quantity)} held, {row.worth === null ? 'worth unknown' : `worth ${formatUsd(row.worth, 0)}`}, for {row.since}.
              It counts in the limits and is never touched.
            </p>
            {onAdopt !== null && <button type="button" class="link" onClick={() => onAdopt(row)}>Adopt</button>}
          </li>
        ))}
        {found.foreignOrders.map((row) => (
          <li key={row.id}>
            <p><b>{row.text}</b> <ModuleTag name={row.module} /></p>
            <p class="doubt-text">somebody else's order, open for {row.since}</p>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
