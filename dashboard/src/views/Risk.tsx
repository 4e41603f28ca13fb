// The risk page: limits and what is used of them, tails, shocks, doubts, and the reports of the days before.
import { useState } from 'preact/hooks';
import type { Role } from '../model/command';
import type { DeskData } from '../model/desk';
import { type RiskDay, riskDay } from '../model/risk';
import { type Clock, formatMoment } from '../model/time';
import { formatPercent, formatUsd } from '../model/units';
import type { Services, Session } from '../session';
import { DoubtPanel } from './Doubts';
import { Empty, Gain, Panel } from './parts';
import { Cuts, Limits } from './RiskLimits';
import { Activities, Greeks, Reports, Shocks, Tails } from './RiskTables';

interface Props {
  readonly services: Services;
  readonly session: Session;
  readonly role: Role;
  readonly clock: Clock;
  readonly data: DeskData;
}

export function Risk({ data, clock, ...rest }: Props) {
  const [chosen, setChosen] = useState<string | null>(null);
  const reports = data.riskReports;
  const report = reports.find((one) => one.day === chosen) ?? reports[0];
  const day = report === undefined ? null : riskDay(report);
  const past = report !== undefined && report !== reports[0];
  return (
    <main class="risk" data-risk={day?.day ?? ''}>
      <div class="column">
        <Figures day={day} past={past} clock={clock} onNow={() => setChosen(null)} />
        {!past && data.books.length > 0 && <DoubtPanel books={data.books} clock={clock} {...rest} />}
        {past && day !== null && <Activities day={day} clock={clock} />}
      </div>
      <div class="column">
        {day !== null && <Limits groups={day.groups} />}
        {!past && <Cuts reduction={data.reduction} clock={clock} />}
      </div>
      <div class="column">
        {day !== null && <Tails day={day} />}
        {day !== null && <Shocks day={day} />}
        {day !== null && day.underlyings.length > 0 && <Greeks day={day} />}
        {reports.length > 0 && <Reports reports={reports} chosen={day?.day ?? null} onDay={setChosen} />}
      </div>
    </main>
  );
}

interface FiguresProps {
  readonly day: RiskDay | null;
  readonly past: boolean;
  readonly clock: Clock;
  readonly onNow: () => void;
}

function Figures({ day, past, clock, onNow }: FiguresProps) {
  if (day === null) {
    return (
      <Panel name="risk-day" title="Risk">
        <Empty>No report yet. The sweeper writes the first one once every account is known.</Empty>
      </Panel>
    );
  }
  return (
    <Panel name="risk-day" title={past ? `Report of ${day.day}` : 'Risk today'}
      tools={past ? <button type="button" class="link" onClick={onNow}>Back to today</button> : undefined}>
      <dl class="risk-figures">
        <div><dt>Equity</dt><dd>{formatUsd(day.equity)}</dd></div>
        <div><dt>Day</dt><dd><Gain value={day.dayPnl} share={day.dayReturn} /></dd></div>
        <div><dt>Week</dt><dd><Gain value={day.weekPnl} share={day.weekReturn} /></dd></div>
        <div><dt>Drawdown</dt><dd>{formatPercent(day.drawdown)} <small>from {formatUsd(day.peak, 0)}</small></dd></div>
      </dl>
      <p class="risk-note">
        {day.final ? 'The day is over; this is how it was last seen' : 'Brought up to date by every sweep'}, as of{' '}
        {formatMoment(day.asOf, clock)}. The desk {past ? 'was' : 'is'} {day.state}.
      </p>
    </Panel>
  );
}
