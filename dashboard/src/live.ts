// The listeners: eleven, and four more while the lab is open; no other read. First load costs at most 3 + 3 + 2 + 10 + 20 + 20 + 20 + 10 + 30 = 118
// document reads; after that each changed document costs one. The queries are declared in the desk's register.
import {
  type DocumentData,
  type FirestoreError,
  type Firestore,
  type Query,
  type QuerySnapshot,
  collection,
  doc,
  limit,
  onSnapshot,
  orderBy,
  query,
} from 'firebase/firestore';
import type { BacktestDoc, ExperimentDoc, ParityDoc, ScoreDoc } from './generated/documents';
import { QUERIES } from './generated/queries';
import type { DeskData, WithId } from './model/desk';
import type { EpochMs } from './model/units';

type Change = Partial<DeskData>;
type Registered = (typeof QUERIES)[keyof typeof QUERIES];

export type Fault = 'denied' | 'newer' | 'broken';

const SCHEMA = 1;

export interface Listener {
  readonly changed: (change: Change) => void;
  readonly failed: (fault: Fault) => void;
}

/** Listen to everything the page shows until the returned function is called. */
export function watchDesk(db: Firestore, listener: Listener): () => void {
  const many = (registered: Registered, key: keyof DeskData): (() => void) =>
    onSnapshot(
      queryOf(db, registered),
      { includeMetadataChanges: true },
      (snapshot) => receive(listener, { [key]: documents(snapshot) }, snapshot),
      (error) => listener.failed(faultOf(error)),
    );
  const one = (path: string, key: keyof DeskData): (() => void) =>
    onSnapshot(
      doc(db, path),
      { includeMetadataChanges: true },
      (snapshot) => {
        const data = snapshot.data();
        receive(listener, { [key]: data ?? null }, { docs: data ? [snapshot] : [], metadata: snapshot.metadata });
      },
      (error) => listener.failed(faultOf(error)),
    );
  const stops = [
    one('desk/summary', 'summary'),
    one('desk/state', 'state'),
    one('desk/reduction', 'reduction'),
    many(QUERIES.books, 'books'),
    many(QUERIES.equity, 'equity'),
    many(QUERIES.cycles, 'cycles'),
    many(QUERIES.orders, 'orders'),
    many(QUERIES.trades, 'trades'),
    many(QUERIES.events, 'events'),
    many(QUERIES.notifications, 'notifications'),
    many(QUERIES.risk_reports, 'riskReports'),
  ];
  return () => stops.forEach((stop) => stop());
}

/** Listen to the newest backtests until the returned function is called. */
export function watchBacktests(db: Firestore, changed: (kept: WithId<BacktestDoc>[]) => void): () => void {
  return watchLab(db, QUERIES.backtests, changed);
}

/** Listen to every module's experiment until the returned function is called. */
export function watchExperiments(db: Firestore, changed: (docs: WithId<ExperimentDoc>[]) => void): () => void {
  return watchLab(db, QUERIES.experiments, changed);
}

/** Listen to the newest comparison of desk and backtest until the returned function is called. */
export function watchParity(db: Firestore, changed: (docs: WithId<ParityDoc>[]) => void): () => void {
  return watchLab(db, QUERIES.parity, changed);
}

/** Listen to every module's scores until the returned function is called. */
export function watchScores(db: Firestore, changed: (docs: WithId<ScoreDoc>[]) => void): () => void {
  return watchLab(db, QUERIES.scores, changed);
}

function watchLab<Doc extends { readonly schema?: number }>(
  db: Firestore,
  registered: Registered,
  changed: (docs: WithId<Doc>[]) => void,
): () => void {
  return onSnapshot(queryOf(db, registered), (snapshot) =>
    changed((documents(snapshot) as unknown as WithId<Doc>[]).filter((one) => one.schema === SCHEMA)),
  );
}

function queryOf(db: Firestore, registered: Registered): Query {
  const order = registered.orderBy;
  const base = collection(db, registered.collection);
  if (order === null) return query(base, limit(registered.limit));
  const descending = order.startsWith('-');
  return query(base, orderBy(order.replace('-', ''), descending ? 'desc' : 'asc'), limit(registered.limit));
}

function documents(snapshot: QuerySnapshot): WithId<DocumentData>[] {
  return snapshot.docs.map((one) => ({ ...one.data(), id: one.id }));
}

interface Received {
  readonly docs: readonly { data(): DocumentData | undefined }[];
  readonly metadata: { readonly fromCache: boolean };
}

function receive(listener: Listener, change: Change, { docs, metadata }: Received): void {
  if (docs.some((one) => one.data()?.['schema'] !== SCHEMA)) {
    listener.failed('newer');
    return;
  }
  if (metadata.fromCache && docs.length === 0) {
    listener.changed({ offline: !navigator.onLine });
    return;
  }
  const word = metadata.fromCache ? {} : { receivedAt: Date.now() as EpochMs };
  listener.changed({ ...change, ...word, offline: metadata.fromCache });
}

function faultOf(error: FirestoreError): Fault {
  return error.code === 'permission-denied' ? 'denied' : 'broken';
}
