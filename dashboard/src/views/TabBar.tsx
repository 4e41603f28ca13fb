// The six pages of a phone.
export type Tab = 'desk' | 'book' | 'risk' | 'why' | 'log' | 'lab';

const TABS: readonly { readonly tab: Tab; readonly label: string; readonly icon: string }[] = [
  { tab: 'desk', label: 'Desk', icon: 'M3 17l5-6 4 4 9-11' },
  { tab: 'book', label: 'Book', icon: 'M4 6h16M4 12h16M4 18h10' },
  { tab: 'risk', label: 'Risk', icon: 'M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM12 8v4M12 15.500v.01' },
  { tab: 'why', label: 'Why', icon: 'M5 12l4 4 10-10M5 20h14' },
  { tab: 'log', label: 'Log', icon: 'M12 7v5l3 3M12 3a9 9 0 1 0 .01 0' },
  { tab: 'lab', label: 'Lab', icon: 'M9 3h6M10 3v6l-5 10h14L14 9V3' },
];

export function TabBar({ tab, onTab }: { readonly tab: Tab; readonly onTab: (tab: Tab) => void }) {
  return (
    <nav class="tabs" aria-label="Pages">
      {TABS.map((one) => (
        <button type="button" key={one.tab} aria-current={one.tab === tab ? 'page' : undefined}
          onClick={() => { onTab(one.tab); scrollTo(0, 0); }}>
          <svg viewBox="0 0 24 24" aria-hidden="true"><path d={one.icon} /></svg>
          {one.label}
        </button>
      ))}
    </nav>
  );
}
