"""The owner takes foreign things over: once, audited, and from then on looked after."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orchestrator.adoption import position_id
from orchestrator.audit import first_fault
from orchestrator.commands import CONSOLE, execute
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import AuditDoc, CommandDoc, CommandKind, book_path
from orchestrator.domain.foreign import ForeignHolding, How
from orchestrator.domain.orders import OrderType, Purpose, Side, TimeInForce
from orchestrator.ports import Put
from tests.desk import TestDesk
from tests.unit.test_foreign import by_hand
from tests.watched_desk import put_command

CALL = "XLK260821C00100000"


@pytest.fixture
def desk() -> TestDesk:
    """A desk beside whose things 10 XLK and 4 AAPL are somebody else's."""
    desk = TestDesk()
    by_hand(desk, "XLK")
    by_hand(desk, "AAPL", qty=4)
    desk.cycle()
    return desk


def adopt(desk: TestDesk, key: str = "c1", **args: str) -> CommandDoc:
    named = {name: value for name, value in args.items() if value}
    asked = {"args": named, "command_id": key, "created_at": desk.now, "by": CONSOLE}
    return execute(desk.store, put_command(desk.store, CommandKind.ADOPT, **asked), desk.now)


def said(command: CommandDoc) -> str:
    return command.result.message if command.result else ""


def test_an_adopted_holding_is_a_position_that_is_protected_and_left_like_any_other(desk: TestDesk) -> None:
    done = adopt(desk, symbol="XLK", stop="95")
    assert done.status == "done"
    key = position_id(ModuleName.STOCKS, "c1")
    assert key in said(done)
    (held,) = desk.book.positions.values()
    assert (held.id, held.strategy, held.units, held.entry_px, held.stop_price) == (key, "adopted", 10, 100, 95)
    assert set(desk.book.foreign) == {"AAPL"}
    desk.module.protects = True
    desk.cycle()
    desk.cycle()
    assert [order.intent.purpose for order in desk.book.orders.values()] == [Purpose.PROTECT]
    assert desk.book.drift == {}
    desk.module.exits = True
    desk.cycle()
    desk.cycle()
    assert desk.book.positions == {}
    assert desk.broker.positions["XLK"] == 0
    assert desk.broker.positions["AAPL"] == 4


def test_a_part_may_be_adopted_the_rest_stays_foreign(desk: TestDesk) -> None:
    adopt(desk, symbol="xlk", qty="4")
    assert desk.book.foreign["XLK"].qty == 6
    assert desk.book.foreign["XLK"].value_usd == 600
    desk.cycle()
    assert (desk.book.foreign["XLK"].qty, desk.book.drift) == (6, {})


def test_adopting_twice_does_nothing(desk: TestDesk) -> None:
    adopt(desk, symbol="XLK")
    before = desk.book
    execute(desk.store, "c1", desk.now)
    assert desk.book == before
    again = adopt(desk, "c2", symbol="XLK")
    assert (again.status, desk.book) == ("refused", before)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"symbol": "F"}, "foreign are: AAPL, XLK"),
        ({}, "foreign are: AAPL, XLK"),
        ({"symbol": "XLK", "qty": "11"}, "not between 0 and the 10 XLK"),
        ({"symbol": "XLK", "qty": "0"}, "not between"),
        ({"symbol": "XLK", "qty": "many"}, "qty 'many' is not a number"),
        ({"symbol": "XLK", "qty": "NaN"}, "not a number"),
        ({"symbol": "XLK", "stop": "100"}, "stop 100 is not below the price 100"),
        ({"symbol": "XLK", "stop": "-1"}, "not below"),
        ({"symbol": "XLK", "price": "1"}, "adopt knows no price"),
        ({"symbol": CALL}, "the book of options"),
        ({"symbol": "USD"}, "unexplained cash is in the accounts of: none"),
    ],
)
def test_what_cannot_be_adopted_is_refused_in_one_line(desk: TestDesk, args: dict[str, str], words: str) -> None:
    before = desk.book
    refused = adopt(desk, **args)
    assert refused.status == "refused"
    assert words in said(refused)
    assert "\n" not in said(refused)
    assert desk.book == before


def put_foreign(desk: TestDesk, symbol: str, **changes: Any) -> None:
    holding = {"qty": 5, "price": 10, "value_usd": 50, "first_seen": desk.now, "how": How.FILL} | changes
    book = desk.book.model_copy(update={"foreign": {symbol: ForeignHolding.model_validate(holding)}})
    desk.store.commit([Put(book_path(ModuleName.STOCKS), encode(book))])


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"qty": -5}, "held short"), ({"price": None, "value_usd": None}, "no price yet")],
)
def test_a_short_holding_and_one_without_a_price_are_refused(
    desk: TestDesk, changes: dict[str, Any], words: str
) -> None:
    put_foreign(desk, "F", **changes)
    assert words in said(adopt(desk, symbol="F"))


def test_shares_that_a_foreign_order_sells_are_refused(desk: TestDesk) -> None:
    limit = {"order_type": OrderType.LIMIT, "limit_price": Decimal(120), "time_in_force": TimeInForce.GTC}
    by_hand(desk, "XLK", Side.SELL, **limit)
    desk.cycle()
    assert "cancel it at the venue first" in said(adopt(desk, symbol="XLK"))


def test_an_operator_may_not_adopt(desk: TestDesk) -> None:
    asked = {"role": "operator", "by": CONSOLE, "args": {"symbol": "XLK"}, "created_at": desk.now}
    refused = execute(desk.store, put_command(desk.store, CommandKind.ADOPT, **asked), desk.now)
    assert "operator may not adopt" in said(refused)


def test_adopting_is_audited(desk: TestDesk) -> None:
    adopt(desk, symbol="XLK")
    entries = [decode(AuditDoc, found.data, where=found.path) for found in desk.store.query("audit")]
    assert first_fault(sorted(entries, key=lambda entry: entry.n)) is None
    assert entries[-1].action == "adopt"
    assert entries[-1].detail["qty"] == "10"


def test_unexplained_cash_is_adopted_as_capital_that_moved(desk: TestDesk) -> None:
    desk.broker.cash += 5_000
    desk.cycle()
    assert desk.book.cash_drift == 5_000
    assert adopt(desk, symbol="USD").status == "done"
    desk.cycle()
    assert desk.book.cash_drift == 0
    account = desk.book.account
    assert account is not None
    assert account.transfers == {"c1": 5_000}
