import { render } from 'preact';
import { ConfigurationError, loadConfig } from './config';
import { connect } from './session';
import './styles/fonts.css';
import './styles/tokens.css';
import './styles/parts.css';
import './styles/tables.css';
import './styles/risk.css';
import './styles/layout.css';
import { App } from './views/App';
import { Blocked } from './views/Blocked';

const root = document.getElementById('app') as HTMLElement;

async function start(): Promise<void> {
  const services = connect(await loadConfig());
  root.replaceChildren();
  render(<App services={services} />, root);
}

start().catch((error: unknown) => {
  const told = error instanceof ConfigurationError ? error.message : `The page could not start: ${String(error)}`;
  root.replaceChildren();
  render(<Blocked title="Not configured" text={told} />, root);
});

if ('serviceWorker' in navigator && import.meta.env.PROD) {
  navigator.serviceWorker.register('/sw.js').catch(() => undefined);
}
