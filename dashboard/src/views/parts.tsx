// Small parts that every panel uses: heading, gain with its sign and arrow, module tag, empty state.
import type { ComponentChildren } from 'preact';
import type { ModuleName } from '../generated/documents';
import { type Fraction, type Usd, formatGain, formatPercent, trend } from '../model/units';

interface PanelProps {
  readonly name: string;
  readonly title: string;
  readonly count?: number;
  readonly tools?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Panel({ name, title, count, tools, children }: PanelProps) {
  return (
    <section class={`panel ${name}`} aria-labelledby={`${name}-title`}>
      <header class="panel-head">
        <h2 id={`${name}-title`}>{title}</h2>
        {count !== undefined && <span class="count">{count}</span>}
        {tools !== undefined && <div class="tools">{tools}</div>}
      </header>
      {children}
    </section>
  );
}

const ARROWS = { up: '▲', down: '▼', flat: '' } as const;

/** Money gained or lost: sign, arrow and colour say the same. */
export function Gain({ value, digits = 2, share }: { value: Usd; digits?: number; share?: Fraction }) {
  const way = trend(value);
  return (
    <span class={`gain ${way}`}>
      <i aria-hidden="true">{ARROWS[way]}</i>
      {formatGain(value, digits)}
      {share !== undefined && <small>{formatPercent(share, true)}</small>}
    </span>
  );
}

export function ModuleTag({ name }: { readonly name: ModuleName }) {
  return <span class={`module-tag ${name}`}>{name}</span>;
}

export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

interface ChoiceProps<T extends string> {
  readonly label: string;
  readonly options: readonly { readonly value: T; readonly label: string }[];
  readonly value: T;
  readonly onChoice: (value: T) => void;
}

/** A row of buttons of which one is pressed. */
export function Choice<T extends string>({ label, options, value, onChoice }: ChoiceProps<T>) {
  return (
    <div class="choice" role="group" aria-label={label}>
      {options.map((option) => (
        <button type="button" key={option.value} aria-pressed={option.value === value} onClick={() => onChoice(option.value)}>
          {option.label}
        </button>
      ))}
    </div>
  );
}
