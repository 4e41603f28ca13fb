// The door: e-mail and password. The demo account is named only where the page is connected to emulators.
import { useState } from 'preact/hooks';
import { type Services, enter } from '../session';
import { Mark } from './Mark';

const DEMO = { email: 'owner@demo.firedesk', password: 'demo-owner' };

export function SignIn({ services }: { readonly services: Services }) {
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [fault, setFault] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setFault(await enter(services.auth, email.trim(), password));
    setBusy(false);
  };

  return (
    <main class="door">
      <form class="door-card" onSubmit={(event) => void submit(event)}>
        <Mark />
        <h1>firedesk</h1>
        <label>
          E-mail
          <input type="email" name="email" autocomplete="username" required value={email}
            onInput={(event) => setEmail(event.currentTarget.value)} />
        </label>
        <label>
          Password
          <input type="password" name="password" autocomplete="current-password" required value={password}
            onInput={(event) => setPassword(event.currentTarget.value)} />
        </label>
        <p class="fault" role="alert">{fault}</p>
        <button type="submit" class="button primary" disabled={busy}>
          {busy ? 'Signing in' : 'Sign in'}
        </button>
        {services.local && (
          <p class="hint">
            Local suite. Demo owner: <code>{DEMO.email}</code>, password <code>{DEMO.password}</code>
            <button type="button" class="link" onClick={() => { setEmail(DEMO.email); setPassword(DEMO.password); }}>
              Fill in
            </button>
          </p>
        )}
      </form>
    </main>
  );
}
