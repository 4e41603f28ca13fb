// Why each opportunity was or was not taken, newest cycle first.
import { useState } from 'preact/hooks';
import type { CycleDoc } from '../generated/documents';
import { type CycleRow, type DecisionRow, type Filter, cycleRows } from '../model/decisions';
import type { WithId } from '../model/desk';
import { type Clock, formatMoment } from '../model/time';
import { formatQuantity } from '../model/units';
import { Choice, Empty, ModuleTag, Panel } from './parts';

const FILTERS = [
  { value: 'all', label: 'All' },
  { value: 'taken', label: 'Taken' },
  { value: 'denied', label: 'Denied' },
] as const;

const SHOWN = 6;

export function Decisions({ cycles, clock }: { readonly cycles: readonly WithId<CycleDoc>[]; readonly clock: Clock }) {
  const [filter, setFilter] = useState<Filter>('all');
  const rows = cycleRows(cycles, filter);
  return (
    <Panel name="decisions" title="Decisions"
      tools={<Choice label="Which decisions" options={FILTERS} value={filter} onChoice={setFilter} />}>
      {rows.length === 0 ? <Empty>No opportunity in the last cycles.</Empty> : (
        <ol class="cycles" tabIndex={0}>
          {rows.map((row) => <Cycle key={row.id} row={row} clock={clock} />)}
        </ol>
      )}
    </Panel>
  );
}

function Cycle({ row, clock }: { readonly row: CycleRow; readonly clock: Clock }) {
  const [all, setAll] = useState(false);
  const shown = all ? row.decisions : row.decisions.slice(0, SHOWN);
  return (
    <li class="cycle" data-cycle={row.id}>
      <h3>
        <time>{formatMoment(row.at, clock)}</time>
        <ModuleTag name={row.module} />
        <span class="tally">{row.taken} taken, {row.denied} denied</span>
        {(row.status === 'failed' || row.status === 'venue_down') && <span class="chip rejected">{row.status.replace('_', ' ')}</span>}
      </h3>
      {row.note !== '' && <p class="cycle-note">{row.note}</p>}
      {row.missing.length > 0 && <p class="cycle-note" title={row.missing.join(', ')}>No data for {missingWords(row.missing)}</p>}
      <ul>{shown.map((one) => <Decision key={one.key} one={one} />)}</ul>
      {row.decisions.length > SHOWN && (
        <button type="button" class="link more" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? 'Show fewer' : `Show ${row.decisions.length - SHOWN} more`}
        </button>
      )}
    </li>
  );
}

function missingWords(symbols: readonly string[]): string {
  return symbols.length <= 4 ? symbols.join(', ') : `${symbols.slice(0, 3).join(', ')} and ${symbols.length - 3} more`;
}

const SIGNS = { approved: '✓', resized: '≈', denied: '✕' } as const;

function Decision({ one }: { readonly one: DecisionRow }) {
  return (
    <li class={`decision ${one.verdict}`}>
      <span class="verdict" title={one.verdict}><i aria-hidden="true">{SIGNS[one.verdict]}</i><span class="sr">{one.verdict}: </span></span>
      <p class="what">
        <b>{one.symbol}</b> {one.action}
        {one.quantity !== null && <> {formatQuantity(one.quantity)}</>}
        <em>{one.strategy}</em>
      </p>
      {one.confidence !== null && (
        <span class="confidence" title={`Confidence ${one.confidence.toFixed(2)}`}>
          <i style={{ inlineSize: `${(one.confidence * 100).toFixed(0)}%` }} aria-hidden="true" />
          <span class="sr">Confidence </span>{one.confidence.toFixed(2)}
        </span>
      )}
      {one.why !== '' && (
        <p class="why" title={one.code ?? undefined}>
          {one.why}
          {one.observed !== null && <> <span class="against">{one.observed} against {one.limit}</span></>}
        </p>
      )}
      {one.reason !== '' && <p class="reason">{one.reason}</p>}
    </li>
  );
}
