"""The owner's limits: what is refused, why, and what holds while the stored ones are unusable."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import CONFIG_RISK, BookDoc, EventKind, RiskLimitsDoc, book_path
from orchestrator.domain.errors import ConfigurationError, ParameterOutOfBoundsError
from orchestrator.domain.exposure import rolled, weekly_loss, with_account
from orchestrator.domain.risk import DenialCode, Denied, RiskLimits, parse_limits
from orchestrator.limits_doc import usable_limits
from orchestrator.ports import Put
from tests.builders import NOW, account, exposure
from tests.desk import START, TestDesk


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"dayly_loss": "0.1"}, r"dayly_loss: no such limit; there is daily_loss"),
        ({"zzzzzz": "0.1"}, "zzzzzz: no such limit; there is .*daily_loss"),
        ({"module_allocation": "0.3"}, r"module_allocation: it is a table: name a row of it \(is '0.3'\)"),
        ({"daily_loss": {"x": "1"}}, "daily_loss: it is one number, not a table"),
        ({"daily_loss": "-0.01"}, r"daily_loss: Input should be greater than or equal to 0 \(is '-0.01'\)"),
        ({"daily_loss": "1.01"}, "daily_loss: Input should be less than or equal to 1"),
        ({"daily_loss": "NaN"}, "daily_loss: Input should be a finite number"),
        ({"daily_loss": None}, "daily_loss: Decimal input should be"),
        ({"min_order_usd": "-1"}, "min_order_usd: Input should be greater than or equal to 0"),
        ({"leverage": "11"}, "leverage: Input should be less than or equal to 10"),
        ({"orders_per_cycle": 21}, "orders_per_cycle: Input should be less than or equal to 20"),
        ({"open_positions": "many"}, "open_positions: Input should be a valid integer"),
        ({"module_allocation": {"bonds": "0.1"}}, "module_allocation.bonds: Input should be 'stocks'"),
        ({"module_allocation": {"stocks": "0.6", "crypto": "0.41"}}, "module_allocation adds up to 1.01, more than 1"),
        ({"strategy_allocation": {"a": "0.6", "b": "0.6"}}, "strategy_allocation adds up to 1.2, more than 1"),
        (
            {"drawdown_reducing": "0.2", "drawdown_halted": "0.1"},
            "drawdown_reducing is 0.2, above drawdown_halted, 0.1",
        ),
        ({"daily_loss": "0.1", "weekly_loss": "0.05"}, "daily_loss is 0.1, above weekly_loss, 0.05"),
        ({"var_95": "0.1", "var_99": "0.05"}, "var_95 is 0.1, above var_99, 0.05"),
        ({"net_exposure": "3", "leverage": "2"}, "net_exposure is 3, above leverage, 2"),
        ({"orders_per_hour": 10, "orders_per_day": 9}, "orders_per_hour is 10, above orders_per_day, 9"),
    ],
)
def test_limits_that_make_no_sense_are_refused_with_one_line(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ParameterOutOfBoundsError, match=f"config/risk: .*{said}") as refused:
        parse_limits(values, where=CONFIG_RISK)
    assert "\n" not in str(refused.value)


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(ParameterOutOfBoundsError, match=r"daily_loss: .*; unknown: "):
        parse_limits({"daily_loss": 2, "unknown": 1}, where="the command")


def test_typed_text_is_read_as_what_it_stands_for() -> None:
    found = parse_limits({"daily_loss": "0.02", "allow_short": "true", "open_positions": "7"}, where="the command")
    assert (found.daily_loss, found.allow_short, found.open_positions) == (Decimal("0.02"), True, 7)


def test_the_defaults_and_what_older_desks_stored_are_usable() -> None:
    assert parse_limits(encode(RiskLimits()), where=CONFIG_RISK) == RiskLimits()
    assert parse_limits({"daily_loss": "0.5"}, where=CONFIG_RISK).weekly_loss == RiskLimits().weekly_loss


def stored(**limits: Any) -> dict[str, Any]:
    return {"schema": 1, "limits": limits, "updated_at": NOW}


def test_the_last_good_limits_hold_while_the_stored_ones_are_unusable() -> None:
    good = usable_limits(stored(daily_loss="0.02"), {})
    assert (good.limits.daily_loss, good.fault) == (Decimal("0.02"), "")
    held = usable_limits(stored(daily_loss="2"), good.stored)
    assert held.limits == good.limits
    assert "daily_loss" in held.fault


@pytest.mark.parametrize("damaged", [stored(daily_loss="2"), {"schema": 1}, {"limits": ["daily_loss"]}, {}])
def test_without_any_good_limits_nothing_trades(damaged: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"there are no earlier good limits: write config/risk"):
        usable_limits(damaged, {})
    with pytest.raises(ConfigurationError, match="the earlier ones are unusable too"):
        usable_limits(damaged, {"daily_loss": "3"})


def test_a_cycle_keeps_its_limits_and_goes_on_with_them_when_the_document_is_damaged() -> None:
    desk = TestDesk()
    kept = encode(RiskLimitsDoc(limits=RiskLimits(open_positions=0), updated_at=START))
    desk.store.commit([Put(CONFIG_RISK, kept)])
    desk.cycle()
    desk.store.commit([Put(CONFIG_RISK, stored(daily_loss="2"))])
    desk.module.entries = ["XLK"]
    try:
        report = desk.cycle()
    finally:
        desk.module.entries = []
    (verdict,) = (result.verdict for result in report.results)
    assert isinstance(verdict, Denied)
    assert verdict.code is DenialCode.OPEN_POSITIONS_ABOVE_MAX
    events = [doc.data for doc in desk.store.query("events") if doc.data["kind"] == EventKind.LIMITS_REJECTED]
    assert len(events) == 1
    assert "config/risk: daily_loss" in events[0]["text"]
    path = book_path(desk.module.module_name)
    book = decode(BookDoc, desk.store.get_many([path])[path].data, where=path)
    assert book.limits["open_positions"] == 0


def test_a_week_begins_on_monday_and_counts_its_own_loss() -> None:
    seen = exposure(venue_equity={"alpaca": Decimal(95_000)})
    assert weekly_loss(seen) == Decimal("0.05")
    friday, monday = rolled(seen, NOW + timedelta(days=1)), rolled(seen, NOW + timedelta(days=4))
    assert weekly_loss(friday) == Decimal("0.05")
    assert weekly_loss(monday) == 0
    assert (monday.week, monday.week_start_equity) == ((NOW + timedelta(days=4)).date(), Decimal(95_000))
    before = seen.model_copy(update={"week": None, "week_start_equity": Decimal(0)})
    assert rolled(before, NOW).week_start_equity == Decimal(100_000)


def test_capital_that_arrives_is_no_gain_of_the_week() -> None:
    grown = with_account(exposure(), account(venue="kraken", equity=Decimal(50_000)), NOW)
    assert grown.week_start_equity == Decimal(150_000)
    assert weekly_loss(grown) == 0
