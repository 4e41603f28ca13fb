"""The pictures of a backtest's report, as inline SVG: they load nothing and say in words what they show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, isfinite, log10

import numpy as np

from ml.backtest.thinning import thinned
from ml.backtest.trips import Trip
from orchestrator.cli.backtest.stages import Point, moment
from orchestrator.domain.market import Floats

WIDTH = 960
POINTS = 700
LEFT, RIGHT = 64, 8
_ABOVE, _BELOW = 10, 20


@dataclass(frozen=True, slots=True)
class Frame:
    """Where times (epoch seconds) and values fall in a picture of a height."""

    first: float
    last: float
    low: float
    high: float
    height: int

    def x(self, time: float) -> float:
        """Return where a time is, from the left."""
        return LEFT + (time - self.first) / ((self.last - self.first) or 1) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Return where a value is, from above."""
        room = self.height - _ABOVE - _BELOW
        return _ABOVE + (self.high - value) / ((self.high - self.low) or 1) * room


def frame_of(times: Sequence[int], curves: Iterable[Floats], height: int) -> Frame:
    """Return the frame that holds the curves, with a little room above and below."""
    values = np.concatenate(list(curves))
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    room = 0.04 * ((high - low) or abs(high) or 1.0)
    return Frame(float(times[0]), float(times[-1]), low - room, high + room, height)


def line(frame: Frame, times: Sequence[int], values: Floats, kind: str) -> str:
    """Return a curve; `kind` is its class."""
    rows = thinned(values, POINTS)
    spots = [f"{frame.x(times[row]):.1f},{frame.y(values[row]):.1f}" for row in rows if isfinite(values[row])]
    return f"<path class={kind} d='M{' L'.join(spots)}'/>" if spots else ""


def area(frame: Frame, times: Sequence[int], values: Floats, kind: str) -> str:
    """Return the area between a curve and zero."""
    rows = thinned(values, POINTS)
    spots = " L".join(f"{frame.x(times[row]):.1f},{frame.y(values[row]):.1f}" for row in rows)
    zero, left, right = frame.y(0.0), frame.x(times[0]), frame.x(times[-1])
    return f"<path class={kind} d='M{left:.1f},{zero:.1f} L{spots} L{right:.1f},{zero:.1f} Z'/>"


def axes(frame: Frame, shape: str) -> str:
    """Return grid lines with their values, and dates below."""
    parts = []
    for value in _ticks(frame.low, frame.high):
        y = frame.y(value)
        parts.append(f"<line x1={LEFT} x2={WIDTH - RIGHT} y1={y:.1f} y2={y:.1f} />")
        parts.append(f"<text x={LEFT - 6} y={y + 4:.1f} text-anchor=end>{shape.format(value)}</text>")
    for place in range(5):
        time = frame.first + (frame.last - frame.first) * place / 4
        anchor = "start" if place == 0 else "end" if place == 4 else "middle"
        text = f"{moment(int(time)):%Y-%m-%d}"
        parts.append(f"<text x={frame.x(time):.0f} y={frame.height - 4} text-anchor={anchor}>{text}</text>")
    return "".join(parts)


def _ticks(low: float, high: float) -> list[float]:
    """Return about four round values between two."""
    raw = (high - low) / 4 or 1.0
    unit = 10.0 ** floor(log10(raw))
    step = next(times * unit for times in (1, 2, 5, 10) if times * unit >= raw)
    first = np.ceil(low / step) * step
    return [float(first + step * place) for place in range(int((high - first) / step) + 1)]


def svg(inside: str, height: int, label: str, name: str = "") -> str:
    """Return a picture; `label` says what it shows."""
    more = f" id={name}" if name else ""
    return f"<svg{more} viewBox='0 0 {WIDTH} {height}' role=img aria-label='{escape(label, quote=True)}'>{inside}</svg>"


def price(times: Sequence[int], closes: Floats, trips: Sequence[Trip], symbol: str) -> str:
    """Return a symbol's price with its round trips: up = bought, down = left, green or red by what it earned."""
    frame = frame_of(times, [closes], 300)
    marks = [axes(frame, "{:,.6g}"), line(frame, times, closes, "price")]
    for trip in trips:
        won = "won" if trip.profit > 0 else "lost"
        x1, x2 = frame.x(trip.opened), frame.x(trip.closed)
        y1, y2 = (min(max(frame.y(px), 6), 290) for px in (trip.entry_px, trip.exit_px))
        told = (
            f"{trip.strategy}: {trip.qty:g} from {trip.entry_px:,.6g} to {trip.exit_px:,.6g}, {trip.profit:+,.2f} USD"
        )
        marks.append(
            f"<g class={won}><title>{escape(told)} ({trip.reason})</title>"
            f"<line x1={x1:.1f} y1={y1:.1f} x2={x2:.1f} y2={y2:.1f} />"
            f"<path d='M{x1:.1f},{y1:.1f} l-4,8 h8 z'/><path d='M{x2:.1f},{y2:.1f} l-4,-8 h8 z'/></g>"
        )
    return svg("".join(marks), 300, f"Price of {symbol} with {len(trips)} round trips")


