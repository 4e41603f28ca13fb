// What is tried in each module, how far it is, and the owner's word on it.
import { useEffect, useState } from 'preact/hooks';
import { ask } from '../commands';
import type { CommandKind, ExperimentDoc } from '../generated/documents';
import { watchExperiments } from '../live';
import { type Progress, type Role, mayAsk, progressWords } from '../model/command';
import type { WithId } from '../model/desk';
import { armWords, experimentChoices } from '../model/experiments';
import type { Services, Session } from '../session';
import { Empty, ModuleTag, Panel } from './parts';

export interface ExperimentProps {
  readonly services: Services;
  readonly session: Session;
  readonly role: Role;
}

export function Experiments(props: ExperimentProps) {
  const [docs, setDocs] = useState<readonly WithId<ExperimentDoc>[]>([]);
  useEffect(() => watchExperiments(props.services.db, setDocs), [props.services]);
  return (
    <Panel name="experiments" title="Experiments" count={docs.length}>
      {docs.length === 0 && <Empty>Nothing was tried so far.</Empty>}
      <ul class="doubt-list">{docs.map((doc) => <One key={doc.id} doc={doc} {...props} />)}</ul>
    </Panel>
  );
}

function One({ doc, services, session, role }: ExperimentProps & { readonly doc: WithId<ExperimentDoc> }) {
  const [progress, setProgress] = useState<Progress | null>(null);
  const say = (kind: CommandKind): void => {
    const args = kind === 'pin' ? { module: doc.module, pinned: doc.pinned ? 'no' : 'yes' } : { module: doc.module };
    ask(services.db, session, { kind, reason: 'asked in the lab', args }, setProgress);
  };
  return (
    <li data-experiment={doc.id}>
      <p><ModuleTag name={doc.module} /> <b>v{doc.challenger} {doc.stage}{doc.pinned && ', pinned'}</b></p>
      <p class="doubt-text">{armWords(doc)}</p>
      <p class="doubt-text">{doc.verdict}</p>
      {progress !== null && <p role="status">{progressWords(progress)}</p>}
      {experimentChoices(doc).filter(({ kind }) => mayAsk(role, kind)).map(({ kind, label }) => (
        <button key={kind} type="button" class="link" onClick={() => say(kind)}>{label}</button>
      ))}
    </li>
  );
}
