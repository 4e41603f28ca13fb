// What the desk is worth and how its day goes.
import type { Overview } from '../model/overview';
import { formatPercent, formatUsd } from '../model/units';
import { Empty, Gain } from './parts';

export function Standing({ view }: { readonly view: Overview | null }) {
  return (
    <section class="panel standing" aria-labelledby="standing-title">
      <h2 id="standing-title">Equity</h2>
      {view === null ? <Empty>The desk has not reported yet. Its sweeper writes this every five minutes.</Empty> : <Figures view={view} />}
    </section>
  );
}

function Figures({ view }: { readonly view: Overview }) {
  const [whole, cents] = formatUsd(view.equity).split('.');
  return (
    <>
      <p class="equity" data-equity>
        <span class="currency">$</span>
        {whole}
        <span class="cents">.{cents}</span>
      </p>
      <dl class="figures">
        <div>
          <dt>Today</dt>
          <dd><Gain value={view.dayPnl} share={view.dayReturn} /></dd>
        </div>
        <div>
          <dt>Drawdown</dt>
          <dd>{formatPercent(view.drawdown)}</dd>
        </div>
        <div>
          <dt>Peak</dt>
          <dd>{formatUsd(view.peak, 0)}</dd>
        </div>
      </dl>
    </>
  );
}
