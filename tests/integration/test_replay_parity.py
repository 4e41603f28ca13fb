"""The same recorded day in memory and on the emulators with the real functions: the same orders, fills and equity."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.replay.driver import drive
from orchestrator.cli.replay.report import gather, report
from orchestrator.cli.replay.stacks import Window, emulator_stack, memory_stack
from scripts.steps import MissingToolError, in_ci

UNIVERSE = "stocks=XLB,XLC,XLE,XLF,XLI,XLK,XLV,AAPL,NVDA options=AAPL,NVDA crypto=BTC,ETH"


def replayed(start: Any, window: Window) -> dict[str, Any]:
    with start(window) as stack:
        run = drive(stack, lambda *_: None)
        return report(stack.name, run, gather(stack))


@pytest.mark.suite
def test_memory_and_emulators_end_with_the_same_orders_fills_and_equity(data_root: Path) -> None:
    window = Window(data_root, date(2026, 7, 16), date(2026, 7, 20), UNIVERSE)
    memory = replayed(memory_stack, window)
    try:
        firestore = replayed(emulator_stack, window)
    except MissingToolError as error:
        if in_ci():
            raise
        pytest.skip(str(error))
    same = ("orders_sha256", "equity_final", "modules", "strategies", "idle_cycle", "trading_cycle", "drift")
    assert {key: firestore[key] for key in same} == {key: memory[key] for key in same}
    for told in (memory, firestore):
        assert told["fills_equal_venue_ledger"], told["differences"]
        assert told["duplicate_orders"] == 0
        assert all(told["modules"][module]["orders"] for module in ("stocks", "options", "crypto"))
