// Open positions, each on its way between stop and target.
import type { BookDoc } from '../generated/documents';
import { type PositionRow, positionRows } from '../model/positions';
import type { Clock } from '../model/time';
import { formatPrice, formatQuantity, formatUsd } from '../model/units';
import { Empty, Gain, ModuleTag, Panel } from './parts';

export function Positions({ books, clock }: { readonly books: readonly BookDoc[]; readonly clock: Clock }) {
  const rows = positionRows(books, clock);
  return (
    <Panel name="positions" title="Positions" count={rows.length}>
      {rows.length === 0 ? <Empty>Flat. Nothing is held.</Empty> : <Table rows={rows} />}
    </Panel>
  );
}

function Table({ rows }: { readonly rows: readonly PositionRow[] }) {
  return (
    <div class="scroll" role="group" aria-label="Positions, a list to scroll" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">Symbol</th>
            <th scope="col" class="number">Qty</th>
            <th scope="col" class="number">Entry</th>
            <th scope="col" class="number">Mark</th>
            <th scope="col" class="rail-cell">Stop to target</th>
            <th scope="col" class="number">Value</th>
            <th scope="col" class="number">Unrealized</th>
          </tr>
        </thead>
        <tbody>{rows.map((row) => <Row key={row.id} row={row} />)}</tbody>
      </table>
    </div>
  );
}

function Row({ row }: { readonly row: PositionRow }) {
  return (
    <tr data-position={row.id}>
      <th scope="row">
        <b>{row.symbol}</b> <ModuleTag name={row.module} />
        <small>{row.detail || row.strategy.replaceAll('_', ' ')}, {row.age}</small>
      </th>
      <td class="number" data-label="Qty">{formatQuantity(row.quantity)}</td>
      <td class="number" data-label="Entry">{formatPrice(row.entry)}</td>
      <td class="number" data-label="Mark">{row.mark === null ? 'none' : formatPrice(row.mark)}</td>
      <td class="rail-cell"><StopToTarget row={row} /></td>
      <td class="number" data-label="Value">{formatUsd(row.value, 0)}</td>
      <td class="number wide"><Gain value={row.gain} share={row.gainShare} /></td>
    </tr>
  );
}

function StopToTarget({ row }: { readonly row: PositionRow }) {
  const stop = row.stop === null ? 'no stop' : formatPrice(row.stop);
  const target = row.target === null ? 'no target' : formatPrice(row.target);
  const place = (share: number) => ({ insetInlineStart: `${(share * 100).toFixed(1)}%` });
  return (
    <div class={`rail ${row.rail !== null && row.rail.mark < row.rail.entry ? 'losing' : 'winning'}`}>
      <span class="rail-line" aria-hidden="true">
        {row.rail !== null && (
          <>
            <i class="span" style={spanOf(row.rail.entry, row.rail.mark)} />
            <i class="entry" style={place(row.rail.entry)} />
            <i class="mark-dot" style={place(row.rail.mark)} />
          </>
        )}
      </span>
      <span class={`stop ${row.stop === null ? 'missing' : ''}`}><span class="sr">Stop </span>{stop}</span>
      <span class="target"><span class="sr">, target </span>{target}</span>
    </div>
  );
}

function spanOf(entry: number, mark: number) {
  const from = Math.min(entry, mark) * 100;
  return { insetInlineStart: `${from.toFixed(1)}%`, inlineSize: `${(Math.abs(mark - entry) * 100).toFixed(1)}%` };
}
