"""Fills, splits and expiries change a book once; positions, cash and P&L agree."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.base import ZERO
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.exposure import held_by_symbol
from orchestrator.domain.ledger import Posted, cash_flow, post_delivery, post_expiry, post_fill
from orchestrator.domain.orders import Fill, Leg, Order, OrderState, Purpose, Side
from orchestrator.domain.positions import PositionLeg, entry_slippage_bps, marked
from tests.builders import NOW, book, fill, order, position

LEGS = (
    Leg(symbol="XLK260821C00100000", side=Side.BUY, multiplier=Decimal(100)),
    Leg(symbol="XLK260821C00110000", side=Side.SELL, multiplier=Decimal(100)),
)


def booked(*orders: Order) -> BookDoc:
    return book(orders={one.id: one for one in orders})


def post(to: BookDoc, one: Order, *fills: Fill) -> Posted:
    posted = Posted(to)
    for told in fills:
        posted = post_fill(posted.book, posted.book.orders[one.id], told, NOW)
    return posted


def test_an_entry_opens_a_position_with_its_protection_and_what_was_known() -> None:
    one = order(OrderState.WORKING, features={"rsi": 30.0}, confidence=0.7)
    posted = post(booked(one), one, fill(price=Decimal("100.5"), fee=Decimal("0.2")))
    (held,) = posted.book.positions.values()
    assert (held.units, held.entry_px, held.stop_price, held.fees) == (10, Decimal("100.5"), 95, Decimal("0.2"))
    assert held.features == {"rsi": 30.0}
    assert entry_slippage_bps(held) == 50.0
    assert posted.book.fees == Decimal("0.2")


def test_a_round_trip_is_a_trade_after_fees() -> None:
    entry = order(OrderState.WORKING)
    opened = post(booked(entry), entry, fill(fee=Decimal(1)))
    leave = order(
        OrderState.WORKING,
        client_order_id="sexit",
        purpose=Purpose.EXIT,
        side=Side.SELL,
        legs=(Leg(symbol="XLK", side=Side.SELL),),
        reason="target",
    )
    both = opened.book.model_copy(update={"orders": {**opened.book.orders, leave.id: leave}})
    sold = fill("t2", side=Side.SELL, price=Decimal(104), fee=Decimal(1), ts_event=NOW + timedelta(days=1))
    closed = post(both, leave, sold)
    assert closed.book.positions == {}
    assert closed.trade is not None
    assert (closed.trade.entry_px, closed.trade.exit_px, closed.trade.qty) == (100, 104, 10)
    assert (closed.trade.realized_pnl, closed.trade.fees, closed.trade.exit_reason) == (38, 2, "target")
    assert (closed.book.realized_pnl, closed.book.realized_today, closed.book.trades) == (40, 40, 1)


def test_a_credit_spread_bought_back_cheaper_is_a_gain() -> None:
    flipped = (LEGS[0].model_copy(update={"side": Side.SELL}), LEGS[1].model_copy(update={"side": Side.BUY}))
    entry = order(OrderState.WORKING, legs=flipped, qty=Decimal(2), decision_px=Decimal(-3))
    opened = post(
        booked(entry),
        entry,
        fill("a", symbol=LEGS[0].symbol, side=Side.SELL, qty=Decimal(2), price=Decimal(5)),
        fill("b", symbol=LEGS[1].symbol, side=Side.BUY, qty=Decimal(2), price=Decimal(2)),
    )
    (held,) = opened.book.positions.values()
    assert (held.entry_px, held.units, held.market_value) == (-3, 2, -600)
    leave = order(OrderState.WORKING, client_order_id="sexit", purpose=Purpose.EXIT, legs=LEGS, qty=Decimal(2))
    both = opened.book.model_copy(update={"orders": {**opened.book.orders, leave.id: leave}})
    closed = post(
        both,
        leave,
        fill("c", symbol=LEGS[0].symbol, side=Side.BUY, qty=Decimal(2), price=Decimal(2)),
        fill("d", symbol=LEGS[1].symbol, side=Side.SELL, qty=Decimal(2), price=Decimal(1)),
    )
    assert closed.trade is not None
    assert (closed.trade.entry_px, closed.trade.exit_px, closed.trade.qty) == (-3, -1, 2)
    assert closed.trade.realized_pnl == 400


def test_an_exit_of_a_position_the_book_does_not_hold_changes_no_position() -> None:
    leave = order(OrderState.WORKING, purpose=Purpose.EXIT, position_id="gone")
    posted = post(booked(leave), leave, fill(side=Side.SELL))
    assert posted.book.positions == {}
    assert posted.trade is None


def test_exposure_of_a_spread_is_its_defined_loss_and_of_a_leveraged_fund_its_multiple() -> None:
    spread = position(max_loss_usd=Decimal(250), legs=(PositionLeg(symbol="A", qty=Decimal(2), avg_px=Decimal(1)),))
    assert spread.gross_exposure == 500
    assert position(leverage=Decimal(3)).gross_exposure == 3000


def test_marks_move_the_value_and_the_high_water() -> None:
    held = marked(position(), {"XLK": Decimal(103)})
    assert (held.unrealized_pnl, held.high_water_px) == (30, 103)
    lower = marked(held, {"XLK": Decimal(101)})
    assert (lower.unrealized_pnl, lower.high_water_px) == (10, 103)
    assert marked(lower, {}) == lower
    vague = marked(held, {"XLK": Decimal(500)}, vague={"XLK"})
    assert (vague.legs[0].mark_px, vague.high_water_px) == (500, 103)


def test_an_expired_leg_is_closed_at_the_venues_price() -> None:
    legs = (PositionLeg(symbol="C", qty=Decimal(1), avg_px=Decimal(3), multiplier=Decimal(100)),)
    held = position(legs=legs)
    posted = post_expiry(book(positions={held.id: held}), "C", event_id="x", price=ZERO, moment=NOW)
    assert posted.trade is not None
    assert posted.trade.realized_pnl == -300
    assert posted.book.positions == {}
    same = book(positions={held.id: held})
    assert post_expiry(same, "OTHER", event_id="x", price=ZERO, moment=NOW).book is same


def delivered(before: BookDoc, qty: int, strike: int) -> Posted:
    return post_delivery(before, "XLK", qty=Decimal(qty), price=Decimal(strike), event_id=f"d{strike}", moment=NOW)


def test_a_spread_that_is_delivered_on_both_sides_is_over() -> None:
    legs = (
        PositionLeg(symbol="C", qty=Decimal(1), avg_px=Decimal(5), multiplier=Decimal(100)),
        PositionLeg(symbol="D", qty=Decimal(-1), avg_px=Decimal(1), multiplier=Decimal(100)),
    )
    held = position(legs=legs)
    bought = delivered(book(positions={held.id: held}), 100, 640)
    sold = delivered(bought.book, -100, 645)
    assert held_by_symbol(bought.book)["XLK"] == 100
    assert sold.book.delivered == -64_000 + 64_500
    first = post_expiry(sold.book, "C", event_id="x", price=ZERO, moment=NOW)
    last = post_expiry(first.book, "D", event_id="y", price=ZERO, moment=NOW)
    assert last.book.positions == {}
    assert last.trade is not None
    assert last.trade.realized_pnl == 500 - 400


def test_shares_that_a_call_gives_away_are_left_at_its_strike() -> None:
    shares = position(legs=(PositionLeg(symbol="XLK", qty=Decimal(200), avg_px=Decimal(100)),))
    half = delivered(book(positions={shares.id: shares}), -100, 110)
    assert (half.trade, held_by_symbol(half.book)) == (None, {"XLK": 100})
    gone = delivered(half.book, -100, 110)
    assert gone.book.positions == {}
    assert gone.trade is not None
    assert (gone.trade.qty, gone.trade.exit_px, gone.trade.realized_pnl) == (200, 110, 2_000)
    assert gone.trade.exit_reason == "delivery"


def test_one_expired_leg_of_two_leaves_the_other() -> None:
    legs = (
        PositionLeg(symbol="C", qty=Decimal(1), avg_px=Decimal(3), multiplier=Decimal(100)),
        PositionLeg(symbol="D", qty=Decimal(-1), avg_px=Decimal(1), multiplier=Decimal(100)),
    )
    held = position(legs=legs)
    posted = post_expiry(book(positions={held.id: held}), "D", event_id="x", price=ZERO, moment=NOW)
    assert posted.trade is None
    assert held_by_symbol(posted.book) == {"C": 1, "D": 0}
    assert posted.book.realized_pnl == 100


def test_an_execution_moves_cash_by_its_value_and_its_fee_in_dollars() -> None:
    assert cash_flow(fill(fee=Decimal(2))) == -1002
    assert cash_flow(fill(side=Side.SELL, fee=Decimal(2))) == 998
    assert cash_flow(fill(symbol=LEGS[0].symbol, qty=Decimal(2), price=Decimal(3))) == -600
    assert cash_flow(fill(fee=Decimal(2), fee_currency="BNB")) == -1000
    in_coins = fill(fee=Decimal(2), fee_currency="XLK", fee_base_qty=Decimal("0.02"))
    assert cash_flow(in_coins) == -1000


def test_a_fee_in_coins_lowers_what_is_held_and_cash_and_holding_still_agree() -> None:
    entry = order(OrderState.WORKING, qty=Decimal(2))
    in_coins = {"fee": Decimal("0.2"), "fee_currency": "XLK", "fee_base_qty": Decimal("0.002")}
    bought = fill(qty=Decimal(2), **in_coins)
    (held,) = post(booked(entry), entry, bought).book.positions.values()
    assert held.units == Decimal("1.998")
    assert held.legs[0].cost + held.fees == -cash_flow(bought) == 200
    leave = order(
        OrderState.WORKING,
        client_order_id="sexit",
        purpose=Purpose.EXIT,
        side=Side.SELL,
        qty=Decimal("1.998"),
        legs=(Leg(symbol="XLK", side=Side.SELL),),
    )
    sold = fill("t2", side=Side.SELL, qty=Decimal("1.998"), price=Decimal(110))
    closed = post(book(positions={held.id: held}, orders={leave.id: leave}), leave, sold)
    assert closed.trade is not None
    assert closed.trade.realized_pnl == cash_flow(bought) + cash_flow(sold)


@given(
    st.lists(
        st.tuples(st.sampled_from([Side.BUY, Side.SELL]), st.integers(1, 9), st.integers(1, 50)), min_size=1, max_size=8
    ),
    st.randoms(use_true_random=False),
)
def test_cash_and_holdings_are_conserved_in_any_order_and_told_any_number_of_times(
    deals: list[tuple[Side, int, int]], shuffler: object
) -> None:
    total = sum(qty for side, qty, _ in deals if side is Side.BUY) + 1000
    opening = order(OrderState.WORKING, qty=Decimal(total))
    fills = [fill("open", qty=Decimal(1000))]
    fills += [fill(f"t{n}", side=side, qty=Decimal(qty), price=Decimal(px)) for n, (side, qty, px) in enumerate(deals)]
    told = [*fills[1:], *fills[1:]]
    shuffler.shuffle(told)  # type: ignore[attr-defined]
    posted = post(booked(opening), opening, fills[0], *told)
    (held,) = posted.book.positions.values()
    cash = sum((-one.side.sign * one.qty * one.price for one in fills), ZERO)
    assert held.legs[0].qty == sum((one.side.sign * one.qty for one in fills), ZERO)
    assert abs(held.realized_pnl - held.legs[0].cost - cash) < Decimal("1e-15")


def closed_for(price: str, *, fee: str = "0", parts: int = 1) -> BookDoc:
    """A round trip of 10 at 100 with a stop at 95, left at `price` in equal parts."""
    entry = order(OrderState.WORKING)
    opened = post(booked(entry), entry, fill(fee=Decimal(fee)))
    leave = order(OrderState.WORKING, client_order_id="sexit", purpose=Purpose.EXIT, side=Side.SELL)
    both = opened.book.model_copy(update={"orders": {**opened.book.orders, leave.id: leave}})
    sold = [
        fill(f"x{n}", side=Side.SELL, qty=Decimal(10) / parts, price=Decimal(price), fee=Decimal(fee) / parts)
        for n in range(parts)
    ]
    return post(both, leave, *sold, *sold).book


def test_a_closed_trade_is_counted_once_for_its_strategy_in_risks_after_costs() -> None:
    won = closed_for("110", fee="2.5").records["momentum"]
    assert (won.trades, won.wins, won.sum_win_r, won.sum_loss_r) == (1, 1, 1.9, 0.0)
    lost = closed_for("94").records["momentum"]
    assert (lost.trades, lost.wins, lost.sum_win_r, lost.sum_loss_r) == (1, 0, 0.0, 1.2)
    assert closed_for("100", fee="1").records["momentum"].wins == 0


def test_a_trade_left_in_parts_is_one_trade() -> None:
    assert closed_for("110", parts=5).records == closed_for("110").records


def test_an_expired_structure_counts_against_its_largest_loss() -> None:
    legs = (PositionLeg(symbol="C", qty=Decimal(2), avg_px=Decimal(3), multiplier=Decimal(100)),)
    held = position(legs=legs, max_loss_usd=Decimal(300), entry_px=Decimal(3), strategy="long_call")
    ended = post_expiry(book(positions={held.id: held}), "C", event_id="x", price=ZERO, moment=NOW)
    assert ended.book.records["long_call"].sum_loss_r == 1.0


def test_a_structure_closed_leg_by_leg_is_counted_by_its_units() -> None:
    legs = (
        PositionLeg(symbol="C", qty=Decimal(2), avg_px=Decimal(3), multiplier=Decimal(100)),
        PositionLeg(symbol="D", qty=Decimal(-2), avg_px=Decimal(1), multiplier=Decimal(100)),
    )
    held = position(legs=legs, max_loss_usd=Decimal(200))
    first = post_expiry(book(positions={held.id: held}), "C", event_id="x", price=ZERO, moment=NOW)
    last = post_expiry(first.book, "D", event_id="y", price=ZERO, moment=NOW)
    assert first.book.records == {}
    assert last.book.records["momentum"].sum_loss_r == 2 * (300 - 100) / (2 * 200)


def test_a_trade_whose_levels_make_no_sense_is_no_evidence() -> None:
    entry = order(OrderState.WORKING, protect_stop=Decimal(101))
    opened = post(booked(entry), entry, fill())
    leave = order(OrderState.WORKING, client_order_id="sexit", purpose=Purpose.EXIT, side=Side.SELL)
    both = opened.book.model_copy(update={"orders": {**opened.book.orders, leave.id: leave}})
    closed = post(both, leave, fill("x", side=Side.SELL, price=Decimal(104))).book
    assert (closed.trades, closed.records) == (1, {})


@given(
    deals=st.lists(
        st.tuples(st.integers(1, 9), st.integers(1, 50), st.sampled_from(["", "USD", "XLK"])), min_size=1, max_size=7
    ),
    shuffler=st.randoms(use_true_random=False),
)
def test_any_order_and_repetition_of_fills_gives_one_position_whatever_the_fees_are_paid_in(
    deals: list[tuple[int, int, str]], shuffler: object
) -> None:
    def told(number: int, qty: int, price: int, currency: str) -> Fill:
        coins = Decimal("0.001") * qty if currency == "XLK" else ZERO
        fee = coins * price if coins else Decimal(len(currency)) / 100
        paid = {"fee": fee, "fee_currency": currency or "USD", "fee_base_qty": coins}
        return fill(f"t{number}", qty=Decimal(qty), price=Decimal(price), **paid)

    fills = [told(number, *deal) for number, deal in enumerate(deals)]
    entry = order(OrderState.WORKING, qty=Decimal(sum(qty for qty, _, _ in deals)))
    mixed = [*fills, *fills]
    shuffler.shuffle(mixed)  # type: ignore[attr-defined]
    (straight,) = post(booked(entry), entry, *fills).book.positions.values()
    posted = post(booked(entry), entry, *mixed).book
    (held,) = posted.positions.values()
    assert held.units == straight.units == sum((one.held_qty for one in fills), ZERO)
    assert held.fees == straight.fees == posted.fees
    assert abs(held.legs[0].cost + held.fees + sum(map(cash_flow, fills), ZERO)) < Decimal("1e-15")
    assert posted.orders[entry.id].state is OrderState.FILLED
    assert posted.orders[entry.id].filled_qty == entry.intent.qty
