// The desk: one screen on a large display, five pages on a phone.
import type { JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { type Fault, watchDesk } from '../live';
import type { Role } from '../model/command';
import { type DeskData, NOTHING_YET, freshness, newestTime } from '../model/desk';
import { deskState, overview } from '../model/overview';
import { clockOf } from '../model/time';
import type { EpochMs } from '../model/units';
import { type Services, type Session, leave } from '../session';
import { Accounts } from './Accounts';
import { Activity } from './Activity';
import { Alerts } from './Alerts';
import { Blocked } from './Blocked';
import { Decisions } from './Decisions';
import { EquityChart } from './EquityChart';
import { Lab } from './Lab';
import { Masthead } from './Masthead';
import { Modules } from './Modules';
import { Orders } from './Orders';
import { Positions } from './Positions';
import { Risk } from './Risk';
import { Standing } from './Standing';
import { TabBar, type Tab } from './TabBar';

interface Props {
  readonly services: Services;
  readonly session: Session;
  readonly role: Role;
}

const FAULTS: Record<Fault, { title: string; text: string }> = {
  denied: {
    title: 'Permission denied',
    text: 'The desk no longer lets this account read. Its role may have been taken away; sign in again to find out.',
  },
  newer: {
    title: 'This page is older than the desk',
    text: 'The desk writes documents in a newer form. Reload the page to get the version that belongs to it.',
  },
  broken: { title: 'The live connection broke', text: 'Reload the page to connect again. The desk itself is not affected.' },
};

const TICK_MS = 1_000;

function useWall(): EpochMs {
  const [wall, setWall] = useState(() => Date.now() as EpochMs);
  useEffect(() => {
    const timer = setInterval(() => setWall(Date.now() as EpochMs), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return wall;
}

export function Desk({ services, session, role }: Props) {
  const [data, setData] = useState<DeskData>(NOTHING_YET);
  const [fault, setFault] = useState<Fault | null>(null);
  const [tab, setTab] = useState<Tab>('desk');
  const wall = useWall();

  useEffect(
    () =>
      watchDesk(services.db, {
        changed: (change) => setData((before) => ({ ...before, ...change })),
        failed: setFault,
      }),
    [services, session.uid],
  );

  const simulated = services.local || (data.summary?.synthetic ?? false);
  const clock = clockOf(newestTime(data), wall, simulated);
  const now = useMemo(() => clock, [clock.market, simulated]);
  const view = useMemo(() => overview(data, now), [data.summary, data.books, now]);
  const out = (): void => void leave(services.auth);

  if (fault !== null) return <Blocked {...FAULTS[fault]} action={{ label: 'Sign out', run: out }} />;
  const shared = { services, session, role, clock: now };
  const synthetic = view?.synthetic ?? false;
  return (
    <div class="desk" data-tab={tab} data-synthetic={synthetic}>
      <Masthead {...shared} state={deskState(data)} stateDoc={data.state} view={view} fresh={freshness(data, wall)} tab={tab} onTab={setTab} onLeave={out} />
      {synthetic && (
        <aside class="synthetic" aria-label="What the prices are">
          <strong>Synthetic market</strong>
          <span>Every price on this page is invented.</span>
        </aside>
      )}
      {tab === 'risk' ? <Risk {...shared} data={data} /> : tab === 'lab' ? <Lab services={services} session={session} role={role} /> : <main class="floor">
        <div class="column standing-column">
          <Still of={() => <Standing view={view} />} by={[view]} />
          <Still of={() => <Alerts {...shared} notifications={data.notifications} />} by={[data.notifications, now]} />
          <Still of={() => <Modules view={view} equity={data.equity} />} by={[view, data.equity]} />
          <Still of={() => <Accounts books={data.books} clock={now} />} by={[data.books, now]} />
        </div>
        <div class="column book-column">
          <Still of={() => <EquityChart equity={data.equity} synthetic={synthetic} />} by={[data.equity, synthetic]} />
          <Still of={() => <Positions books={data.books} clock={now} />} by={[data.books, now]} />
          <Still of={() => <Orders books={data.books} orders={data.orders} clock={now} />} by={[data.books, data.orders, now]} />
        </div>
        <div class="column record-column">
          <Still of={() => <Decisions cycles={data.cycles} clock={now} />} by={[data.cycles, now]} />
          <Still of={() => <Activity orders={data.orders} trades={data.trades} events={data.events} clock={now} />}
            by={[data.orders, data.trades, data.events, now]} />
        </div>
      </main>}
      <TabBar tab={tab} onTab={setTab} />
    </div>
  );
}

interface StillProps {
  readonly of: () => JSX.Element;
  readonly by: readonly unknown[];
}

/** A panel that is drawn again only when what it shows has changed: a fill does not redraw the curve. */
function Still({ of, by }: StillProps): JSX.Element {
  return useMemo(of, by);
}
