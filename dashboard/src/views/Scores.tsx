// How well each module and strategy does of late: score, trend, and what that advises.
import { useEffect, useState } from 'preact/hooks';
import type { ScoreDoc } from '../generated/documents';
import { watchScores } from '../live';
import type { WithId } from '../model/desk';
import { scoreRows } from '../model/scores';
import type { Services } from '../session';
import { Empty, Panel } from './parts';

export function Scores({ services }: { readonly services: Services }) {
  const [docs, setDocs] = useState<readonly WithId<ScoreDoc>[]>([]);
  useEffect(() => watchScores(services.db, setDocs), [services]);
  return (
    <Panel name="scores" title="Scores of 90 days">
      {docs.length === 0 ? <Empty>No day was scored so far.</Empty> : (
        <div class="scroll" role="group" aria-label="Scores, a list to scroll" tabIndex={0}>
          <table class="plain">
            <thead>
              <tr>
                <th scope="col">Strategy</th>
                <th scope="col" class="number" title="0 to 100">Score</th>
                <th scope="col" class="number" title="Change in a week">Trend</th>
                <th scope="col" class="number">Trades</th>
                <th scope="col" class="number" title="Of the account, after costs">Gain</th>
                <th scope="col">Advice</th>
              </tr>
            </thead>
            <tbody>
              {scoreRows(docs).map((row) => (
                <tr key={row.key} data-score={row.key}>
                  <th scope="row">{row.own ? <b>{row.name}</b> : row.name}</th>
                  <td class="number">{row.score}</td>
                  <td class="number">{row.trend}</td>
                  <td class="number">{row.trades}</td>
                  <td class="number">{row.gain}</td>
                  <td>{row.advice}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}
