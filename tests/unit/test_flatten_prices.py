"""At what price everything is closed: through the touch at first, further for each exit that missed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.flatten import exits, stops
from orchestrator.domain.market import MarketSnapshot, Quote, SessionState
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import OrderState, OrderType, Purpose, TimeInForce
from orchestrator.domain.positions import Position, PositionLeg
from tests.builders import NOW, book, order, position

CALL, HIGHER = "SPY260821C00600000", "SPY260821C00610000"


def market(**sides: tuple[str | None, str | None]) -> MarketSnapshot:
    def side(text: str | None) -> Decimal | None:
        return None if text is None else Decimal(text)

    quotes = {
        symbol: Quote(symbol=symbol, ts=NOW, bid=side(bid), ask=side(ask)) for symbol, (bid, ask) in sides.items()
    }
    return MarketSnapshot(session=SessionState(is_open=True), quotes=quotes)


def holding(*legs: tuple[str, int], missed: int = 0, **more: Any) -> BookDoc:
    held = position(
        legs=tuple(
            PositionLeg(
                symbol=symbol, qty=Decimal(qty), avg_px=Decimal(5), multiplier=Decimal(100 if "C0" in symbol else 1)
            )
            for symbol, qty in legs
        ),
        **more,
    )
    ended = [
        order(OrderState.CANCELLED, client_order_id=f"s{number}", purpose=Purpose.EXIT, position_id=held.id)
        for number in range(missed)
    ]
    return book(positions={held.id: held}, orders={one.id: one for one in ended})


def closing(held: BookDoc, prices: MarketSnapshot) -> TradeOpportunity:
    (found,) = exits(held, prices, NOW)
    return found


@pytest.mark.parametrize(("missed", "limit"), [(0, "99.60"), (1, "99.30"), (4, "98.40"), (9, "98.40")])
def test_shares_are_sold_through_the_bid_and_further_after_misses(missed: int, limit: str) -> None:
    found = closing(holding(("XLK", 10), missed=missed), market(XLK=("99.90", "100.10")))
    assert (found.limit_px, found.time_in_force) == (Decimal(limit), TimeInForce.IOC)


@pytest.mark.parametrize(("missed", "limit"), [(0, "103.00"), (4, "115.00")])
def test_a_short_is_bought_back_no_further_from_the_middle_than_it_may(missed: int, limit: str) -> None:
    found = closing(holding(("XLK", -10), missed=missed), market(XLK=("80", "120")))
    assert (found.side, found.limit_px) == ("buy", Decimal(limit))


@pytest.mark.parametrize(("bid", "ask"), [(None, "100"), ("100", None), ("101", "100"), (None, None)])
def test_a_one_sided_quote_sells_at_the_market(bid: str | None, ask: str | None) -> None:
    found = closing(holding(("XLK", 10)), market(XLK=(bid, ask)))
    assert (found.order_type, found.limit_px, found.time_in_force) == (OrderType.MARKET, None, TimeInForce.DAY)


def test_a_coin_at_the_market_rests_as_its_venue_wants() -> None:
    held = holding(("BTC/USD", 1), module=ModuleName.CRYPTO, symbol="BTC/USD")
    assert closing(held, market()).time_in_force is TimeInForce.GTC


@pytest.mark.parametrize(("missed", "limit"), [(0, "-2.00"), (1, "-1.96"), (4, "-1.84")])
def test_a_spread_leaves_at_its_touch_for_a_credit(missed: int, limit: str) -> None:
    prices = market(**{CALL: ("4.00", "4.20"), HIGHER: ("1.80", "2.00")})
    found = closing(holding((CALL, 1), (HIGHER, -1), missed=missed), prices)
    assert (found.limit_px, found.decision_px, found.two_sided) == (Decimal(limit), Decimal("-2.20"), True)
    assert [(leg.symbol, leg.side.value) for leg in found.legs] == [(CALL, "sell"), (HIGHER, "buy")]


def test_a_sold_spread_costs_a_debit() -> None:
    prices = market(**{CALL: ("4.00", "4.20"), HIGHER: ("1.80", "2.00")})
    assert closing(holding((CALL, -1), (HIGHER, 1), missed=1), prices).limit_px == Decimal("2.448")


@pytest.mark.parametrize(
    ("qty", "bid", "ask", "missed", "limit"),
    [
        (1, "4.00", "4.20", 0, "4.00"),
        (1, "4.00", "4.20", 2, "3.84"),
        (1, None, "0.05", 3, "0.01"),
        (1, "0.02", "0.05", 4, "0.01"),
        (-1, "4.00", "4.20", 0, "4.20"),
        (-1, "4.00", "4.20", 1, "4.284"),
        (-1, "4.00", None, 0, "5"),
    ],
)
def test_one_contract_leaves_at_a_positive_price(
    qty: int, bid: str | None, ask: str | None, missed: int, limit: str
) -> None:
    found = closing(holding((CALL, qty), missed=missed), market(**{CALL: (bid, ask)}))
    assert found.limit_px == Decimal(limit)


def test_an_exit_that_may_be_under_way_is_waited_for() -> None:
    held = holding(("XLK", 10))
    for state in (OrderState.SUBMITTING, OrderState.UNKNOWN, OrderState.PLANNED, OrderState.WORKING):
        under_way = order(state, client_order_id="sx", purpose=Purpose.EXIT, position_id=next(iter(held.positions)))
        assert exits(held.model_copy(update={"orders": {"sx": under_way}}), market(), NOW) == []


def test_a_stop_in_doubt_is_waited_for_and_a_resting_one_replaced() -> None:
    held = holding(("XLK", 10))
    key = next(iter(held.positions))
    for state, replaced in ((OrderState.UNKNOWN, None), (OrderState.WORKING, ("sx",))):
        stop = order(state, client_order_id="sx", purpose=Purpose.PROTECT, position_id=key)
        found = exits(held.model_copy(update={"orders": {"sx": stop}}), market(), NOW)
        assert [one.replaces for one in found] == ([] if replaced is None else [replaced])


def test_a_stop_of_fewer_units_than_are_held_is_replaced() -> None:
    held = holding(("XLK", 10), stop_price=Decimal(4))
    key = next(iter(held.positions))
    small = order(OrderState.WORKING, client_order_id="sx", purpose=Purpose.PROTECT, position_id=key, qty=Decimal(6))
    (found,) = stops(held.model_copy(update={"orders": {"sx": small}}), market(XLK=("5", "5.01")), NOW)
    assert (found.qty, found.replaces, found.stop_price) == (10, ("sx",), Decimal("4.00"))
    whole = order(OrderState.WORKING, client_order_id="sx", purpose=Purpose.PROTECT, position_id=key)
    assert stops(held.model_copy(update={"orders": {"sx": whole}}), market(), NOW) == []


@pytest.mark.parametrize(("unseen", "left"), [(0, 10), (7, 3), (10, None)])
def test_what_an_ended_order_sold_unseen_is_neither_left_nor_stopped_again(unseen: int, left: int | None) -> None:
    held = holding(("XLK", 10))
    ended = order(
        OrderState.CANCELLED, client_order_id="sx", purpose=Purpose.PROTECT, position_id=next(iter(held.positions))
    )
    told = ended.model_copy(update={"told_qty": Decimal(unseen)})
    has = held.model_copy(update={"orders": {"sx": told}})
    for wanted in (exits(has, market(), NOW), stops(has, market(), NOW)):
        assert [one.qty for one in wanted] == ([] if left is None else [left])


def test_a_short_is_stopped_above_and_one_without_a_level_at_the_fallback() -> None:
    (found,) = stops(holding(("XLK", -10)), market(), NOW)
    assert (found.side, found.stop_price) == ("buy", Decimal("108.00"))
    (passed,) = stops(holding(("XLK", -10)), market(XLK=("119", "120")), NOW)
    assert passed.stop_price == Decimal("120.12")


def test_shares_under_a_sold_call_get_no_stop_and_others_do() -> None:
    shares = position(
        id="a" * 18, symbol="SPY", legs=(PositionLeg(symbol="SPY", qty=Decimal(100), avg_px=Decimal(600)),)
    )

    def with_contracts(*legs: tuple[str, int]) -> list[TradeOpportunity]:
        contracts: Position = next(iter(holding(*legs, id="b" * 18, symbol="SPY").positions.values()))
        return stops(book(positions={one.id: one for one in (shares, contracts)}), market(), NOW)

    assert with_contracts((CALL, -1)) == []
    assert [found.symbol for found in with_contracts((CALL, 1), (HIGHER, -1))] == ["SPY"]
