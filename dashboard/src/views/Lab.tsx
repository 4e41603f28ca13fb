// The lab: experiments, scores, the desk beside its backtest, and kept backtests with what they do not prove.
import { useEffect, useState } from 'preact/hooks';
import type { BacktestDoc } from '../generated/documents';
import { watchBacktests } from '../live';
import { backtestCard } from '../model/backtests';
import type { WithId } from '../model/desk';
import { formatPercent } from '../model/units';
import { type ExperimentProps, Experiments } from './Experiments';
import { Parity } from './Parity';
import { Scores } from './Scores';
import { Empty, Gain, Panel } from './parts';

export function Lab(props: ExperimentProps) {
  const { db } = props.services;
  const [kept, setKept] = useState<readonly WithId<BacktestDoc>[]>([]);
  useEffect(() => watchBacktests(db, setKept), [db]);
  return (
    <main class="lab">
      <Experiments {...props} />
      <Scores services={props.services} />
      <Parity services={props.services} />
      <Panel name="backtests" title="Backtests" count={kept.length}>
        {kept.length === 0 && <Empty>None is kept. Keep one with desk backtest --store.</Empty>}
        <ul class="doubt-list">{kept.map((one) => <Card key={one.id} doc={one} />)}</ul>
      </Panel>
    </main>
  );
}

function Card({ doc }: { readonly doc: WithId<BacktestDoc> }) {
  const card = backtestCard(doc);
  return (
    <li data-backtest={doc.id}>
      <p><b>{doc.title}</b> {doc.first} to {doc.last} <Gain value={card.gain} digits={0} share={card.share} /></p>
      <svg viewBox="0 0 300 60" preserveAspectRatio="none" role="img" aria-label={`Equity of ${doc.title}`}>
        <path d={`M0,${card.capital}h300`} /><polyline points={card.curve} />
      </svg>
      <p class={card.sure ? '' : 'unsure'}>Sharpe {card.sharpe}</p>
      <p class="doubt-text">Deepest drawdown {formatPercent(card.drawdown)}, {doc.trades} round trips, {doc.symbols.join(', ')}</p>
      <details class="doubt-text">
        <summary>Read with care ({doc.cautions.length})</summary>
        <ul>{[...doc.cautions, ...doc.execution].map((text) => <li key={text}>{text}</li>)}</ul>
      </details>
    </li>
  );
}
