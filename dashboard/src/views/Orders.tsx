// Orders that are not done, UNKNOWN first: nobody knows whether the venue has it, and somebody must.
import type { BookDoc } from '../generated/documents';
import type { OrderDoc } from '../generated/documents';
import { type OrderRow, failedOrders, workingOrders } from '../model/orders';
import type { Clock } from '../model/time';
import { formatPrice, formatQuantity } from '../model/units';
import { Empty, ModuleTag, Panel } from './parts';

interface Props {
  readonly books: readonly BookDoc[];
  readonly orders: readonly OrderDoc[];
  readonly clock: Clock;
}

export function Orders({ books, orders, clock }: Props) {
  const working = workingOrders(books, clock);
  const rows = [...working, ...failedOrders(orders, clock)];
  return (
    <Panel name="orders" title="Working orders" count={working.length}>
      {rows.length === 0 ? <Empty>None. Every order is settled.</Empty> : <Table rows={rows} />}
    </Panel>
  );
}

function Table({ rows }: { readonly rows: readonly OrderRow[] }) {
  return (
    <div class="scroll" role="group" aria-label="Orders, a list to scroll" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">Symbol</th>
            <th scope="col">Order</th>
            <th scope="col" class="number">Filled</th>
            <th scope="col" class="number">Price</th>
            <th scope="col">State</th>
            <th scope="col" class="number">Age</th>
          </tr>
        </thead>
        <tbody>{rows.map((row) => <Row key={row.id} row={row} />)}</tbody>
      </table>
    </div>
  );
}

function Row({ row }: { readonly row: OrderRow }) {
  return (
    <tr data-order={row.id} class={row.state === 'UNKNOWN' ? 'unknown' : ''}>
      <th scope="row">
        <b>{row.symbol}</b> <ModuleTag name={row.module} />
        <small>{row.strategy.replaceAll('_', ' ')}</small>
      </th>
      <td data-label="Order"><span class={`side ${row.side}`}>{row.side}</span> {row.purpose}</td>
      <td class="number" data-label="Filled">{formatQuantity(row.filled)} / {formatQuantity(row.quantity)}</td>
      <td class="number" data-label="Price">{row.level === null ? 'market' : `${row.levelKind} ${formatPrice(row.level)}`}</td>
      <td><span class={`chip ${row.state.toLowerCase()}`} title={row.note}>{row.state.toLowerCase().replace('_', ' ')}</span></td>
      <td class="number" data-label="Age">{row.age}</td>
    </tr>
  );
}
