// Every limit with what is used of it, and what the desk gives up to get back under one.
import type { ReductionDoc } from '../generated/documents';
import { type LimitGroup, type LimitRow, breachRows, cutRows, usedWords } from '../model/risk';
import { type Clock, age } from '../model/time';
import { epoch, formatQuantity, formatUsd, usd } from '../model/units';
import { Panel } from './parts';

export function Limits({ groups }: { readonly groups: readonly LimitGroup[] }) {
  return (
    <Panel name="limits" title="Limits" count={groups.reduce((sum, group) => sum + group.rows.length, 0)}>
      <div class="scroll" role="group" aria-label="Limits, a list to scroll" tabIndex={0}>
        {groups.map((group) => (
          <section key={group.title} class="limit-group" aria-label={group.title}>
            <h3>{group.title}</h3>
            <ul>{group.rows.map((row) => <Limit key={row.key} row={row} />)}</ul>
          </section>
        ))}
      </div>
    </Panel>
  );
}

const WORDS = { ok: '', near: 'near the limit', over: 'over the limit' } as const;

function Limit({ row }: { readonly row: LimitRow }) {
  const filled = Math.min(1, row.used);
  return (
    <li class={`limit ${row.level}`} data-limit={row.key}>
      <p>
        <span class="limit-name">{row.name}{row.subject !== '' && <b> {row.subject}</b>}</span>
        <span class="limit-used">{row.level === 'over' && <i aria-hidden="true">! </i>}{usedWords(row.used)}</span>
      </p>
      <div class="bar" role="meter" aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(filled * 100)}
        aria-label={`${row.key}: share of the limit in use`}>
        <i style={{ inlineSize: `${(filled * 100).toFixed(1)}%` }} />
      </div>
      <p class="limit-figures">
        <span>{formatUsd(row.observed, 0)} of {formatUsd(row.limit, 0)}</span>
        <span>{WORDS[row.level]}</span>
      </p>
    </li>
  );
}

export function Cuts({ reduction, clock }: { readonly reduction: ReductionDoc | null; readonly clock: Clock }) {
  const [breaches, cuts] = [breachRows(reduction), cutRows(reduction)];
  if (breaches.length === 0) return null;
  return (
    <Panel name="cuts" title="Outgrown limits" count={breaches.length}>
      <ul class="doubt-list">
        {breaches.map((breach) => (
          <li key={`${breach.name}/${breach.subject}`}>
            <p><b>{breach.subject}</b> {breach.name}</p>
            <p class="doubt-text">for {age(epoch(breach.since), clock)}; told at {formatUsd(usd(breach.observed_usd), 0)}</p>
          </li>
        ))}
        {cuts.map((cut) => (
          <li key={cut.key} class="cut">
            <p><b>{cut.symbol}</b> cut from {formatQuantity(cut.from)} to {formatQuantity(cut.to)}</p>
            <p class="doubt-text">{cut.module}, for {cut.cause}</p>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
