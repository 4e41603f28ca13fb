"""The first screen in a terminal: desk, modules, positions, working orders. Draws what it is given, reads nothing."""

from __future__ import annotations

from decimal import Decimal

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from orchestrator.cli import show
from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import ModuleSummary, SummaryDoc
from orchestrator.domain.orders import Order
from orchestrator.domain.positions import Position
from orchestrator.status import Desk


def screen(desk: Desk, summary: SummaryDoc, *, name: str) -> Group:
    """Return the whole screen of a desk."""
    parts: list[RenderableType] = [_head(desk, summary, name), _modules(summary)]
    positions = [held for book in desk.books.values() for held in book.positions.values()]
    orders = [order for book in desk.books.values() for order in book.orders.values() if not order.state.terminal]
    if positions:
        parts.append(_positions(positions))
    if orders:
        parts.append(_orders(orders))
    parts += [f"{module}: {escape(share.note)}" for module, share in summary.modules.items() if share.note]
    return Group(*parts)


def _head(desk: Desk, summary: SummaryDoc, name: str) -> Text:
    state = summary.state.value
    lines = [
        f"[bold]{escape(name)}[/]  [{show.STATE_STYLE[state]}]{state}[/]  {escape(_market(summary))}",
        f"equity {show.usd(summary.equity)} USD, today {show.usd(summary.day_pnl, signed=True)}, "
        f"{100 * summary.drawdown:.2f} % below the peak",
    ]
    if state != "ACTIVE":
        lines.append(f"{state} by {escape(desk.state.by)}: {escape(desk.state.reason)}")
    if desk.state.flatten:
        lines.append("[bold red]closing everything it holds[/]")
    if desk.state.breach:
        lines.append(f"the limit for {escape(desk.state.breach)} was reached: `desk rearm` before it is resumed")
    lines.append(f"as of {summary.updated_at:%Y-%m-%d %H:%M:%S} UTC")
    return Text.from_markup("\n".join(lines))


def _market(summary: SummaryDoc) -> str:
    kind = " (synthetic: no real prices)" if summary.synthetic and "synthetic" not in summary.market.lower() else ""
    return summary.market + kind


def _modules(summary: SummaryDoc) -> Table:
    figures = ("realized", "open P&L", "exposure", "of at most")
    counts = ("pos", "ord", "?", "drift")
    table = show.table("module", *figures, *counts, "last cycle", "", numbers=(*figures, *counts))
    for module, share in summary.modules.items():
        table.add_row(module.value, *_figures(share), *_counts(share), _cycle(share), _health(share))
    return table


def _figures(share: ModuleSummary) -> tuple[str, ...]:
    shown = (share.realized_pnl, share.unrealized_pnl)
    return (
        *(show.usd(value, signed=True) for value in shown),
        f"{share.exposure:,.0f}",
        f"{share.allocation_limit:,.0f}",
    )


def _counts(share: ModuleSummary) -> tuple[str, ...]:
    return tuple(map(str, (share.open_positions, share.working_orders, share.unknown_orders, share.drift)))


def _cycle(share: ModuleSummary) -> str:
    return show.moment(share.last_slot)[6:] if share.last_slot is not None else "never"


def _health(share: ModuleSummary) -> str:
    return "[green]ok[/]" if share.healthy else "[bold red]look[/]"


def _positions(positions: list[Position]) -> Table:
    numbers = ("units", "entry", "stop", "value", "P&L")
    table = show.table("position", "strategy", *numbers, numbers=numbers, folds=("strategy",))
    for held in sorted(positions, key=lambda held: (held.module, held.symbol)):
        stop = "" if held.stop_price is None else _number(held.stop_price)
        figures = (_number(held.units), _number(held.entry_px), stop, show.usd(held.market_value))
        table.add_row(held.symbol, held.strategy, *figures, show.usd(held.unrealized_pnl, signed=True))
    return table


def _orders(orders: list[Order]) -> Table:
    table = show.table("order", "what", "filled", "state", numbers=("filled",), folds=("what",))
    for order in sorted(orders, key=lambda order: order.updated_at):
        wanted = order.intent
        price = wanted.limit_price if wanted.limit_price is not None else wanted.stop_price
        what = f"{wanted.purpose} {wanted.side} {_number(wanted.qty)} {wanted.symbol}"
        at = "" if price is None else f" at {_number(price)}"
        table.add_row(order.id, what + at, _number(order.filled_qty), str(order.state))
    return table


def _number(value: Decimal) -> str:
    return f"{value.normalize():,f}"


def told(desk: Desk, summary: SummaryDoc, *, name: str) -> dict[str, object]:
    """Return the screen for a program: the summary, who set the brake, positions and working orders."""
    books = [desk.books[module] for module in ModuleName if module in desk.books]
    return {
        "desk": name,
        "summary": summary,
        "brake": desk.state,
        "positions": [held for book in books for held in book.positions.values()],
        "working_orders": [order for book in books for order in book.orders.values() if not order.state.terminal],
    }
