"""The report of a replay: tables that fit a narrow terminal, a page that loads nothing."""

import copy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from orchestrator.cli.replay.page import page
from orchestrator.cli.replay.screen import print_report
from orchestrator.domain.documents import EquityPoint

MODULE = {
    "cycles": 12345,
    "orders": 143,
    "fills": 127,
    "trades": 110,
    "open_positions": 12,
    "pnl": -12345.67,
    "realized_pnl": -10000.0,
    "fees": 1234.56,
    "income": 1234.56,
    "denied_by_code": {"SYMBOL_CONCENTRATION_ABOVE_MAX": 12345, "QUOTE_AGE_ABOVE_MAX": 7},
}
COST = {"cycles": 12345, "round_trips_max": 5, "writes_max": 40}
REPORT: dict[str, Any] = {
    "store": "memory",
    "market": "replay of <data> 2026-07-16..2026-08-21",
    "modules": dict.fromkeys(("stocks", "options", "crypto"), MODULE),
    "strategies": [{"module": "stocks", "strategy": "sector_rotation", "trades": 10, "won": 5, "pnl": -12345.67}],
    "equity_start": 100000.0,
    "equity_final": 87654.33,
    "drift": 0,
    "duplicate_orders": 0,
    "fills_equal_venue_ledger": True,
    "differences": [],
    "idle_cycle": COST,
    "deciding_cycle": COST,
    "trading_cycle": COST,
    "orders_sha256": "0" * 64,
    "notes": {"parameters refused": 3},
    "seconds": 12.34,
}
START = datetime(2026, 7, 16, tzinfo=UTC)
CURVE = [EquityPoint(at=START + timedelta(hours=n), equity=Decimal(100_000 - n)) for n in range(3)]


def test_every_line_fits_eighty_columns_and_no_amount_is_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    print_report(REPORT, None)
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert out.count("-12,345.67 1,234.56 1,234.56") == 3
    for word in ("(-12,345.67)", "sector_rotation", "SYMBOL_CONCENTRATION_ABOVE_MAX", "3 x parameters refused"):
        assert word in out


def test_what_differs_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    print_report({**REPORT, "fills_equal_venue_ledger": False, "differences": ["cash at alpaca: 1"]}, None)
    out = capsys.readouterr().out
    assert "DIFFER" in out
    assert "cash at alpaca: 1" in out


def test_the_page_is_complete_and_escaped() -> None:
    found = page(REPORT, CURVE)
    assert "replay of &lt;data&gt;" in found
    for word in ("-12,345.67", "sector_rotation", "SYMBOL_CONCENTRATION_ABOVE_MAX", "<svg", "2026-07-16"):
        assert word in found
    assert "class=bad" not in found
    assert "http" not in found


def test_the_page_says_when_desk_and_venue_differ() -> None:
    report = copy.deepcopy(REPORT) | {"fills_equal_venue_ledger": False, "differences": ["only at the venue: x < y"]}
    found = page(report, [])
    assert "Desk and venue differ" in found
    assert "x &lt; y" in found
    assert "fewer than two points" in found
