"""The owner ends an order in doubt by hand; the venue's own word, should it come, takes the place of his."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.commands import execute
from orchestrator.domain.base import ZERO, ModuleName
from orchestrator.domain.documents import BookDoc, CommandDoc, CommandKind, OrderDoc, book_path, order_path
from orchestrator.domain.ledger import post_fill
from orchestrator.domain.orders import Evidence, Fill, Leg, Order, OrderState, Purpose, Side, apply, plan
from orchestrator.domain.positions import Position
from tests.builders import account, book, fill, position
from tests.builders import intent as any_intent
from tests.watched_desk import NOW, documents, intent, life, new_desk, put_book, put_command, put_user, read, working

STOCKS = ModuleName.STOCKS
DOUBT = (Evidence.SUBMIT_STARTED, Evidence.ANSWER_LOST)


def unknown(**changes: Any) -> Order:
    return life(plan(any_intent(**changes), NOW), *DOUBT)[-1]


@pytest.fixture
def store() -> MemoryDataLayer:
    desk = new_desk()
    assert isinstance(desk, MemoryDataLayer)
    put_user(desk, "olga", role="owner")
    return desk


def hold(store: MemoryDataLayer, *orders: Order, **more: Any) -> None:
    put_book(store, STOCKS, equity=80_000, orders={order.id: order for order in orders}, **more)


def ask(store: MemoryDataLayer, **args: str) -> CommandDoc:
    number = len(documents(store, "commands"))
    return execute(store, put_command(store, CommandKind.RESOLVE, args=args, command_id=f"r{number}"), NOW)


def said(command: CommandDoc) -> str:
    return command.result.message if command.result else ""


def own_book(store: MemoryDataLayer) -> BookDoc:
    return read(store, BookDoc, book_path(STOCKS))


@pytest.mark.parametrize(
    ("outcome", "evidence"),
    [("never_arrived", Evidence.RESOLVED_ABSENT), ("cancelled", Evidence.RESOLVED_CANCELLED)],
)
def test_an_order_that_did_nothing_is_over(store: MemoryDataLayer, outcome: str, evidence: Evidence) -> None:
    order = unknown()
    hold(store, order)
    done = ask(store, order=order.id, outcome=outcome)
    assert (done.status, said(done)) == ("done", f"{order.id} is resolved: {outcome.replace('_', ' ')}")
    ended = own_book(store).orders[order.id]
    assert (ended.state, ended.history[-1].evidence, ended.history[-1].note) == (
        OrderState.CANCELLED,
        evidence,
        "by olga",
    )
    assert read(store, OrderDoc, order_path(order.id)).order == ended
    (entry,) = documents(store, "audit").values()
    assert (entry["detail"]["order"], entry["detail"]["outcome"]) == (order.id, outcome)


def test_a_fill_by_hand_opens_the_position(store: MemoryDataLayer) -> None:
    order = unknown()
    hold(store, order)
    done = ask(store, order=order.id, outcome="filled", qty="10", price="99.5")
    assert said(done) == f"{order.id} is resolved: 10 units filled"
    after = own_book(store)
    (held,) = after.positions.values()
    assert (held.units, held.entry_px, after.orders[order.id].state) == (10, Decimal("99.5"), OrderState.FILLED)


def test_a_part_filled_by_hand_ends_the_rest(store: MemoryDataLayer) -> None:
    order = unknown()
    hold(store, order)
    ask(store, order=order.id, outcome="filled", qty="4", price="100")
    ended = own_book(store).orders[order.id]
    assert (ended.state, ended.filled_qty) == (OrderState.CANCELLED, 4)
    assert own_book(store).positions[order.intent.position_id].units == 4


def test_an_exit_filled_by_hand_closes_the_position_and_the_round_trip(store: MemoryDataLayer) -> None:
    held = position()
    leg = Leg(symbol="XLK", side=Side.SELL)
    order = unknown(client_order_id="sexit", purpose=Purpose.EXIT, side=Side.SELL, legs=(leg,), position_id=held.id)
    hold(store, order, positions={held.id: held})
    ask(store, order="sexit", outcome="filled", qty="10", price="110")
    after = own_book(store)
    assert (after.positions, after.realized_pnl) == ({}, 100)
    assert list(documents(store, "trades")) == [f"trades/{held.id}"]
    assert [event["kind"] for event in documents(store, "events").values()].count("position_closed") == 1


def test_a_spread_needs_a_price_for_each_leg(store: MemoryDataLayer) -> None:
    legs = (Leg(symbol="LONG", side=Side.BUY), Leg(symbol="SHORT", side=Side.SELL, ratio=2))
    order = unknown(legs=legs, qty=Decimal(3))
    hold(store, order)
    assert "give one each for LONG, SHORT" in said(ask(store, order=order.id, outcome="filled", qty="3", price="2.5"))
    ask(store, order=order.id, outcome="filled", qty="3", price="2.5, 1")
    (held,) = own_book(store).positions.values()
    assert {leg.symbol: leg.qty for leg in held.legs} == {"LONG": 3, "SHORT": -6}
    assert own_book(store).orders[order.id].avg_px == Decimal("0.5")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({}, "no book has an order ''"),
        ({"order": "s-nothing"}, "no book has an order 's-nothing'; UNKNOWN are: "),
        ({"order": "resting", "outcome": "cancelled"}, "is WORKING, not UNKNOWN: what the venue said of it stands"),
        ({"outcome": "sold"}, "no outcome 'sold'; args.outcome is one of never_arrived, cancelled, filled"),
        ({"outcome": ""}, "no outcome ''"),
        ({"outcome": "filled"}, "args.qty is '', not a number"),
        ({"outcome": "filled", "qty": "ten", "price": "1"}, "args.qty is 'ten', not a number"),
        ({"outcome": "filled", "qty": "0", "price": "1"}, "args.qty is '0'; it must be more than 0"),
        ({"outcome": "filled", "qty": "-1", "price": "1"}, "args.qty is '-1'; it must be more than 0"),
        ({"outcome": "filled", "qty": "NaN", "price": "1"}, "args.qty is 'NaN'; it must be more than 0"),
        ({"outcome": "filled", "qty": "11", "price": "1"}, "args.qty is 11, and only 10 units"),
        ({"outcome": "filled", "qty": "1"}, "args.price is '', not a number"),
        ({"outcome": "filled", "qty": "1", "price": "inf"}, "args.price is 'inf'; it must be more than 0"),
    ],
)
def test_what_makes_no_sense_is_refused(store: MemoryDataLayer, args: dict[str, str], words: str) -> None:
    order, resting = unknown(), working(7)[-1]
    hold(store, order, resting)
    named = {"resting": resting.id}.get(args.get("order", ""), args.get("order", "" if not args else order.id))
    before = own_book(store)
    refused = ask(store, **({**args, "order": named} if args else {}))
    assert (refused.status, own_book(store)) == ("refused", before)
    assert words in said(refused)


def test_an_order_with_fills_did_arrive(store: MemoryDataLayer) -> None:
    part = life(plan(intent(1), NOW), Evidence.SUBMIT_STARTED, 4)[-1]
    hold(store, apply(part, Evidence.VANISHED, NOW))
    refused = ask(store, order=part.id, outcome="never_arrived")
    assert "has fills, so it arrived" in said(refused)


def test_a_command_delivered_twice_books_once(store: MemoryDataLayer) -> None:
    order = unknown()
    hold(store, order)
    command = put_command(
        store, CommandKind.RESOLVE, args={"order": order.id, "outcome": "filled", "qty": "10", "price": "100"}
    )
    for _ in range(2):
        execute(store, command, NOW)
    assert own_book(store).positions[order.intent.position_id].units == 10
    again = ask(store, order=order.id, outcome="filled", qty="10", price="100")
    assert "is FILLED, not UNKNOWN" in said(again)


def by_hand(units: Decimal, px: Decimal, side: Side = Side.BUY) -> Fill:
    return fill("owner-x-0", qty=units, price=px, side=side)


def worth(after: BookDoc, mark: Decimal) -> Decimal:
    """What the book gained in all, at a mark, fees off."""
    held = sum((leg.qty * (mark - leg.avg_px) for p in after.positions.values() for leg in p.legs), ZERO)
    return after.realized_pnl + held - after.fees


def held_units(after: BookDoc) -> Decimal:
    return sum((leg.qty for p in after.positions.values() for leg in p.legs), ZERO)


units = st.integers(1, 10).map(Decimal)
prices = st.integers(80, 120).map(Decimal)


@given(typed=units, typed_px=prices, told=st.lists(st.tuples(units, prices), min_size=1, max_size=4))
def test_the_venues_fills_take_the_place_of_the_ones_by_hand(
    typed: Decimal, typed_px: Decimal, told: list[tuple[Decimal, Decimal]]
) -> None:
    """When the venue has told at least as much as was typed, the book is as if nothing had been typed."""
    order = life(plan(any_intent(qty=Decimal(40)), NOW), *DOUBT)[-1]
    start = book(orders={order.id: order})
    fills = [fill(f"t{n}", qty=qty, price=px, fee=Decimal("0.1")) for n, (qty, px) in enumerate(told)]
    plain, mended = start, post_fill(start, order, by_hand(typed, typed_px), NOW).book
    for one in [*fills, *fills]:
        plain = post_fill(plain, plain.orders[order.id], one, NOW).book
        mended = post_fill(mended, mended.orders[order.id], one, NOW).book
    total = sum((qty for qty, _ in told), ZERO)
    assert held_units(mended) == max(total, typed)
    assert mended.orders[order.id].filled_qty == max(total, typed)
    if total >= typed:
        assert mended.orders[order.id].fills == plain.orders[order.id].fills
        assert abs(worth(mended, Decimal(100)) - worth(plain, Decimal(100))) < Decimal("1e-9")
        assert mended.fees == plain.fees


@given(typed_px=prices, told_px=prices)
def test_an_exit_by_hand_that_closed_the_position_is_put_right_too(typed_px: Decimal, told_px: Decimal) -> None:
    held = position()
    leg = Leg(symbol="XLK", side=Side.SELL)
    changes = {"client_order_id": "sexit", "purpose": Purpose.EXIT, "side": Side.SELL, "legs": (leg,)}
    order = unknown(**changes, position_id=held.id)
    start = book(orders={order.id: order}, positions={held.id: held}, account=account())
    closed = post_fill(start, order, by_hand(Decimal(10), typed_px, Side.SELL), NOW)
    assert closed.trade is not None
    told = fill("t1", side=Side.SELL, price=told_px, fee=Decimal(1))
    after = post_fill(closed.book, closed.book.orders[order.id], told, NOW)
    assert after.book.positions == {}
    assert after.book.realized_pnl == 10 * (told_px - 100)
    assert (after.book.fees, after.trade) == (1, None)


def test_the_positions_entry_price_becomes_the_venues() -> None:
    order = unknown()
    start = book(orders={order.id: order})
    typed = post_fill(start, order, by_hand(Decimal(10), Decimal(90)), NOW).book
    after = post_fill(typed, typed.orders[order.id], fill("t1"), NOW).book
    held: Position = after.positions[order.intent.position_id]
    assert (held.units, held.entry_px) == (10, 100)
