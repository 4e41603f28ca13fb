// What still waits for somebody's word.
import { useState } from 'preact/hooks';
import { ask } from '../commands';
import type { NotificationDoc } from '../generated/documents';
import { type Alert, openAlerts } from '../model/activity';
import { type Role, mayAsk, progressWords, type Progress } from '../model/command';
import type { WithId } from '../model/desk';
import { type Clock, age } from '../model/time';
import type { Services, Session } from '../session';

interface Props {
  readonly services: Services;
  readonly session: Session;
  readonly role: Role;
  readonly clock: Clock;
  readonly notifications: readonly WithId<NotificationDoc>[];
}

export function Alerts({ notifications, ...rest }: Props) {
  const alerts = openAlerts(notifications);
  if (alerts.length === 0) return null;
  return (
    <section class="alerts" aria-label="Waiting for an answer">
      {alerts.slice(0, 3).map((alert) => <One key={alert.id} alert={alert} {...rest} />)}
      {alerts.length > 3 && <p class="more">and {alerts.length - 3} more</p>}
    </section>
  );
}

type OneProps = Omit<Props, 'notifications'> & { readonly alert: Alert };

function One({ alert, services, session, role, clock }: OneProps) {
  const [progress, setProgress] = useState<Progress | null>(null);
  const acknowledge = (): void => {
    ask(services.db, session, { kind: 'acknowledge', reason: '', args: { notification: alert.id } }, setProgress);
  };
  return (
    <article class={`alert ${alert.severity}`}>
      <h3>{alert.title}</h3>
      <p>{alert.body}</p>
      <footer>
        <span>{alert.severity}, {age(alert.at, clock)} ago</span>
        {progress !== null && <span role="status">{progressWords(progress)}</span>}
        {progress === null && mayAsk(role, 'acknowledge') && (
          <button type="button" class="link" onClick={acknowledge}>Acknowledge</button>
        )}
      </footer>
    </article>
  );
}
