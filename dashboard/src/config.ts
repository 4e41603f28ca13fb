// Finds out which project the page belongs to. Refuses to start, with one clear message, when nobody says so.

export interface Emulators {
  /** "host:port" */
  readonly auth: string;
  readonly firestore: string;
}

export interface Config {
  readonly projectId: string;
  readonly apiKey: string;
  readonly authDomain?: string;
  readonly appId?: string;
  readonly emulators?: Emulators;
}

export type Fetch = (address: string) => Promise<Response>;

/** What Hosting says of its project; the emulator serves it too, but without the other emulators' addresses. */
const HOSTING = '/__/firebase/init.json';
/** Written beside the built page by the local suite, or by hand where the page is not on Firebase Hosting. */
const BESIDE = '/config.json';

export class ConfigurationError extends Error {}

/**
 * Return the configuration. A real project's Hosting has the first word, so that a forgotten local file can never
 * point a deployed page at emulators.
 */
export async function loadConfig(fetchFrom: Fetch = (address) => fetch(address, { cache: 'no-store' })): Promise<Config> {
  const [hosting, beside] = await Promise.all([read(fetchFrom, HOSTING), read(fetchFrom, BESIDE)]);
  if (hosting !== null && !isDemo(hosting)) return withoutEmulators(hosting);
  const found = beside ?? hosting;
  if (found === null) {
    throw new ConfigurationError(
      `This page does not know its Firebase project: neither ${HOSTING} nor ${BESIDE} has one. ` +
        'Deploy it with `firebase deploy --only hosting`, or start the local suite with `make up`.',
    );
  }
  return isDemo(found) ? found : withoutEmulators(found);
}

const isDemo = (config: Config): boolean => config.projectId.startsWith('demo-');

function withoutEmulators({ emulators: _, ...config }: Config): Config {
  return config;
}

async function read(fetchFrom: Fetch, address: string): Promise<Config | null> {
  try {
    const answer = await fetchFrom(address);
    // Hosting answers unknown addresses with the page itself.
    return answer.ok ? asConfig(await answer.json()) : null;
  } catch {
    return null;
  }
}

function asConfig(value: unknown): Config | null {
  if (typeof value !== 'object' || value === null) return null;
  const { projectId, apiKey } = value as Partial<Config>;
  return typeof projectId === 'string' && projectId !== '' && typeof apiKey === 'string' ? (value as Config) : null;
}
