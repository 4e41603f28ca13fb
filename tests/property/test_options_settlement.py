"""The backtest's account against the local venue: the same orders taken, filled and settled at expiry, to the cent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.backtest.expiring import settle
from ml.backtest.recorded import Closed
from ml.backtest.wallet import Wallet
from orchestrator.cli.backtest.chains import LocalHouse
from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.exposure import held_by_symbol
from orchestrator.domain.instruments import is_occ
from orchestrator.domain.orders import Leg, OrderIntent, OrderType, Purpose, Side, plan
from venue import orders as at_venue
from venue.accounts import ALPACA, AccountSpec
from venue.exchange import Exchange
from venue.feed import ContractQuote, MarketQuote
from venue.occ import spell
from venue.scripted import ScriptedFeed, chain, quote, stock

OPEN = datetime(2026, 7, 16, 13, 30, tzinfo=UTC)
CLOSE = datetime(2026, 7, 16, 20, 0, tzinfo=UTC)
TODAY, LATER = date(2026, 7, 16), date(2026, 8, 21)
STRIKES = (630, 635, 640, 645)
HUNDRED = Decimal(100)
Parts = tuple[tuple[str, int], ...]
"""Symbols and units of each, signed."""


@dataclass
class Seen:
    """What an exchange shows, as a wallet asks for it."""

    exchange: Exchange

    def touch(self, symbol: str, now: datetime) -> MarketQuote | None:
        return self.exchange.quote(symbol)


def _contract(right: str, strike: int, expiry: date, spread: Decimal) -> ContractQuote:
    inside = max(640 - strike if right == "C" else strike - 640, 0)
    bid = Decimal(inside) + Decimal("1.50") + (Decimal(5) if expiry == LATER else 0)
    symbol = spell("SPY", expiry, right, Decimal(strike))
    size = Decimal(50)
    return ContractQuote(symbol, expiry, right, Decimal(strike), bid, bid + spread, size, size, bid, 1, 1)


def market(close: Decimal, spread: Decimal, cash: int) -> Exchange:
    feed = ScriptedFeed(OPEN, {"SPY": stock("SPY")})
    feed.say("SPY", quote(OPEN, "639.99", "640.01", last="640"))
    feed.say("SPY", quote(CLOSE - timedelta(seconds=1), str(close), str(close), last=str(close)))
    contracts = [
        _contract(right, strike, expiry, spread) for right in "CP" for strike in STRIKES for expiry in (TODAY, LATER)
    ]
    feed.chains["SPY"] = [chain(OPEN, "SPY", "640", contracts)]
    return Exchange(feed, (AccountSpec(ALPACA, ALPACA, Decimal(cash)),))


def occ(right: str, strike: int, expiry: date = TODAY) -> str:
    return spell("SPY", expiry, right, Decimal(strike))


strikes, signs = st.sampled_from(STRIKES), st.sampled_from((1, -1))
singles = st.builds(lambda right, strike, sign: (((occ(right, strike), sign),),), st.sampled_from("CP"), strikes, signs)
verticals = st.builds(
    lambda right, pair, sign: (((occ(right, pair[0]), sign), (occ(right, pair[1]), -sign)),),
    st.sampled_from("CP"), st.lists(strikes, min_size=2, max_size=2, unique=True), signs,
)  # fmt: skip
calendars = st.builds(
    lambda right, strike: (((occ(right, strike), -1), (occ(right, strike, LATER), 1)),), st.sampled_from("CP"), strikes
)
on_shares = st.builds(
    lambda right, strike: ((("SPY", 1),), ((occ(right, strike), -1 if right == "C" else 1),)),
    st.sampled_from("CP"), strikes,
)  # fmt: skip


def taken_by_venue(exchange: Exchange, parts: Parts, qty: int, key: str, limit: Decimal) -> None:
    """Send an order as the desk's adapter does."""
    account, sides = exchange.accounts[ALPACA], {1: at_venue.Side.BUY, -1: at_venue.Side.SELL}
    units = Decimal(qty) * (HUNDRED if parts[0][0] == "SPY" else 1)
    several = len(parts) > 1
    request = at_venue.OrderRequest(
        "" if several else parts[0][0],
        None if several else sides[parts[0][1]],
        units,
        at_venue.OrderType.LIMIT,
        at_venue.TimeInForce.DAY,
        client_order_id=key,
        order_class=at_venue.OrderClass.MLEG if several else at_venue.OrderClass.SIMPLE,
        limit=limit,
        legs=[at_venue.LegRequest(symbol, sides[sign], Decimal(1)) for symbol, sign in parts] if several else [],
    )
    try:
        exchange.submit(account, request)
    except at_venue.RefusedError:
        return


