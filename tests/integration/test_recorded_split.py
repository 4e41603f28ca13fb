"""A desk that holds Apple through its recorded splits: replayed in memory, through the real adapter."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from orchestrator.cli.replay.driver import drive
from orchestrator.cli.replay.report import gather, ledger_differences
from orchestrator.cli.replay.stacks import Window, memory_stack
from orchestrator.domain.base import ModuleName


@pytest.mark.parametrize(("ex_date", "ratio"), [(date(2014, 6, 9), 7), (date(2020, 8, 31), 4)], ids=str)
def test_a_recorded_split_is_taken_in_and_its_stop_rests_scaled(data_root: Path, ex_date: date, ratio: int) -> None:
    window = Window(data_root, ex_date - timedelta(days=14), ex_date + timedelta(days=2), "stocks=AAPL,SPY,IWM")
    with memory_stack(window) as stack:
        drive(stack, lambda *_: None)
        found = gather(stack)
    book = found.books[ModuleName.STOCKS]
    (action,) = book.actions
    assert (action.symbol, action.new, action.old, action.at.date()) == ("AAPL", ratio, 1, ex_date)
    (held,) = (position for position in book.positions.values() if position.symbol == "AAPL")
    assert held.opened_at.date() < ex_date
    assert held.units % ratio == 0
    (stop,) = (order for order in book.orders.values() if order.id == held.protective_order_id)
    assert stop.intent.qty == held.units
    assert stop.intent.stop_price is not None
    assert held.stop_price is not None
    assert abs(stop.intent.stop_price - held.stop_price) <= Decimal("0.01")
    assert (book.drift, book.quarantine, book.foreign, book.cash_drift) == ({}, {}, {}, 0)
    assert ledger_differences(found) == []
