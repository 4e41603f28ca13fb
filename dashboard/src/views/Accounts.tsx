// The venue accounts: what each is worth and what it can still buy.
import type { BookDoc } from '../generated/documents';
import { accountRows } from '../model/overview';
import type { Clock } from '../model/time';
import { formatUsd } from '../model/units';
import { Panel } from './parts';

export function Accounts({ books, clock }: { readonly books: readonly BookDoc[]; readonly clock: Clock }) {
  const rows = accountRows(books, clock);
  if (rows.length === 0) return null;
  return (
    <Panel name="accounts" title="Accounts">
      <ul>
        {rows.map((row) => (
          <li key={row.venue}>
            <b>{row.venue}</b>
            <span class="number">{formatUsd(row.equity)}</span>
            <small>cash {formatUsd(row.cash, 0)}, can buy {formatUsd(row.buyingPower, 0)}</small>
            <small class="number">{row.age} ago</small>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