def taken_by_wallet(wallet: Wallet, parts: Parts, qty: int, key: str, limit: Decimal) -> None:
    legs = tuple(
        Leg(
            symbol=symbol,
            side=Side.BUY if sign > 0 else Side.SELL,
            multiplier=HUNDRED if is_occ(symbol) else Decimal(1),
        )
        for symbol, sign in parts
    )
    intent = OrderIntent(
        client_order_id=key,
        module=ModuleName.OPTIONS,
        strategy="s",
        purpose=Purpose.ENTRY,
        symbol="SPY" if len(parts) > 1 else parts[0][0],
        legs=legs,
        side=legs[0].side if len(legs) == 1 else Side.BUY,
        qty=Decimal(qty) * (HUNDRED if parts[0][0] == "SPY" else 1),
        order_type=OrderType.LIMIT,
        limit_price=limit,
        decided_at=OPEN,
        valid_until=CLOSE,
        decision_px=limit,
        position_id=key,
    )
    wallet.send(plan(intent, OPEN), OPEN)


def net_at_touch(exchange: Exchange, parts: Parts) -> Decimal:
    prices = []
    for symbol, sign in parts:
        seen = exchange.quote(symbol)
        assert seen is not None
        prices.append((seen.ask if sign > 0 else seen.bid) or Decimal(0))
    if len(parts) == 1:
        return prices[0]
    return sum((sign * price for (_, sign), price in zip(parts, prices, strict=True)), Decimal(0))


def held_at(exchange: Exchange) -> dict[str, Decimal]:
    return {held.symbol: held.qty for held in exchange.accounts[ALPACA].held()}


def held_in(wallet: Wallet) -> dict[str, Decimal]:
    return {symbol: qty for symbol, qty in sorted(held_by_symbol(wallet.book).items()) if qty}


@given(
    orders=st.one_of(singles, verticals, calendars, on_shares),
    qty=st.integers(min_value=1, max_value=3),
    cents=st.integers(min_value=62_500, max_value=65_000),
    spread=st.sampled_from((Decimal("0.02"), Decimal("0.30"))),
    cash=st.sampled_from((300, 2_000, 70_000, 500_000)),
)
def test_orders_and_expiry_move_cash_and_holdings_as_at_the_venue(orders, qty, cents, spread, cash):
    exchange = market(Decimal(cents) / 100, spread, cash)
    wallet = Wallet(Seen(exchange), LocalHouse(), Decimal(cash), BookDoc(module=ModuleName.OPTIONS, updated_at=OPEN))
    for number, parts in enumerate(orders):
        limit = net_at_touch(exchange, parts)
        taken_by_wallet(wallet, parts, qty, f"o{number}", limit)
        taken_by_venue(exchange, parts, qty, f"o{number}", limit)
    account = exchange.accounts[ALPACA]
    assert (wallet.cash, held_in(wallet)) == (account.cash, held_at(exchange))
    assert wallet.equity(OPEN) == exchange.equity(account)
    exchange.advance(CLOSE)
    settle(wallet, Closed(CLOSE, TODAY))
    assert (wallet.cash, held_in(wallet)) == (account.cash, held_at(exchange))
    assert wallet.equity(CLOSE) == exchange.equity(account)


@pytest.mark.parametrize(("close", "kinds"), [("640.01", {"OPEXC"}), ("640.005", {"OPEXP"})])
def test_the_venue_really_settles_what_is_compared(close, kinds):
    exchange = market(Decimal(close), Decimal("0.02"), 500_000)
    taken_by_venue(exchange, ((occ("C", 640), 1),), 1, "o", Decimal(2))
    exchange.advance(CLOSE)
    assert kinds <= {one.type for one in exchange.accounts[ALPACA].activities}
