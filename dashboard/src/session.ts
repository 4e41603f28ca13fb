// Who is at the page: Firebase, sign-in, and the role that the token carries.
import { type FirebaseApp, initializeApp } from 'firebase/app';
import {
  type Auth,
  type User,
  browserLocalPersistence,
  connectAuthEmulator,
  indexedDBLocalPersistence,
  initializeAuth,
  onIdTokenChanged,
  signInWithEmailAndPassword,
  signOut,
} from 'firebase/auth';
import { type Firestore, connectFirestoreEmulator, initializeFirestore } from 'firebase/firestore';
import type { Config } from './config';
import { type Role, roleOf } from './model/command';

export interface Services {
  readonly auth: Auth;
  readonly db: Firestore;
  readonly local: boolean;
}

export interface Session {
  readonly uid: string;
  readonly email: string;
  /** null: signed in, but nobody has given this account a role. */
  readonly role: Role | null;
}

export function connect(config: Config): Services {
  const { emulators, ...options } = config;
  const app: FirebaseApp = initializeApp(options);
  const auth = initializeAuth(app, { persistence: [indexedDBLocalPersistence, browserLocalPersistence] });
  const db = initializeFirestore(app, {});
  if (emulators !== undefined) {
    const firestore = reachable(emulators.firestore);
    connectAuthEmulator(auth, `http://${reachable(emulators.auth)}`, { disableWarnings: true });
    connectFirestoreEmulator(db, firestore.replace(/:\d+$/, ''), Number(firestore.split(':').at(-1)));
  }
  return { auth, db, local: emulators !== undefined };
}

/** A phone that opened the page over the network reaches the emulators where it reached the page. */
function reachable(address: string): string {
  const port = address.split(':').at(-1);
  const isLoopback = /^(127\.|localhost)/.test(address);
  return isLoopback && !/^(127\.|localhost$)/.test(location.hostname) ? `${location.hostname}:${port}` : address;
}

/** Tell who is signed in now and after every change; a role that was just given is fetched with a fresh token. */
export function watchSession(auth: Auth, tell: (session: Session | null) => void): () => void {
  let refreshed = '';
  return onIdTokenChanged(auth, async (user) => {
    if (user === null) {
      refreshed = '';
      tell(null);
      return;
    }
    const session = await sessionOf(user);
    if (session.role === null && refreshed !== user.uid) {
      refreshed = user.uid;
      await user.getIdToken(true).catch(() => undefined);
      return tell(await sessionOf(user));
    }
    tell(session);
  });
}

async function sessionOf(user: User): Promise<Session> {
  const { claims } = await user.getIdTokenResult();
  return { uid: user.uid, email: user.email ?? user.uid, role: roleOf(claims['role']) };
}

const MESSAGES: Record<string, string> = {
  'auth/invalid-credential': 'No account has this e-mail and password.',
  'auth/user-not-found': 'No account has this e-mail and password.',
  'auth/wrong-password': 'No account has this e-mail and password.',
  'auth/invalid-email': 'This is not an e-mail address.',
  'auth/user-disabled': 'This account is disabled.',
  'auth/too-many-requests': 'Too many attempts. Wait a few minutes.',
  'auth/network-request-failed': 'No connection. Check the network and try again.',
};

/** Sign in; return what went wrong in words, null when nothing did. */
export async function enter(auth: Auth, email: string, password: string): Promise<string | null> {
  try {
    await signInWithEmailAndPassword(auth, email, password);
    return null;
  } catch (error) {
    const code = (error as { code?: string }).code ?? '';
    return MESSAGES[code] ?? `Sign-in failed (${code || 'unknown reason'}).`;
  }
}

export const leave = (auth: Auth): Promise<void> => signOut(auth);
