"""The HTML page of a replay: one self-contained file with the equity curve; it loads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any

from orchestrator.domain.documents import EquityPoint

_WIDTH, _HEIGHT, _MARGIN = 960, 300, 8
_FOR_TEXT = 22
"""Space above and below the curve for its numbers."""

_STYLE = """
:root{color-scheme:light dark;--ink:#16202c;--dim:#66717f;--line:#dfe4ea;--page:#fbfcfd;--curve:#0b6e99;--bad:#b3261e}
@media(prefers-color-scheme:dark){
:root{--ink:#e6ebf1;--dim:#93a0ae;--line:#2a333d;--page:#11161b;--curve:#58b8e0;--bad:#ff8a80}}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:60rem;margin:0 auto;padding:2rem 1rem}h1{font-size:1.4rem;margin:0}h2{font-size:1rem;margin:2rem 0 .5rem}
p{color:var(--dim);margin:.2rem 0}
svg{width:100%;height:auto;margin-top:1rem}svg path{fill:none;stroke:var(--curve);stroke-width:1.6}
svg line{stroke:var(--line)}svg text{fill:var(--dim);font-size:12px}
div{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:.3rem .6rem;border-bottom:1px solid var(--line)}
th:first-child,td:first-child{text-align:left}
th{color:var(--dim);font-weight:500}.bad{color:var(--bad);overflow-wrap:anywhere}.id{overflow-wrap:anywhere}
"""

Rows = Iterable[Sequence[object]]


def page(report: dict[str, Any], curve: Sequence[EquityPoint]) -> str:
    """Return the page."""
    modules = report["modules"]
    parts = [
        *_head(report),
        _curve(curve),
        _section("Modules", _MODULES, _module_rows(modules)),
        _section("Strategies", ("strategy", "trades", "won", "P&L"), _strategy_rows(report["strategies"])),
        _section("Refusals", ("code", *modules), _refusal_rows(modules)),
        _section("Firestore per cycle, at most", ("cycle", "count", "round trips", "writes"), _cost_rows(report)),
        *(f"<p class=bad>{escape(line)}</p>" for line in report["differences"]),
        f"<p class=id>orders sha256 {report['orders_sha256']}</p>",
    ]
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>firedesk: {escape(report['market'])}</title><style>{_STYLE}</style>"
        f"<main>{''.join(parts)}</main></html>"
    )


def _head(report: dict[str, Any]) -> Iterator[str]:
    yield f"<h1>{escape(report['market'])}</h1>"
    yield (
        f"<p>Equity {report['equity_start']:,.2f} → {report['equity_final']:,.2f} USD, store: {report['store']}, "
        f"{report['seconds']} s. Drift {report['drift']}, duplicate orders {report['duplicate_orders']}.</p>"
    )
    if not report["fills_equal_venue_ledger"]:
        yield "<p class=bad>Desk and venue differ: see the differences below.</p>"


_MODULES = ("module", "cycles", "orders", "fills", "trades", "open", "P&L", "fees", "income")


def _module_rows(modules: dict[str, Any]) -> Rows:
    for name, module in modules.items():
        counts = (module[key] for key in ("cycles", "orders", "fills", "trades", "open_positions"))
        yield (name, *counts, *(f"{module[key]:,.2f}" for key in ("pnl", "fees", "income")))


def _strategy_rows(strategies: Sequence[dict[str, Any]]) -> Rows:
    for row in strategies:
        yield f"{row['module']} {row['strategy']}", row["trades"], row["won"], f"{row['pnl']:,.2f}"


def _refusal_rows(modules: dict[str, Any]) -> Rows:
    for code in sorted({code for module in modules.values() for code in module["denied_by_code"]}):
        yield (code, *(module["denied_by_code"].get(code, 0) for module in modules.values()))


def _cost_rows(report: dict[str, Any]) -> Rows:
    for kind in ("idle", "deciding", "trading"):
        cost = report[f"{kind}_cycle"]
        yield kind, cost["cycles"], cost["round_trips_max"], cost["writes_max"]


def _section(title: str, head: Sequence[str], rows: Rows) -> str:
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<h2>{escape(title)}</h2><div><table><tr>{names}</tr>{body}</table></div>"


def _curve(points: Sequence[EquityPoint]) -> str:
    """Return the equity curve as an SVG; time runs evenly, so nights and weekends are as long as they are."""
    if len(points) < 2:
        return "<p>No equity curve: fewer than two points.</p>"
    times = [point.at.timestamp() for point in points]
    values = [float(point.equity) for point in points]
    low, high = min(values), max(values)
    across = (_WIDTH - 2 * _MARGIN) / (times[-1] - times[0] or 1)
    up = (_HEIGHT - 2 * _FOR_TEXT) / (high - low or 1)
    spots = [
        f"{_MARGIN + (moment - times[0]) * across:.1f},{_HEIGHT - _FOR_TEXT - (value - low) * up:.1f}"
        for moment, value in zip(times, values, strict=True)
    ]
    start = _HEIGHT - _FOR_TEXT - (values[0] - low) * up
    label = f"Equity from {values[0]:,.0f} to {values[-1]:,.0f} USD"
    return (
        f"<svg viewBox='0 0 {_WIDTH} {_HEIGHT}' role=img aria-label='{label}'>"
        f"<line x1=0 x2={_WIDTH} y1={start:.1f} y2={start:.1f} />"
        f"<path d='M{' L'.join(spots)}' />"
        f"<text x={_MARGIN} y=14>{high:,.0f}</text><text x={_MARGIN} y={_HEIGHT - 4}>{low:,.0f}</text>"
        f"<text x={_WIDTH - _MARGIN} y={_HEIGHT - 4} text-anchor=end>{points[-1].at:%Y-%m-%d}</text></svg>"
    )