def interval(value: float, low: float, high: float) -> str:
    """Return a number on its interval, with where zero is; nothing where there is no interval."""
    if not all(isfinite(one) for one in (value, low, high)):
        return ""
    least, most = min(low, 0.0), max(high, 0.0)
    scale = 112 / ((most - least) or 1)
    at = [4 + (one - least) * scale for one in (low, high, value, 0.0)]
    kind = "interval unsure" if low <= 0.0 <= high else "interval"
    return (
        f"<svg class='{kind}' viewBox='0 0 120 14' aria-hidden=true>"
        f"<line class=zero x1={at[3]:.1f} x2={at[3]:.1f} y1=0 y2=14 />"
        f"<rect x={at[0]:.1f} y=5 width={max(at[1] - at[0], 1):.1f} height=4 rx=2 />"
        f"<circle cx={at[2]:.1f} cy=7 r=4 /></svg>"
    )


def heat(points: Sequence[Point], names: Sequence[str]) -> str:
    """Return the Sharpe ratio over one or two parameters as a grid; the best is framed."""
    across = sorted({point.values[names[0]] for point in points})
    down = sorted({point.values[names[1]] for point in points}) if len(names) > 1 else [0.0]
    cells = {(p.values[names[0]], p.values[names[1]] if len(names) > 1 else 0.0): p for p in points}
    scores = [point.sharpe for point in points if isfinite(point.sharpe)]
    reach = max((abs(score) for score in scores), default=1.0) or 1.0
    width, height = (WIDTH - 90) / len(across), 34
    parts = [
        _cell(cells[x, y], (90 + i * width, 4 + j * height, width, height), reach, top=max(scores, default=0.0))
        for i, x in enumerate(across)
        for j, y in enumerate(reversed(down))
    ]
    below = 4 + height * len(down)
    parts += [
        f"<text x={90 + (i + 0.5) * width:.0f} y={below + 16} text-anchor=middle>{x:g}</text>"
        for i, x in enumerate(across)
    ]
    parts += [
        f"<text x=84 y={4 + (j + 0.62) * height:.0f} text-anchor=end>{y:g}</text>"
        for j, y in enumerate(reversed(down))
        if len(names) > 1
    ]
    label = f"Sharpe ratio over {' and '.join(names)}"
    return svg("".join(parts), below + 22, label)


def _cell(point: Point, box: tuple[float, float, float, float], reach: float, *, top: float) -> str:
    x, y, width, height = box
    known = isfinite(point.sharpe)
    kind = "up" if known and point.sharpe >= 0 else "down"
    strength = abs(point.sharpe) / reach if known else 0.0
    best = " best" if known and point.sharpe == top else ""
    values = ", ".join(f"{name}={value:g}" for name, value in point.values.items())
    text = f"{point.sharpe:.2f}" if known else "–"
    told = f"{values}: Sharpe {text}, {point.trades} trades, final equity {point.final_equity:,.0f}"
    shown = (
        f"<text x={x + width / 2:.0f} y={y + height / 2 + 4:.0f} text-anchor=middle>{text}</text>" if width > 34 else ""
    )
    size = f"x={x:.1f} y={y:.1f} width={width - 2:.1f} height={height - 2}"
    shade = f"<rect class={kind} {size} fill-opacity={0.08 + 0.72 * strength:.2f} />"
    return f"<g class='cell{best}'><title>{escape(told)}</title>{shade}{shown}</g>"


def months(returns: Mapping[str, float]) -> str:
    """Return the table of monthly returns (by `yyyy-mm`), a row for each year with its total."""
    years = sorted({key[:4] for key in returns})
    names = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "all")
    head = "".join(f"<th>{name}</th>" for name in names)
    reach = max((abs(value) for value in returns.values()), default=1.0) or 1.0
    rows = []
    for year in years:
        own = [returns.get(f"{year}-{month:02d}") for month in range(1, 13)]
        total = float(np.prod([1 + value for value in own if value is not None]) - 1)
        cells = "".join(_month(value, reach) for value in own)
        rows.append(f"<tr><td>{year}</td>{cells}<td><b>{total:+.1%}</b></td></tr>")
    return f"<div tabindex=0><table class=months><tr><th>year</th>{head}</tr>{''.join(rows)}</table></div>"


def _month(value: float | None, reach: float) -> str:
    if value is None:
        return "<td></td>"
    colour = "--good" if value >= 0 else "--bad"
    share = 6 + 44 * abs(value) / reach
    return f"<td style='background:color-mix(in srgb,var({colour}) {share:.0f}%,transparent)'>{value:+.1%}</td>"
