"""Alpaca's activities: what is told, once; what cannot be read, again until it can; and how far that was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from orchestrator.adapters.alpaca.activities import Activity, Cursor, News, read_news, read_rows
from orchestrator.domain.errors import MalformedDataError
from orchestrator.domain.orders import Side
from orchestrator.ports import TroubleKind

D = Decimal
NOW = datetime(2026, 7, 16, 14, 0, tzinfo=UTC)


def activity(number: int, minutes: int = 0, **more: Any) -> dict[str, Any]:
    at = (NOW + timedelta(minutes=minutes)).isoformat()
    fill = {"activity_type": "FILL", "transaction_time": at, "order_id": f"o{number}", "symbol": "XLK"}
    return {"id": f"a{number}", **fill, "side": "buy", "qty": "1", "price": "2.5", **more}


def rows(*raw: dict[str, Any]) -> list[Activity]:
    good, bad = read_rows(raw, NOW + timedelta(days=60))
    assert not bad
    return good


def news(*raw: dict[str, Any]) -> News:
    return read_news(Cursor().news(rows(*raw)))


def test_a_cursor_survives_being_written() -> None:
    cursor = Cursor().past(rows(activity(1), activity(2, 5)))
    assert Cursor.parse(cursor.text()) == cursor
    assert cursor.newest == NOW + timedelta(minutes=5)


def test_an_empty_history_has_the_empty_cursor() -> None:
    assert Cursor().past([]).text() == ""
    assert Cursor.parse("").after is None


def test_an_activity_told_is_not_news_and_one_of_the_same_moment_is() -> None:
    cursor = Cursor().past(rows(activity(1)))
    assert [one.id for one in cursor.news(rows(activity(1), activity(2)))] == ["a2"]


def test_an_activity_listed_twice_on_two_pages_is_told_once() -> None:
    assert len(Cursor().news(rows(activity(1), activity(1)))) == 1


def test_a_cursor_forgets_what_can_not_come_again() -> None:
    cursor = Cursor().past(rows(activity(1), activity(2, 60 * 24 * 30)))
    assert len(cursor.seen) == 1


def test_a_cursor_waits_a_day_for_a_row_that_could_not_be_read() -> None:
    unread = frozenset({"a1"})
    held = Cursor().past(rows(activity(1), activity(2, 60)), unread)
    assert held.newest == NOW
    assert [one.id for one in held.news(rows(activity(1), activity(2, 60)))] == ["a1"]
    assert held.past(rows(activity(1), activity(3, 60 * 23)), unread).newest == NOW
    assert held.past(rows(activity(1), activity(3, 60 * 25)), unread).newest == NOW + timedelta(hours=25)


def test_a_cursor_never_goes_back() -> None:
    ahead = Cursor().past(rows(activity(1, 60)))
    after = ahead.past(rows(activity(1, 60), activity(2)), frozenset({"a2"}))
    assert after.newest == ahead.newest
    assert [one.id for one in after.news(rows(activity(1, 60), activity(2)))] == ["a2"]


def test_a_time_that_has_not_come_does_not_blind_the_cursor() -> None:
    good, bad = read_rows([activity(1), activity(2, 60 * 24 * 365)], NOW)
    assert [one.id for one in good] == ["a1"]
    assert [(one.kind, one.subject, one.symbol) for one in bad] == [(TroubleKind.ACTIVITY, "a2", "XLK")]


def test_an_execution_knows_its_side_and_its_order() -> None:
    (one,) = news(activity(1, side="sell_short")).executions
    assert (one.order_id, one.fill.side, one.fill.price) == ("o1", Side.SELL, D("2.5"))


def test_a_bad_execution_is_in_trouble_and_its_neighbours_stand() -> None:
    told = news(activity(1, side="sideways"), activity(2), activity(3, qty="-1"))
    assert [one.fill.trade_id for one in told.executions] == ["a2"]
    assert [(one.kind, one.subject) for one in told.troubles] == [(TroubleKind.FILL, "a1"), (TroubleKind.FILL, "a3")]
    assert "sideways" in told.troubles[0].raw


def fee(group: str, amount: str | None = "-0.05") -> dict[str, Any]:
    return {"id": "f", "activity_type": "FEE", "date": "2026-07-17", "net_amount": amount, "group_id": group}


def test_a_fee_that_names_its_execution_is_part_of_the_fill() -> None:
    told = news(activity(1, execution_id="x"), fee("x"))
    assert told.executions[0].fill.fee == D("0.05")
    assert not told.cash_events


def test_a_fee_that_cannot_be_read_is_not_nothing() -> None:
    told = news(activity(1, execution_id="x"), fee("x", None))
    assert [one.subject for one in told.troubles] == ["f"]
    assert not told.cash_events


def test_a_fee_of_the_day_is_a_cash_event() -> None:
    told = news(activity(1), fee(""))
    assert told.executions[0].fill.fee == 0
    (event,) = told.cash_events
    assert (event.kind, event.amount, event.qty) == ("FEE", D("-0.05"), D(0))
    assert event.ts_event == datetime(2026, 7, 17, tzinfo=UTC)


def test_a_dividend_moves_money_and_a_split_moves_shares() -> None:
    dividend = {"id": "d", "activity_type": "DIV", "date": "2026-07-17", "net_amount": "5.10", "qty": "10"}
    split = {"id": "s", "activity_type": "SPLIT", "date": "2026-07-17", "qty": "30", "symbol": "XLK"}
    told = [(event.kind, event.amount, event.qty, event.symbol) for event in news(dividend, split).cash_events]
    assert told == [("DIV", D("5.10"), D(0), ""), ("SPLIT", D(0), D(30), "XLK")]


def test_a_foreign_cursor_is_refused() -> None:
    with pytest.raises(MalformedDataError):
        Cursor.parse('{"x": 1}')
