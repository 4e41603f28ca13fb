"""What is foreign counts in limits, in no allocation; capital that moves is neither gain nor loss."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.base import ModuleName
from orchestrator.domain.exposure import (
    book_exposure,
    daily_loss,
    drawdown,
    share_moved,
    symbol_exposure,
    total_exposure,
    used_by,
    with_account,
    with_module,
)
from orchestrator.domain.foreign import ForeignHolding, ForeignOrder, How, risk_symbol, worth
from orchestrator.domain.orders import Side
from tests.builders import NOW, account, book, exposure, position

PUT = "XLK260821P00100000"


def holding(qty: int = 10, value: int | None = 1000) -> ForeignHolding:
    price = None if value is None else Decimal(value) / abs(qty)
    usd = None if value is None else Decimal(value)
    return ForeignHolding(qty=Decimal(qty), price=price, value_usd=usd, first_seen=NOW, how=How.FIRST_CONTACT)


def buy(**changes: Any) -> ForeignOrder:
    base = {"symbol": "XLK", "side": Side.BUY, "qty": 5, "leaves": 4, "limit_price": 90, "seen_at": NOW}
    return ForeignOrder.model_validate(base | changes)


def test_a_foreign_holding_counts_in_symbol_and_gross_and_in_no_allocation() -> None:
    held = position()
    mine = book(positions={held.id: held}, foreign={"XLK": holding(), "F": holding(value=500)})
    desk = with_module(exposure(), mine, NOW)
    assert symbol_exposure(desk, "XLK") == 2000
    assert symbol_exposure(desk, "F") == 500
    assert total_exposure(desk) == 2500
    assert used_by(desk, ModuleName.STOCKS) == 1000
    assert desk.modules[ModuleName.STOCKS].quantities == {"XLK": 10}


@pytest.mark.parametrize(
    ("order", "usd"),
    [
        (buy(), 360),
        (buy(limit_price=None), 400),
        (buy(symbol="F", limit_price=None), 0),
        (buy(side=Side.SELL), 0),
        (buy(symbol=""), 0),
        (buy(leaves=None), 0),
    ],
)
def test_an_open_foreign_buy_counts_what_it_may_still_buy(order: ForeignOrder, usd: int) -> None:
    mine = book(foreign={"XLK": holding()}, foreign_orders={"v-1": order})
    assert book_exposure(mine).foreign_usd == 1000 + usd


def test_a_foreign_option_counts_under_its_underlying_a_written_one_its_strike() -> None:
    assert risk_symbol(PUT) == "XLK"
    assert worth(PUT, Decimal(2), Decimal(3)) == 600
    assert worth(PUT, Decimal(-2), Decimal(3)) == 20_000
    assert worth("XLK", Decimal(2), None) is None
    assert worth("XLK", Decimal(0), None) == 0
    assert book_exposure(book(foreign={PUT: holding(1, 300)})).symbols == {"XLK": 300}


def test_a_foreign_holding_without_a_price_counts_nothing_it_is_quarantined_instead() -> None:
    assert book_exposure(book(foreign={"XLK": holding(value=None)})).foreign_usd == 0


def test_a_share_has_moved_when_something_foreign_came() -> None:
    before = book_exposure(book())
    assert share_moved(before, book_exposure(book(foreign={"XLK": holding()})))
    assert not share_moved(before, book_exposure(book()))


def test_a_withdrawal_is_no_drawdown_and_a_deposit_no_gain() -> None:
    fallen = with_account(exposure(), account(equity=Decimal(98_000)), NOW)
    taken = with_account(fallen, account(equity=Decimal(49_000), transfers={"w": Decimal(-49_000)}), NOW)
    assert drawdown(taken) == daily_loss(taken) == Decimal("0.02")
    put = with_account(taken, account(equity=Decimal(98_000), transfers={"d": Decimal(49_000)}), NOW)
    assert drawdown(put) == daily_loss(put) == Decimal("0.02")
    assert put.peak_equity == 100_000


def test_a_transfer_is_followed_once_whoever_tells_it() -> None:
    told = account(equity=Decimal(50_000), transfers={"w": Decimal(-50_000)})
    once = with_account(exposure(), told, NOW)
    assert with_account(once, told, NOW) == once
    assert once.peak_equity == 50_000
    assert with_account(once, told.model_copy(update={"equity": Decimal(49_000)}), NOW).peak_equity == 50_000


def test_a_transfer_of_a_venue_never_seen_is_in_its_equity_already() -> None:
    told = account(venue="kraken", equity=Decimal(20_000), transfers={"d": Decimal(20_000)})
    seen = with_account(exposure(), told, NOW)
    assert seen.peak_equity == seen.day_start_equity == 120_000
    assert seen.transfers == ("d",)


def test_an_account_emptied_by_a_withdrawal_leaves_levels_that_still_warn() -> None:
    gone = with_account(exposure(), account(equity=Decimal(0), transfers={"w": Decimal(-100_000)}), NOW)
    assert gone.peak_equity == 100_000


@given(
    start=st.integers(1_000, 10**9),
    loss=st.decimals(0, "0.9", places=4),
    moved=st.decimals("-0.9", 5, places=3),
)
def test_capital_that_moves_leaves_every_loss_the_fraction_it_was(start: int, loss: Decimal, moved: Decimal) -> None:
    begun = exposure(
        venue_equity={"alpaca": Decimal(start)}, peak_equity=Decimal(start), day_start_equity=Decimal(start)
    )
    equity = start * (1 - loss)
    fallen = with_account(begun, account(equity=equity), NOW)
    capital = equity * moved
    after = with_account(fallen, account(equity=equity + capital, transfers={"x": capital}), NOW)
    assert abs(drawdown(after) - drawdown(fallen)) < Decimal("0.0005")
    assert abs(daily_loss(after) - daily_loss(fallen)) < Decimal("0.0005")
