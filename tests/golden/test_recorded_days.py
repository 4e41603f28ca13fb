"""Two recorded days through the whole desk in memory: its orders, line by line, as in the file beside this one.

A change of strategy, sizing, risk or matching shows here as a readable difference. When it is meant:
`FIREDESK_UPDATE_GOLDEN=1 pytest tests/golden`, and the new file is part of the change.
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from orchestrator.cli.replay.driver import Run, drive
from orchestrator.cli.replay.report import Findings, duplicate_orders, gather, ledger_differences
from orchestrator.cli.replay.stacks import Window, memory_stack
from orchestrator.domain.base import ModuleName
from orchestrator.domain.orders import Order

EXPECTED = Path(__file__).with_name("orders_2026-07-16_17.txt")


@pytest.fixture(scope="module")
def replayed(data_root: Path) -> tuple[Run, Findings]:
    with memory_stack(Window(data_root, date(2026, 7, 16), date(2026, 7, 17))) as stack:
        return drive(stack, lambda *_: None), gather(stack)


def line(order: Order) -> str:
    """Return one order as a line: when, who, what, at which price, what became of it."""
    intent = order.intent
    price = intent.stop_price if intent.limit_price is None else intent.limit_price
    fills = ", ".join(f"{fill.symbol} {fill.side} {fill.qty:f} @ {fill.price:f}" for fill in order.fills)
    what = f"{intent.purpose} {intent.symbol} {intent.side} {intent.qty:f} {intent.order_type} {price}"
    at = f"{intent.decided_at:%Y-%m-%dT%H:%M:%SZ}"
    return f"{at} {order.id} {intent.module}/{intent.strategy} {what} -> {order.state} {fills}".rstrip()


def test_the_orders_of_two_recorded_days(replayed: tuple[Run, Findings]) -> None:
    _, found = replayed
    orders = sorted(found.orders, key=lambda order: (order.intent.decided_at, order.id))
    text = "".join(f"{line(order)}\n" for order in orders)
    if os.environ.get("FIREDESK_UPDATE_GOLDEN"):
        EXPECTED.write_text(text, encoding="utf-8")
    assert text == EXPECTED.read_text(encoding="utf-8")


def test_desk_and_venue_agree_and_every_module_runs_within_its_budget(replayed: tuple[Run, Findings]) -> None:
    run, found = replayed
    assert ledger_differences(found) == []
    assert duplicate_orders(found) == 0
    assert {module: book.drift for module, book in found.books.items()} == {key: {} for key in ModuleName}
    assert (run.idle.round_trips_max, run.idle.writes_max) == (2, 1)
    assert run.deciding.round_trips_max <= 2
    assert 0 < run.trading.round_trips_max <= 5
    assert all(run.cycles[module] for module in ModuleName)
