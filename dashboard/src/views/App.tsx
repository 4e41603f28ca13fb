// Decides which page there is: sign-in, no role, or the desk.
import { useEffect, useState } from 'preact/hooks';
import { type Services, type Session, leave, watchSession } from '../session';
import { Blocked } from './Blocked';
import { Desk } from './Desk';
import { SignIn } from './SignIn';

export function App({ services }: { readonly services: Services }) {
  const [session, setSession] = useState<Session | null | undefined>(undefined);
  useEffect(() => watchSession(services.auth, setSession), [services]);

  if (session === undefined) return <p class="blocked" role="status">Opening the desk</p>;
  if (session === null) return <SignIn services={services} />;
  if (session.role === null) {
    return (
      <Blocked
        title="No role on this desk"
        text={`You are signed in as ${session.email}, but this account may not see the desk. Its owner can give it a role: owner, operator or viewer.`}
        action={{ label: 'Sign out', run: () => void leave(services.auth) }}
      />
    );
  }
  return <Desk services={services} session={session} role={session.role} />;
}
