"""The report of a backtest: one self-contained HTML file that loads nothing and says what it does not prove."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path

import numpy as np

from ml.backtest.metrics import underwater
from ml.backtest.summary import Curve
from ml.backtest.thinning import thinned
from ml.backtest.trips import Group, Trip
from orchestrator.cli.backtest import charts, words
from orchestrator.cli.backtest.screen import PLAIN, ROWS, best, form, title_of
from orchestrator.cli.backtest.stages import Found, moment
from orchestrator.domain.market import Floats

_HERE = Path(__file__).parent
_SYMBOLS, _TRADES = 12, 300
_BREAKDOWNS = ("strategy", "symbol", "session", "regime", "exit")
Rows = Iterable[Sequence[object]]


def page(found: Found) -> str:
    """Return the page."""
    style, script = ((_HERE / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    title = f"Backtest: {title_of(found)}"
    parts = [
        _head(found, title),
        _careful(found),
        _curves(found),
        _metrics(found),
        _section("Month by month", charts.months(monthly(found))),
        _prices(found),
        _heat(found),
        *(_breakdown(by, found.summary.groups[by]) for by in _BREAKDOWNS if found.summary.trips),
        _trades(found),
        _section("How it was traded", _list(words.execution(found))),
        _section("The bars", _list(words.bars(found))),
    ]
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{style}</style><main>{''.join(parts)}</main><script>{script}</script></html>"
    )


def _head(found: Found, title: str) -> str:
    summary = found.summary
    first, last = (moment(int(summary.curve.ends[at])) for at in (0, -1))
    shown = ("total_return", "cagr", "sharpe", "max_drawdown", "profit_factor")
    tiles = "".join(_tile(*ROWS[name], summary.measured[name]) for name in shown)
    trades = f"<div><span>round trips</span><b>{len(summary.trips)}</b><i>&nbsp;</i></div>"
    set_ = "".join(f", {name} = {value:g}" for name, value in found.asked.values.items())
    return (
        f"<h1>{escape(title)}</h1><p>{first:%Y-%m-%d} to {last:%Y-%m-%d}, {summary.curve.capital:,.0f} USD at "
        f"the start{escape(set_)}. Made of past bars, not of trades. Id {found.digest}.</p>"
        f"<div class=tiles>{tiles}{trades}</div>"
    )


def _tile(name: str, shape: str, one: object) -> str:
    value, low, high = (getattr(one, key) for key in ("value", "low", "high"))
    spread = f"{form(shape, low)} to {form(shape, high)}" if getattr(one, "known", False) else "no interval"
    return f"<div><span>{escape(name)}</span><b>{form(shape, value)}</b><i>{spread}</i></div>"


def _careful(found: Found) -> str:
    told = words.cautions(found)
    return f"<section class=careful><h2>Read with care</h2>{_list(told)}</section>" if told else ""


def _curves(found: Found) -> str:
    curve, benchmark = found.summary.curve, found.summary.benchmark
    times = [int(end) for end in curve.ends]
    held = _as_volatile(benchmark, curve)
    frame = charts.frame_of(times, [curve.equity, held], 320)
    inside = charts.axes(frame, "{:,.0f}") + charts.line(frame, times, held, "other")
    inside += charts.line(frame, times, curve.equity, "curve") + "<line class=at />"
    label = f"Equity from {curve.capital:,.0f} to {curve.equity[-1]:,.0f} USD, and the benchmark"
    below = underwater(curve.returns)
    deep = charts.frame_of(times, [below, np.zeros(1)], 140)
    drawdown = charts.axes(deep, "{:.1%}") + charts.area(deep, times, below, "deep")
    rows = thinned(curve.equity, charts.POINTS)
    data = [[times[row], round(float(curve.equity[row]), 2), round(float(below[row]), 4)] for row in rows]
    name = found.asked.benchmark.upper() or "all that was traded, bought and held"
    other = f" <i class=other></i>{escape(name)}, at the same volatility" if np.isfinite(held).all() else ""
    key = f"<i class=curve></i>the strategies{other}"
    return (
        f"<section><h2>Equity</h2><p class=key>{key} <output id=told></output></p>"
        f"<div tabindex=0>{charts.svg(inside, 320, label, 'equity')}</div><h2>Drawdown</h2>"
        f"<div tabindex=0>{charts.svg(drawdown, 140, f'Drawdown, {below.min():.1%} at the deepest')}</div>"
        f"<script type=application/json id=points>{json.dumps(data)}</script></section>"
    )


def _as_volatile(benchmark: Floats, curve: Curve) -> Floats:
    """Return the benchmark from the same capital, its stake such that it moves as much as the strategies do."""
    if len(benchmark) < 2 or not np.isfinite(benchmark).all():
        return np.full(len(curve.ends), np.nan)
    moves = benchmark[1:] / benchmark[:-1] - 1.0
    swing = float(moves.std())
    stake = float(curve.returns[1:].std()) / swing if swing > 0 else 0.0
    return np.asarray(curve.capital * np.cumprod(np.concatenate([[1.0], 1.0 + stake * moves])))


def _metrics(found: Found) -> str:
    summary = found.summary
    rows = []
    for key, one in {**summary.measured, **summary.against}.items():
        name, shape = ROWS[key]
        numbers = "".join(f"<td>{form(shape, value)}</td>" for value in (one.value, one.low, one.high))
        rows.append(
            f"<tr><td>{escape(name)}</td>{numbers}<td>{charts.interval(one.value, one.low, one.high)}</td></tr>"
        )
    for key, value in summary.plain.items():
        name, shape = PLAIN[key]
        rows.append(f"<tr><td>{escape(name)}</td><td>{form(shape, value)}</td><td></td><td></td><td></td></tr>")
    head = "<tr><th>metric</th><th>value</th><th>95 % low</th><th>high</th><th>zero, interval, value</th></tr>"
    note = (
        "Intervals: stationary bootstrap of the daily returns (Politis and Romano 1994), of the round trips one by "
        "one; percentiles of 2,000 histories, seeded. Relative numbers are against the benchmark."
    )
    table = f"<div tabindex=0><table class=measured>{head}{''.join(rows)}</table></div>"
    return _section("Numbers and how sure they are", f"{table}<p>{note}</p>")


def monthly(found: Found) -> dict[str, float]:
    """Return the return of each month by `yyyy-mm`."""
    curve, told = found.summary.curve, dict[str, float]()
    for end, value in zip(curve.ends, curve.returns, strict=True):
        key = f"{moment(int(end)):%Y-%m}"
        told[key] = (1 + told.get(key, 0.0)) * (1 + float(value)) - 1
    return told


def _prices(found: Found) -> str:
    by_symbol: dict[str, list[Trip]] = {}
    for trip in found.summary.trips:
        by_symbol.setdefault(trip.symbol, []).append(trip)
    priced = [symbol for symbol in by_symbol if any(symbol in run.market.panel.symbols for run in found.runs)]
    shown = sorted(priced, key=lambda symbol: -len(by_symbol[symbol]))[:_SYMBOLS]
    if by_symbol and not shown:
        return ""
    if not shown:
        return _section("Trades on the price", "<p>Nothing was traded.</p>")
    options = "".join(f"<option>{escape(symbol)}</option>" for symbol in shown)
    pictures = "".join(
        f"<div tabindex=0 class='chart{' hidden' if place else ''}'>{_price(found, symbol, by_symbol[symbol])}</div>"
        for place, symbol in enumerate(shown)
    )
    more = f" (the {_SYMBOLS} with most trades of {len(by_symbol)})" if len(by_symbol) > _SYMBOLS else ""
    return _section(
        "Trades on the price", f"<p><label>Symbol <select id=symbol>{options}</select></label>{more}</p>{pictures}"
    )


def _price(found: Found, symbol: str, trips: Sequence[Trip]) -> str:
    run = next(one for one in found.runs if symbol in one.market.panel.symbols)
    panel = run.market.panel
    closes = panel.close[:, panel.column(symbol)]
    return charts.price([int(end) for end in panel.ends], closes, trips[-_TRADES:], symbol)


def _heat(found: Found) -> str:
    names = list(found.asked.sweep)
    if not names:
        return ""
    picture = charts.heat(found.points, names) if len(names) <= 2 else "<p>A map shows one or two parameters.</p>"
    rows = (
        (
            ", ".join(f"{name}={value:g}" for name, value in point.values.items()),
            form("{:+.2f}", point.sharpe),
            f"{point.final_equity:,.0f}",
            f"{point.max_drawdown:.1%}",
            point.trades,
        )
        for point in best(found)[:10]
    )
    axes = f"<p>Across: {escape(names[0])}{f'; up: {escape(names[1])}' if len(names) == 2 else ''}. Sharpe ratio.</p>"
    table = _table(("best", "Sharpe", "final equity", "drawdown", "trades"), rows)
    return _section("Parameters", f"{axes}<div tabindex=0>{picture}</div>{table}")


def _breakdown(by: str, groups: Sequence[Group]) -> str:
    head = (by, "trades", "profit", "hit rate", "factor", "mean", "mean R", "costs")
    return _section(f"By {by}", _table(head, _group_rows(groups)))


def _group_rows(groups: Sequence[Group]) -> Iterator[Sequence[object]]:
    for one in groups:
        ratios = form("{:.0%}", one.hit_rate), form("{:.2f}", one.profit_factor), form("{:+,.2f}", one.expectancy)
        yield one.name, one.trades, f"{one.profit:+,.2f}", *ratios, form("{:+.2f}", one.mean_r), f"{one.costs:,.2f}"


def _trades(found: Found) -> str:
    trips = found.summary.trips
    head = ("opened", "closed", "symbol", "strategy", "quantity", "entry", "exit", "profit", "left by")
    rows = (
        (
            f"{moment(one.opened):%Y-%m-%d %H:%M}",
            f"{moment(one.closed):%Y-%m-%d %H:%M}",
            one.symbol,
            one.strategy,
            f"{one.side * one.qty:g}",
            f"{one.entry_px:,.6g}",
            f"{one.exit_px:,.6g}",
            f"{one.profit:+,.2f}",
            one.reason,
        )
        for one in reversed(trips[-_TRADES:])
    )
    more = f", the newest {_TRADES}" if len(trips) > _TRADES else ""
    return f"<details><summary>{len(trips)} round trips{more}</summary>{_table(head, rows)}</details>"


def _section(title: str, inside: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{inside}</section>"


def _table(head: Sequence[str], rows: Rows) -> str:
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<div tabindex=0><table><tr>{names}</tr>{body}</table></div>"


def _list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"
