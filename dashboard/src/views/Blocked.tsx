// One clear message instead of the desk.
import { Mark } from './Mark';

interface Props {
  readonly title: string;
  readonly text: string;
  readonly action?: { readonly label: string; readonly run: () => void };
}

export function Blocked({ title, text, action }: Props) {
  return (
    <main class="door">
      <section class="door-card" role="alert">
        <Mark />
        <h1>{title}</h1>
        <p>{text}</p>
        {action && (
          <button type="button" class="button" onClick={action.run}>
            {action.label}
          </button>
        )}
      </section>
    </main>
  );
}
