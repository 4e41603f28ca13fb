"""Closing everything: after each fill, however partial and in whatever order, exposure is no greater than before.

Shares and the options on them cannot leave as one order. Between the two the desk is, at worst, without the premium of
the option: that is the bound of their rise; everything else never rises at all, and no sold call loses its shares.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.base import ZERO, ModuleName
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.flatten import exits
from orchestrator.domain.instruments import OptionRight, is_occ, occ_symbol, parse_occ
from orchestrator.domain.market import MarketSnapshot, Quote, SessionState
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import Fill
from orchestrator.domain.positions import Position, PositionLeg, fill_position
from orchestrator.domain.pricing import price, terms
from tests.builders import NOW

SPOT = Decimal(100)
EXPIRY = date(2026, 9, 18)
CALL, PUT = OptionRight.CALL, OptionRight.PUT
SHAPES = {
    "shares": [("S", 100)],
    "short shares": [("S", -100)],
    "long call": [(CALL, 100, 1)],
    "short put": [(PUT, 95, -1)],
    "bull call spread": [(CALL, 100, 1), (CALL, 110, -1)],
    "bear call spread": [(CALL, 100, -1), (CALL, 110, 1)],
    "one by two": [(PUT, 95, 2), (PUT, 105, -1)],
    "condor": [(PUT, 90, 1), (PUT, 95, -1), (CALL, 105, -1), (CALL, 110, 1)],
}
PAIRS = {
    "covered call": ([("S", 100)], [(CALL, 105, -1)]),
    "protective put": ([("S", 100)], [(PUT, 95, 1)]),
    "put in the money": ([("S", 100)], [(PUT, 120, 1)]),
    "collar": ([("S", 100)], [(CALL, 105, -1)], [(PUT, 95, 1)]),
    "assigned": ([("S", 100), (PUT, 90, 1)],),
}
NAMES = ("AAA", "BBB", "CCC")


def mark(symbol: str) -> Decimal:
    if not is_occ(symbol):
        return SPOT
    contract = parse_occ(symbol)
    of = terms(spot=float(SPOT), strike=float(contract.strike), years=0.2, is_call=contract.right is CALL, rate=0.0)
    return Decimal(repr(float(price(of, 0.4)))).quantize(Decimal("0.0001"))


def leg(name: str, shape: tuple, units: int) -> PositionLeg:
    symbol = name if shape[0] == "S" else occ_symbol(name, EXPIRY, shape[0], Decimal(shape[1]))
    qty, multiplier = (shape[1], 1) if shape[0] == "S" else (shape[2], 100)
    return PositionLeg(
        symbol=symbol,
        qty=Decimal(qty * units),
        avg_px=mark(symbol),
        multiplier=Decimal(multiplier),
        mark_px=mark(symbol),
    )


@st.composite
def books(draw: st.DrawFn) -> tuple[BookDoc, frozenset[str]]:
    """A book, and the underlyings in which shares and options are held together."""
    positions, paired = {}, set()
    for name in NAMES[: draw(st.integers(1, 3))]:
        kind, units = draw(st.sampled_from([*SHAPES, *PAIRS])), draw(st.integers(1, 5))
        if kind in PAIRS:
            paired.add(name)
        for number, shapes in enumerate(PAIRS.get(kind, (SHAPES.get(kind, []),))):
            key = f"o{name}{number}".ljust(18, "x")
            positions[key] = Position(
                id=key,
                module=ModuleName.OPTIONS,
                strategy="any",
                symbol=name,
                legs=tuple(leg(name, shape, units) for shape in shapes),
                opened_at=NOW,
                entry_px=Decimal(1),
                decision_px=Decimal(1),
            )
    return BookDoc(module=ModuleName.OPTIONS, positions=positions, updated_at=NOW), frozenset(paired)


@dataclass(frozen=True)
class Risk:
    """Of one underlying: sum of absolute values, absolute net value, worst loss at expiry, calls without shares."""

    gross: Decimal
    net: Decimal
    worst: Decimal
    uncovered: Decimal


def legs_of(book: BookDoc, name: str) -> list[PositionLeg]:
    return [leg for held in book.positions.values() if held.symbol == name for leg in held.legs if leg.qty]


def payoff(leg: PositionLeg, spot: Decimal) -> Decimal:
    if not is_occ(leg.symbol):
        return leg.qty * spot
    contract = parse_occ(leg.symbol)
    inside = (spot - contract.strike) * (1 if contract.right is CALL else -1)
    return leg.qty * leg.multiplier * max(inside, ZERO)


def risk(book: BookDoc, name: str) -> Risk:
    legs = legs_of(book, name)
    value = sum((leg.market_value for leg in legs), ZERO)
    spots = [ZERO, SPOT * 10, SPOT, *(parse_occ(leg.symbol).strike for leg in legs if is_occ(leg.symbol))]
    worst = max(value - sum((payoff(leg, spot) for leg in legs), ZERO) for spot in spots)
    calls = sum((leg.qty for leg in legs if is_occ(leg.symbol) and parse_occ(leg.symbol).right is CALL), ZERO)
    shares = sum((leg.qty for leg in legs if not is_occ(leg.symbol)), ZERO)
    return Risk(
        gross=sum((abs(leg.market_value) for leg in legs), ZERO),
        net=abs(value),
        worst=worst,
        uncovered=max(-calls - shares / 100, ZERO),
    )


def filled(book: BookDoc, order: TradeOpportunity, units: Decimal) -> BookDoc:
    position = book.positions[order.position_id or ""]
    for one in order.legs:
        fill = Fill(
            trade_id=f"{order.position_id}{one.symbol}{units}",
            client_order_id="x",
            symbol=one.symbol,
            side=one.side,
            qty=units * one.ratio,
            price=mark(one.symbol),
            ts_event=NOW,
        )
        position = fill_position(position, fill)
    rest = {key: held for key, held in book.positions.items() if key != position.id}
    return book.model_copy(update={"positions": rest if position.flat else {**rest, position.id: position}})


def market(*, open_: bool = True) -> MarketSnapshot:
    return MarketSnapshot(session=SessionState(is_open=open_))


def assert_no_greater(before: Risk, after: Risk, start: Risk, *, premium: Decimal) -> None:
    small = Decimal("0.01")
    assert after.gross <= before.gross
    assert after.uncovered <= before.uncovered
    base = start if premium else before
    assert after.net <= base.net + premium + small
    assert after.worst <= base.worst + premium + small


@given(drawn=books(), data=st.data())
def test_exposure_never_rises_on_the_way_to_flat(drawn: tuple[BookDoc, frozenset[str]], data: st.DataObject) -> None:
    book, paired = drawn
    start = {name: risk(book, name) for name in NAMES}
    premium = {
        name: sum((abs(leg.market_value) for leg in legs_of(book, name) if is_occ(leg.symbol)), ZERO) * (name in paired)
        for name in NAMES
    }
    for number in range(8):
        orders = exits(book, market(), NOW + timedelta(minutes=number))
        whole = number >= 4
        for order in data.draw(st.permutations(orders)):
            wanted = order.qty or ZERO
            units = wanted if whole else Decimal(data.draw(st.integers(0, int(wanted))))
            before = {name: risk(book, name) for name in NAMES}
            if units:
                book = filled(book, order, units)
            for name in NAMES:
                assert_no_greater(before[name], risk(book, name), start[name], premium=premium[name])
    assert book.positions == {}


@given(drawn=books())
def test_each_order_leaves_no_more_than_is_held_and_the_largest_goes_first(
    drawn: tuple[BookDoc, frozenset[str]],
) -> None:
    book, _ = drawn
    orders = exits(book, market(), NOW)
    assert orders
    assert len({order.position_id for order in orders}) == len(orders)
    sizes = [book.positions[order.position_id or ""].gross_exposure for order in orders]
    assert sizes == sorted(sizes, reverse=True)
    for order in orders:
        held = {leg.symbol: leg.qty for leg in book.positions[order.position_id or ""].legs}
        for one in order.legs:
            assert one.side.sign * held[one.symbol] < 0
            assert (order.qty or ZERO) * one.ratio <= abs(held[one.symbol])
        assert order.by_owner


@given(drawn=books())
def test_a_structure_leaves_as_one_order(drawn: tuple[BookDoc, frozenset[str]]) -> None:
    book, _ = drawn
    for order in exits(book, market(), NOW):
        held = [leg.symbol for leg in book.positions[order.position_id or ""].legs if leg.qty]
        contracts = [symbol for symbol in held if is_occ(symbol)]
        sent = [leg.symbol for leg in order.legs]
        assert sent == contracts or (len(sent) == 1 and not is_occ(sent[0]))


@given(drawn=books())
def test_a_closed_market_waits(drawn: tuple[BookDoc, frozenset[str]]) -> None:
    assert exits(drawn[0], market(open_=False), NOW) == []


@given(drawn=books(), bps=st.integers(0, 500))
def test_a_limit_is_at_worst_three_percent_from_the_middle(drawn: tuple[BookDoc, frozenset[str]], bps: int) -> None:
    book, _ = drawn
    half = SPOT * bps / 20_000
    quotes = {name: Quote(symbol=name, ts=NOW, bid=SPOT - half, ask=SPOT + half) for name in NAMES}
    for order in exits(book, MarketSnapshot(session=SessionState(is_open=True), quotes=quotes), NOW):
        if not is_occ(order.legs[0].symbol):
            assert order.limit_px is not None
            assert abs(order.limit_px - SPOT) <= SPOT * Decimal("0.03") + Decimal("0.01")
