// The three modules: result, use of the allowance, health.
import type { EquityDoc } from '../generated/documents';
import { pnlTrail, trailPath } from '../model/equity';
import { type ModuleCard, type Overview, plural } from '../model/overview';
import { formatPercent, formatUsd } from '../model/units';
import { Gain, Panel } from './parts';

interface Props {
  readonly view: Overview | null;
  readonly equity: readonly EquityDoc[];
}

export function Modules({ view, equity }: Props) {
  if (view === null) return null;
  return (
    <Panel name="modules" title="Modules">
      <ul class="module-list">
        {view.modules.map((module) => (
          <Module key={module.name} module={module} equity={equity} />
        ))}
      </ul>
    </Panel>
  );
}

const TRAIL = { width: 96, height: 28 };

function Module({ module, equity }: { readonly module: ModuleCard; readonly equity: readonly EquityDoc[] }) {
  const path = trailPath(pnlTrail(equity, module.name), TRAIL.width, TRAIL.height);
  return (
    <li class={`module ${module.name}`} data-module={module.name}>
      <h3>{module.name}</h3>
      <p class="module-pnl"><Gain value={module.pnl} /></p>
      <svg class="trail" viewBox={`-1 -2 ${TRAIL.width + 2} ${TRAIL.height + 4}`} preserveAspectRatio="none" aria-hidden="true">
        {path !== null && <path d={path} />}
      </svg>
      <Allowance module={module} />
      <p class="module-counts">
        <span>{plural(module.positions, 'position')}</span>
        <span>{module.working} working</span>
        <span>{plural(module.trades, 'trade')}</span>
        {module.parametersVersion !== null && module.parametersVersion > 0 && <span title="Version of the parameters that trade now">params v{module.parametersVersion}</span>}
      </p>
      <p class={`health ${module.health.level}`}>
        <i aria-hidden="true">{module.health.level === 'ok' ? '✓' : '!'}</i>
        {module.health.text}
      </p>
    </li>
  );
}

function Allowance({ module }: { readonly module: ModuleCard }) {
  const filled = Math.min(1, Math.max(0, module.used));
  return (
    <div class={`allowance ${module.used > 1 ? 'over' : ''}`}>
      <div class="bar" role="meter" aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(module.used * 100)}
        aria-label={`${module.name}: share of the allowance in use`}>
        <i style={{ inlineSize: `${(filled * 100).toFixed(1)}%` }} />
      </div>
      <p>
        <span>{formatUsd(module.exposure, 0)} of {formatUsd(module.limit, 0)}</span>
        <span>{formatPercent(module.used, false, 0)}</span>
      </p>
    </div>
  );
}
