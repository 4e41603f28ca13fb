// The tables of the risk page: tails, shocks, Greeks, what was done, the reports of other days.
import type { RiskReportDoc } from '../generated/documents';
import { type Count, type RiskDay, historyRows, usedWords } from '../model/risk';
import { type Clock, formatMoment } from '../model/time';
import { type Usd, formatGain, formatPercent, formatUsd } from '../model/units';
import { Empty, Gain, Panel } from './parts';

export function Tails({ day }: { readonly day: RiskDay }) {
  return (
    <Panel name="tails" title="What a day may cost">
      {day.tails.length === 0 ? (
        <Empty>Too little history of what is held to say. Entries are judged by their volatility meanwhile.</Empty>
      ) : (
        <table class="plain">
          <thead>
            <tr>
              <th scope="col">Method</th>
              <th scope="col" class="number">VaR</th>
              <th scope="col" class="number" title="Mean loss of the days beyond the value at risk">CVaR</th>
            </tr>
          </thead>
          <tbody>
            {day.tails.map((row) => (
              <tr key={`${row.method}${row.level}`} data-tail={`${row.method} ${row.level}`}>
                <th scope="row"><b>{row.level}</b><span>{row.method}</span></th>
                <td class="number">{formatUsd(row.var, 0)} <small>{formatPercent(row.varShare)}</small></td>
                <td class="number">{formatUsd(row.cvar, 0)} <small>{formatPercent(row.cvarShare)}</small></td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}

export function Shocks({ day }: { readonly day: RiskDay }) {
  const grid = day.shocks;
  if (grid === null) return null;
  return (
    <Panel name="shocks" title="Gain or loss if everything moved at once">
      <table class="plain heat">
        <thead>
          <tr>
            <th scope="col">Prices</th>
            {grid.vols.map((vol) => (
              <th key={vol} scope="col" class="number">vol {formatGain(vol as Usd, 0)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {grid.rows.map((row) => (
            <tr key={row.move}>
              <th scope="row">{formatGain((row.move * 100) as Usd, 0)}{'\u00a0'}%</th>
              {row.cells.map((cell, index) => (
                <td key={grid.vols[index]} class="number" style={{ '--weight': `${Math.round(cell.weight * 100)}%` }}>
                  {formatGain(-cell.loss as Usd, 0)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

export function Greeks({ day }: { readonly day: RiskDay }) {
  return (
    <Panel name="greeks" title="By underlying">
      <div class="scroll" role="group" aria-label="Sensitivities, a list to scroll" tabIndex={0}>
        <table class="plain">
          <thead>
            <tr>
              <th scope="col">Underlying</th>
              <th scope="col" class="number" title="Gain for a rise of 100 %">Delta</th>
              <th scope="col" class="number" title="Change of delta for a rise of 1 %">Gamma 1{'\u00a0'}%</th>
              <th scope="col" class="number" title="Gain for one point more of volatility">Vega</th>
              <th scope="col" class="number" title="Gain in a day without a move">Theta</th>
            </tr>
          </thead>
          <tbody>
            {day.underlyings.map((row) => (
              <tr key={row.underlying}>
                <th scope="row"><b>{row.underlying}</b></th>
                <td class="number">{formatUsd(row.delta, 0)}</td>
                <td class="number">{formatUsd((row.gamma / 100) as Usd, 0)}</td>
                <td class="number">{formatUsd(row.vega, 0)}</td>
                <td class="number">{formatUsd(row.theta, 0)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

export function Activities({ day, clock }: { readonly day: RiskDay; readonly clock: Clock }) {
  return (
    <Panel name="day-activity" title="What was done">
      <ul class="doubt-list">
        <Counts title="Orders" counts={day.orders} />
        <Counts title="Refused" counts={day.denials} />
        <li><p><b>{day.fills}</b> {day.fills === 1 ? 'fill' : 'fills'}</p></li>
        {day.changes.map((change) => (
          <li key={change.at}><p><b>{formatMoment(change.at, clock)}</b></p><p class="doubt-text">{change.text}</p></li>
        ))}
        {day.questions.map((one) => (
          <li key={`${one.kind}${one.module}${one.subject}`}>
            <p><b>{one.subject}</b> {one.kind}, {one.module}</p>
            <p class="doubt-text">{one.text}</p>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Counts({ title, counts }: { readonly title: string; readonly counts: readonly Count[] }) {
  if (counts.length === 0) return null;
  return (
    <li>
      <p><b>{title}</b></p>
      <p class="doubt-text">{counts.map((one) => `${one.count} ${one.name}`).join(', ')}</p>
    </li>
  );
}

interface ReportsProps {
  readonly reports: readonly RiskReportDoc[];
  readonly chosen: string | null;
  readonly onDay: (day: string) => void;
}

export function Reports({ reports, chosen, onDay }: ReportsProps) {
  const rows = historyRows(reports);
  return (
    <Panel name="reports" title="Reports" count={rows.length}>
      <div class="scroll" role="group" aria-label="Reports, a list to scroll" tabIndex={0}>
        <table class="plain">
          <thead>
            <tr>
              <th scope="col">UTC day</th>
              <th scope="col" class="number">Day</th>
              <th scope="col" class="number">Drawdown</th>
              <th scope="col" class="number">VaR 99{'\u00a0'}%</th>
              <th scope="col">Most used limit</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.day} data-report={row.day}>
                <th scope="row">
                  <button type="button" class="link" aria-pressed={row.day === chosen} onClick={() => onDay(row.day)}>{row.day}</button>
                </th>
                <td class="number"><Gain value={row.pnl} digits={0} /></td>
                <td class="number">{formatPercent(row.drawdown)}</td>
                <td class="number">{row.var99 === null ? '–' : formatUsd(row.var99, 0)}</td>
                <td>{row.worst === null ? '–' : `${usedWords(row.worst.used)} ${row.worst.name} ${row.worst.subject}`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}
