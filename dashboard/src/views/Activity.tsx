// What happened: executions, closed trades, events.
import { useRef, useState } from 'preact/hooks';
import type { EventDoc, OrderDoc, TradeDoc } from '../generated/documents';
import { type EventRow, type TradeRow, eventRows, tradeRows } from '../model/activity';
import type { WithId } from '../model/desk';
import { type FillRow, fillRows } from '../model/orders';
import { type Clock, formatMoment } from '../model/time';
import { formatPrice, formatQuantity, formatUsd } from '../model/units';
import { Choice, Empty, Gain, ModuleTag, Panel } from './parts';

interface Props {
  readonly orders: readonly WithId<OrderDoc>[];
  readonly trades: readonly WithId<TradeDoc>[];
  readonly events: readonly WithId<EventDoc>[];
  readonly clock: Clock;
}

const LISTS = [
  { value: 'fills', label: 'Fills' },
  { value: 'trades', label: 'Trades' },
  { value: 'events', label: 'Events' },
] as const;

type List = (typeof LISTS)[number]['value'];

export function Activity({ orders, trades, events, clock }: Props) {
  const [list, setList] = useState<List>('fills');
  const fills = fillRows(orders);
  const fresh = useFresh(fills);
  return (
    <Panel name="activity" title="Activity"
      tools={<Choice label="Which activity" options={LISTS} value={list} onChoice={setList} />}>
      {list === 'fills' && <Fills rows={fills} fresh={fresh} clock={clock} />}
      {list === 'trades' && <Trades rows={tradeRows(trades)} clock={clock} />}
      {list === 'events' && <Events rows={eventRows(events)} clock={clock} />}
    </Panel>
  );
}

/** Return the executions that arrived while the page was open; what it found when it opened is not news. */
function useFresh(rows: readonly FillRow[]): ReadonlySet<string> {
  const found = useRef<Set<string> | null>(null);
  if (found.current === null && rows.length > 0) found.current = new Set(rows.map((row) => row.id));
  return new Set(rows.map((row) => row.id).filter((id) => found.current?.has(id) === false));
}

interface FillsProps {
  readonly rows: readonly FillRow[];
  readonly fresh: ReadonlySet<string>;
  readonly clock: Clock;
}

function Fills({ rows, fresh, clock }: FillsProps) {
  if (rows.length === 0) return <Empty>No execution yet.</Empty>;
  return (
    <ul class="log" tabIndex={0}>
      {rows.map((row) => (
        <li key={row.id} data-fill={row.id} class={fresh.has(row.id) ? 'fresh-fill' : ''}>
          <time>{formatMoment(row.at, clock)}</time>
          <p><span class={`side ${row.side}`}>{row.side}</span> {formatQuantity(row.quantity)} <b>{row.symbol}</b></p>
          <p class="number">{formatPrice(row.price)}</p>
          <p class="sub">{row.purpose}<span>fee {formatUsd(row.fee)}</span></p>
        </li>
      ))}
    </ul>
  );
}

function Trades({ rows, clock }: { readonly rows: readonly TradeRow[]; readonly clock: Clock }) {
  if (rows.length === 0) return <Empty>No round trip has closed yet.</Empty>;
  return (
    <ul class="log" tabIndex={0}>
      {rows.map((row) => (
        <li key={row.id} data-trade={row.id}>
          <time>{formatMoment(row.closedAt, clock)}</time>
          <p><b>{row.symbol}</b> {formatPrice(row.entry)} → {formatPrice(row.exit)}</p>
          <p class="number"><Gain value={row.gain} /></p>
          <p class="sub">{row.strategy}, {row.exitReason}, held {row.held}<span>slippage {row.slippageBps.toFixed(1)} bp</span></p>
        </li>
      ))}
    </ul>
  );
}

function Events({ rows, clock }: { readonly rows: readonly EventRow[]; readonly clock: Clock }) {
  if (rows.length === 0) return <Empty>Nothing to tell yet.</Empty>;
  return (
    <ul class="log events" tabIndex={0}>
      {rows.map((row) => (
        <li key={row.id} class={row.severity}>
          <time>{formatMoment(row.at, clock)}</time>
          <p>{row.text}</p>
          <p class="number">{row.module !== null && <ModuleTag name={row.module} />}</p>
          <p class="sub">{row.kind}{row.severity !== 'info' && <span>{row.severity}</span>}</p>
        </li>
      ))}
    </ul>
  );
}
