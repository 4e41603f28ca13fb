// The equity curve, above or below where it began.
import { BaselineSeries, type IChartApi, type ISeriesApi, type UTCTimestamp, createChart } from 'lightweight-charts';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { EquityDoc } from '../generated/documents';
import { type CurvePoint, type Span, curve } from '../model/equity';
import { formatFull } from '../model/time';
import { type EpochMs, type Usd, formatUsd, fraction, formatPercent } from '../model/units';
import { Choice, Empty, Panel } from './parts';

const SPANS = [
  { value: 'day', label: 'Day' },
  { value: 'week', label: 'Week' },
  { value: 'all', label: 'All' },
] as const;

interface Props {
  readonly equity: readonly EquityDoc[];
  readonly synthetic: boolean;
}

export function EquityChart({ equity, synthetic }: Props) {
  const [span, setSpan] = useState<Span>('all');
  const points = curve(equity, span);
  return (
    <Panel name="curve" title="Equity curve"
      tools={<><Change points={points} /><Choice label="Span of the curve" options={SPANS} value={span} onChoice={setSpan} /></>}>
      <div class="chart">
        {synthetic && <p class="watermark" aria-hidden="true">synthetic</p>}
        {points.length < 2 ? <Empty>The curve begins with the second report of the desk.</Empty> : <Canvas points={points} span={span} />}
      </div>
    </Panel>
  );
}

function Change({ points }: { readonly points: readonly CurvePoint[] }) {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return null;
  return <span class="change">{formatPercent(fraction(last.equity - first.equity, first.equity), true)}</span>;
}

function Canvas({ points, span }: { readonly points: readonly CurvePoint[]; readonly span: Span }) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<IChartApi | null>(null);
  const series = useRef<ISeriesApi<'Baseline'> | null>(null);
  const drawn = useRef({ count: 0, span, last: 0 });

  useEffect(() => {
    const made = createChart(box.current as HTMLElement, OPTIONS);
    chart.current = made;
    series.current = made.addSeries(BaselineSeries, { lineWidth: 2, priceLineVisible: false, lastValueVisible: true });
    const paint = (): void => applyColours(made, series.current);
    made.timeScale().subscribeSizeChange(() => made.timeScale().fitContent());
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', paint);
    paint();
    return () => {
      scheme.removeEventListener('change', paint);
      made.remove();
    };
  }, []);

  useEffect(() => {
    const first = points[0];
    const last = points.at(-1);
    if (first === undefined || last === undefined || series.current === null) return;
    if (drawn.current.count === points.length && drawn.current.last === last.at && drawn.current.span === span) return;
    drawn.current = { count: points.length, span, last: last.at };
    series.current.applyOptions({ baseValue: { type: 'price', price: first.equity } });
    series.current.setData(points.map((point) => ({ time: seconds(point.at), value: point.equity })));
    chart.current?.timeScale().fitContent();
  }, [points, span]);

  const [first, last] = [points[0], points.at(-1)];
  const told = first && last ? `Equity from ${formatUsd(first.equity)} to ${formatUsd(last.equity)} dollars` : '';
  return (
    <figure>
      <figcaption class="sr">{told}</figcaption>
      <div class="canvas" ref={box} />
    </figure>
  );
}

const seconds = (at: EpochMs): UTCTimestamp => Math.floor(at / 1000) as UTCTimestamp;
const moment = (time: unknown): EpochMs => (Number(time) * 1000) as EpochMs;

const OPTIONS = {
  autoSize: true,
  rightPriceScale: { borderVisible: false, entireTextOnly: true, scaleMargins: { top: 0.12, bottom: 0.14 } },
  timeScale: {
    borderVisible: false,
    timeVisible: true,
    secondsVisible: false,
    fixLeftEdge: true,
    fixRightEdge: true,
    tickMarkFormatter: (time: unknown, kind: number) => tick(moment(time), kind),
  },
  localization: {
    priceFormatter: (value: number) => formatUsd(value as Usd, 0),
    timeFormatter: (time: unknown) => formatFull(moment(time)),
  },
  handleScroll: false,
  handleScale: false,
};

/** Kinds 0 to 2 are years, months and days, the rest are times of the day. */
function tick(at: EpochMs, kind: number): string {
  const form: Intl.DateTimeFormatOptions = kind <= 2 ? { day: 'numeric', month: 'short' } : { hour: '2-digit', minute: '2-digit' };
  return new Intl.DateTimeFormat('en-GB', form).format(at);
}

function applyColours(chart: IChartApi, series: ISeriesApi<'Baseline'> | null): void {
  const style = getComputedStyle(document.documentElement);
  const token = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  chart.applyOptions({
    layout: {
      background: { color: 'transparent' },
      textColor: token('ink-soft'),
      fontFamily: style.getPropertyValue('--face'),
      fontSize: 11,
    },
    grid: { vertLines: { visible: false }, horzLines: { color: token('line') } },
    crosshair: {
      vertLine: { color: token('ink-soft'), labelBackgroundColor: token('chart-label') },
      horzLine: { color: token('ink-soft'), labelBackgroundColor: token('chart-label') },
    },
  });
  series?.applyOptions({
    topLineColor: token('up-line'),
    topFillColor1: token('up-fill'),
    topFillColor2: token('fill-end'),
    bottomLineColor: token('down-line'),
    bottomFillColor1: token('fill-end'),
    bottomFillColor2: token('down-fill'),
  });
}
