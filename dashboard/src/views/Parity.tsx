// Whether the backtest says what the desk did: the gap of each position of the last days.
import { useEffect, useState } from 'preact/hooks';
import type { ParityDoc } from '../generated/documents';
import { watchParity } from '../live';
import type { WithId } from '../model/desk';
import { type ParityRow, parityRows, parityWords } from '../model/parity';
import type { Services } from '../session';
import { Empty, Gain, Panel } from './parts';

export function Parity({ services }: { readonly services: Services }) {
  const [[doc], setDocs] = useState<readonly WithId<ParityDoc>[]>([]);
  useEffect(() => watchParity(services.db, setDocs), [services]);
  return (
    <Panel name="parity" title="Desk and backtest" count={doc?.trades.length ?? 0}>
      {doc === undefined ? <Empty>No night has compared them yet.</Empty> : <Days doc={doc} />}
    </Panel>
  );
}

function Days({ doc }: { readonly doc: ParityDoc }) {
  return (
    <>
      <p class="risk-note">{parityWords(doc)}</p>
      <div class="scroll" role="group" aria-label="Positions of desk and backtest, a list to scroll" tabIndex={0}>
        <table class="plain">
          <thead>
            <tr>
              <th scope="col">Position</th>
              <th scope="col" class="number" title="Basis points by which the desk paid more">Entry</th>
              <th scope="col" class="number" title="Basis points by which the desk got less">Exit</th>
              <th scope="col" class="number" title="Profit of the desk less that of the backtest">USD</th>
            </tr>
          </thead>
          <tbody>{parityRows(doc).map((row) => <Row key={row.key} row={row} />)}</tbody>
        </table>
      </div>
      {doc.notes.length > 0 && (
        <details class="risk-note">
          <summary>Read with care ({doc.notes.length})</summary>
          <ul>{doc.notes.map((text) => <li key={text}>{text}</li>)}</ul>
        </details>
      )}
    </>
  );
}

function Row({ row }: { readonly row: ParityRow }) {
  return (
    <tr data-parity={row.key} class={row.apart ? 'unknown' : ''}>
      <th scope="row"><b>{row.symbol}</b> {row.strategy}{row.why !== '' && <p class="doubt-text">{row.why}</p>}</th>
      <td class="number">{row.entry}</td>
      <td class="number">{row.exit}</td>
      <td class="number">{row.gap === null ? '–' : <Gain value={row.gap} />}</td>
    </tr>
  );
}
