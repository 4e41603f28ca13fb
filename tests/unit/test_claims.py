"""Who owns what in an account: the desk by its books, others, or nobody that can be named."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.base import ZERO, ModuleName
from orchestrator.domain.claims import Sight, answers_for, claimed
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.exposure import held_by_symbol
from orchestrator.domain.foreign import ForeignHolding, How
from orchestrator.domain.orders import Fill, Side
from orchestrator.domain.positions import PositionLeg
from tests.builders import NOW, book, fill, position

CALL = "XLK260821C00100000"


def sight(**changes: Any) -> Sight:
    return Sight(**({"positions": {}, "now": NOW} | changes))


def positions(**quantities: int) -> dict[str, Decimal]:
    return {symbol: Decimal(qty) for symbol, qty in quantities.items()}


def with_foreign(qty: int, **changes: Any) -> BookDoc:
    price = Decimal(100)
    holding = ForeignHolding(
        qty=Decimal(qty), price=price, value_usd=abs(qty) * price, first_seen=NOW, how=How.FIRST_CONTACT
    )
    return book(foreign={"XLK": holding}, **changes)


def holds(qty: int = 10) -> dict[str, Any]:
    held = position(legs=(PositionLeg(symbol="XLK", qty=Decimal(qty), avg_px=Decimal(100)),))
    return {"positions": {held.id: held}}


def shares(after: BookDoc) -> tuple[Decimal, Decimal]:
    """Foreign and drifted XLK."""
    holding = after.foreign.get("XLK")
    return (ZERO if holding is None else holding.qty), after.drift.get("XLK", ZERO)


def test_at_first_contact_all_that_is_held_is_foreign() -> None:
    after = claimed(book(), sight(first=True, positions=positions(XLK=7, F=-2), prices={"XLK": Decimal(5)}))
    assert shares(after) == (7, 0)
    assert after.foreign["XLK"].value_usd == 35
    assert after.foreign["F"].value_usd is None
    assert {holding.how for holding in after.foreign.values()} == {How.FIRST_CONTACT}


def test_a_history_told_at_first_contact_is_in_the_holding_already() -> None:
    seen = sight(first=True, positions=positions(XLK=10), fills=[fill()])
    assert shares(claimed(book(), seen)) == (10, 0)


@pytest.mark.parametrize(
    ("before", "fills", "venue", "expected"),
    [
        (book(**holds()), [fill(qty=Decimal(4))], 14, (4, 0)),
        (with_foreign(4, **holds()), [fill(side=Side.SELL, qty=Decimal(4))], 10, (0, 0)),
        (with_foreign(4, **holds()), [fill(side=Side.SELL, qty=Decimal(9))], 5, (0, -5)),
        (book(**holds()), [fill(side=Side.SELL)], 0, (0, -10)),
        (book(), [fill(side=Side.SELL)], -10, (-10, 0)),
        (book(), [fill("a"), fill("b", qty=Decimal(2))], 12, (12, 0)),
    ],
)
def test_what_a_foreign_order_traded_is_foreign_and_never_the_desks(
    before: BookDoc, fills: list[Fill], venue: int, expected: tuple[int, int]
) -> None:
    after = claimed(before, sight(positions=positions(XLK=venue), fills=fills))
    assert shares(after) == expected
    assert after.positions == before.positions


@pytest.mark.parametrize(
    ("before", "changes", "expected"),
    [
        pytest.param(book(), {"positions": positions(XLK=3)}, (3, 0), id="appears where the desk holds nothing"),
        pytest.param(book(**holds()), {"positions": positions(XLK=13)}, (0, 3), id="rest in a held symbol is drift"),
        pytest.param(
            book(), {"positions": positions(XLK=3), "busy": {"XLK"}}, (0, 3), id="in flight: drift, not foreign"
        ),
        pytest.param(with_foreign(5), {"positions": {}}, (0, 0), id="gone without a fill"),
        pytest.param(with_foreign(5, **holds()), {"positions": positions(XLK=12)}, (2, 0), id="foreign shrinks first"),
        pytest.param(
            with_foreign(5, **holds()),
            {"positions": positions(XLK=12), "busy": {"XLK"}},
            (5, -3),
            id="a stale list changes no owner",
        ),
        pytest.param(with_foreign(5, **holds()), {"positions": positions(XLK=4)}, (5, -11), id="less than the desk's"),
        pytest.param(
            with_foreign(5), {"positions": {}, "unreadable": {"XLK"}}, (5, 0), id="unreadable is absent, not zero"
        ),
        pytest.param(
            book(), {"positions": positions(XLK=3), "others": positions(XLK=3)}, (0, 0), id="the other module's"
        ),
        pytest.param(
            book(), {"positions": positions(XLK=5), "others": positions(XLK=3)}, (0, 2), id="more than the other's"
        ),
    ],
)
def test_what_the_desk_has_not_booked_is_foreign_or_drift(
    before: BookDoc, changes: dict[str, Any], expected: tuple[int, int]
) -> None:
    assert shares(claimed(before, sight(**changes))) == expected


def test_a_list_that_lags_behind_a_purchase_does_not_flip_the_foreign_part_to_and_fro() -> None:
    bought = with_foreign(5, **holds())
    lagging = claimed(bought, sight(positions=positions(XLK=5), busy=frozenset({"XLK"})))
    assert shares(lagging) == (5, -10)
    caught_up = claimed(lagging, sight(positions=positions(XLK=15), busy=frozenset({"XLK"})))
    assert shares(caught_up) == (5, 0)


def test_each_thing_of_a_shared_account_belongs_to_one_module() -> None:
    assert [answers_for(module, CALL) for module in (ModuleName.STOCKS, ModuleName.OPTIONS)] == [False, True]
    assert [answers_for(module, "XLK") for module in (ModuleName.STOCKS, ModuleName.OPTIONS)] == [True, False]
    assert answers_for(ModuleName.CRYPTO, "BTC/USD")
    venue = {CALL: Decimal(1), "XLK": Decimal(5)}
    stocks = claimed(book(), sight(first=True, positions=venue))
    options = claimed(book(module=ModuleName.OPTIONS), sight(first=True, positions=venue))
    assert (set(stocks.foreign), set(options.foreign)) == ({"XLK"}, {CALL})


def test_shares_that_options_were_delivered_are_missed_when_they_are_gone() -> None:
    options = book(module=ModuleName.OPTIONS, **holds())
    assert claimed(options, sight(positions=positions(XLK=12))).drift == {}
    assert claimed(options, sight(positions=positions(XLK=8))).drift == {"XLK": -2}


def test_a_holding_is_valued_anew_only_when_its_quantity_or_its_price_really_moved() -> None:
    before = with_foreign(5)
    still = claimed(before, sight(positions=positions(XLK=5), prices={"XLK": Decimal(104)}))
    assert still.foreign == before.foreign
    moved = claimed(before, sight(positions=positions(XLK=5), prices={"XLK": Decimal(106)}))
    assert moved.foreign["XLK"].value_usd == 530
    grown = claimed(before, sight(positions=positions(XLK=6), prices={"XLK": Decimal(104)}))
    assert grown.foreign["XLK"].value_usd == 624


QUANTITY = st.integers(-20, 20)


@given(
    own=st.integers(0, 20),
    foreign=QUANTITY,
    other=st.integers(0, 5),
    venue=QUANTITY,
    traded=st.lists(QUANTITY.filter(bool), max_size=4),
    busy=st.booleans(),
    first=st.booleans(),
)
def test_the_venues_quantity_is_always_shared_out_in_full(
    own: int, foreign: int, other: int, venue: int, traded: list[int], busy: bool, first: bool
) -> None:
    before = with_foreign(foreign, **(holds(own) if own else {}))
    fills = [
        fill(str(index), side=Side.BUY if qty > 0 else Side.SELL, qty=Decimal(abs(qty)))
        for index, qty in enumerate(traded)
    ]
    seen = sight(
        positions=positions(XLK=venue),
        others=positions(XLK=other),
        fills=fills,
        busy=frozenset({"XLK"} if busy else ()),
        first=first,
    )
    after = claimed(before, seen)
    told_foreign, drift = shares(after)
    assert held_by_symbol(after).get("XLK", ZERO) + other + told_foreign + drift == venue
    settled = claimed(after, sight(positions=positions(XLK=venue), others=positions(XLK=other), busy=seen.busy))
    assert shares(settled)[1] == drift or not busy
