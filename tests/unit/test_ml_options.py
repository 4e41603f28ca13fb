"""The account of a backtest of options: fills, what it refuses, expiry, exercise, assignment, dividends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.backtest.expiring import settle
from ml.backtest.recorded import Closed, Paid
from ml.backtest.wallet import Wallet
from orchestrator.cli.backtest.chains import LocalHouse
from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.instruments import OptionRight, is_occ, occ_symbol
from orchestrator.domain.orders import Leg, OrderIntent, OrderType, Purpose, Side, plan
from venue.feed import MarketQuote

NOW = datetime(2026, 7, 15, 15, 0, tzinfo=UTC)
CLOSE = datetime(2026, 7, 17, 20, 0, tzinfo=UTC)
EXPIRY = date(2026, 7, 17)
CASH = Decimal(100_000)
C100, C110 = (occ_symbol("SPY", EXPIRY, OptionRight.CALL, Decimal(strike)) for strike in (100, 110))
P90, P100 = (occ_symbol("SPY", EXPIRY, OptionRight.PUT, Decimal(strike)) for strike in (90, 100))
ENDS = Closed(CLOSE, EXPIRY)


@dataclass
class Market:
    """Quotes that a test sets; fulfils what a wallet asks of a recorded market."""

    quotes: dict[str, MarketQuote] = field(default_factory=dict)

    def quote(self, symbol: str, bid: str, ask: str, *, last: str = "0", size: int = 20, at: datetime = NOW) -> None:
        sides = (Decimal(bid) or None, Decimal(ask) or None)
        self.quotes[symbol] = MarketQuote(at, *sides, Decimal(size), Decimal(size), Decimal(last))

    def touch(self, symbol: str, now: datetime) -> MarketQuote | None:
        return self.quotes.get(symbol)


def wallet_of(market: Market, *, cash: Decimal = CASH, cost_times: str = "1") -> Wallet:
    book = BookDoc(module=ModuleName.OPTIONS, updated_at=NOW)
    return Wallet(market, LocalHouse(), cash, book, Decimal(cost_times))


def market_of(prices: Mapping[str, tuple[str, str]], *, spot: str = "105") -> Market:
    market = Market()
    market.quote("SPY", spot, spot, last=spot, size=10_000)
    for symbol, (bid, ask) in prices.items():
        market.quote(symbol, bid, ask)
    return market


def order_of(legs: Mapping[str, int], *, limit: str, qty: int = 1, exits: str = "", key: str = "o1"):
    parts = tuple(
        Leg(symbol=symbol, side=Side.BUY if sign > 0 else Side.SELL, multiplier=Decimal(100 if is_occ(symbol) else 1))
        for symbol, sign in legs.items()
    )
    intent = OrderIntent(
        client_order_id=key,
        module=ModuleName.OPTIONS,
        strategy="s",
        purpose=Purpose.EXIT if exits else Purpose.ENTRY,
        symbol="SPY",
        legs=parts,
        side=parts[0].side if len(parts) == 1 else Side.SELL if exits else Side.BUY,
        qty=Decimal(qty),
        order_type=OrderType.LIMIT,
        limit_price=Decimal(limit),
        decided_at=NOW,
        valid_until=NOW + timedelta(minutes=15),
        decision_px=Decimal(limit),
        position_id=exits or key,
        reason="target: reached" if exits else "",
    )
    return plan(intent, NOW)


SPREAD = {C100: 1, C110: -1}
QUOTES = {C100: ("6.00", "6.20"), C110: ("1.00", "1.10")}


def test_a_structure_is_filled_at_the_touch_of_its_legs():
    wallet = wallet_of(market_of(QUOTES))
    wallet.send(order_of(SPREAD, limit="5.20", qty=2), NOW)
    (held,) = wallet.book.positions.values()
    assert [(leg.qty, leg.avg_px) for leg in held.legs] == [(2, Decimal("6.20")), (-2, Decimal("1.00"))]
    assert held.entry_px == Decimal("5.20")
    assert wallet.cash == CASH - 1040 - Decimal("0.20")
    assert not wallet.book.orders
    assert wallet.equity(NOW) == CASH - Decimal("0.20") - Decimal("30.00")


def test_a_net_beyond_the_limit_waits_and_fills_at_a_better_moment():
    market = market_of(QUOTES)
    wallet = wallet_of(market)
    wallet.send(order_of(SPREAD, limit="5.10"), NOW)
    assert not wallet.book.positions
    assert wallet.book.orders
    market.quote(C100, "5.90", "6.10", at=NOW + timedelta(minutes=5))
    wallet.work(NOW + timedelta(minutes=5))
    assert wallet.book.positions["o1"].entry_px == Decimal("5.10")
    assert not wallet.book.orders


def test_no_more_is_filled_than_the_smallest_touch_shows_until_there_is_a_newer_quote():
    market = market_of(QUOTES)
    market.quote(C110, "1.00", "1.10", size=3)
    wallet = wallet_of(market)
    wallet.send(order_of(SPREAD, limit="5.20", qty=4), NOW)
    wallet.work(NOW)
    assert wallet.book.positions["o1"].units == 3
    market.quote(C110, "1.00", "1.10", size=3, at=NOW + timedelta(minutes=5))
    wallet.work(NOW + timedelta(minutes=5))
    assert wallet.book.positions["o1"].units == 4


def test_nothing_is_filled_when_a_leg_has_no_quote_on_its_side():
    wallet = wallet_of(market_of({C100: ("6.00", "6.20"), C110: ("0", "1.10")}))
    wallet.send(order_of(SPREAD, limit="9"), NOW)
    assert not wallet.book.positions
    assert wallet.cash == CASH


@pytest.mark.parametrize(
    ("legs", "limit", "cash"),
    [({C100: -1}, "6.00", CASH), (SPREAD, "5.20", Decimal(520)), ({P100: -1, P90: 1}, "-3.00", Decimal(500))],
    ids=["a call without shares", "a debit beyond the cash", "a credit whose loss the cash does not cover"],
)
def test_what_the_cash_does_not_cover_is_refused(legs, limit, cash):
    quotes = {**QUOTES, P100: ("3.50", "3.60"), P90: ("0.40", "0.50")}
    wallet = wallet_of(market_of(quotes), cash=cash)
    wallet.send(order_of(legs, limit=limit), NOW)
    assert not wallet.book.positions
    assert not wallet.book.orders


def test_a_round_trip_tells_its_costs_and_doubled_costs_take_twice_as_much():
    ended = []
    for times in ("1", "2", "0"):
        wallet = wallet_of(market_of(QUOTES), cost_times=times)
        wallet.send(order_of(SPREAD, limit="5.20"), NOW)
        wallet.send(order_of({C100: -1, C110: 1}, limit="-4.90", exits="o1", key="o2"), NOW)
        assert wallet.cash == CASH + wallet.ended[0].trade.realized_pnl
        ended.append(wallet.ended[0])
    once, twice, free = ended
    assert once.costs == Decimal("30.20")
    assert (twice.costs, free.costs) == (2 * once.costs, 0)
    assert [one.trade.realized_pnl for one in ended] == [-once.costs, -twice.costs, 0]
    assert once.risk == 520
    assert once.trade.exit_reason == "target: reached"


@pytest.mark.parametrize(
    ("spot", "worth", "what"),
    [("95", "0", "nothing"), ("104", "4", "the shares it bought"), ("120", "10", "its width")],
    ids=["out of the money", "one leg in the money", "both legs in the money"],
)
def test_a_spread_that_expires_is_worth(spot, worth, what):
    market = market_of(QUOTES)
    wallet = wallet_of(market)
    wallet.send(order_of(SPREAD, limit="5.20"), NOW)
    paid = CASH - wallet.cash
    market.quote("SPY", spot, spot, last=spot)
    settle(wallet, ENDS)
    assert wallet.equity(CLOSE) == CASH - paid + Decimal(worth) * 100, what
    assert not any(is_occ(leg.symbol) and leg.qty for held in wallet.book.positions.values() for leg in held.legs)


def test_what_could_not_be_carried_is_sold_at_the_bid_before_it_expires():
    market = market_of({C100: ("5.80", "6.20")}, spot="105")
    wallet = wallet_of(market, cash=Decimal(2_000))
    wallet.send(order_of({C100: 1}, limit="6.20"), NOW)
    before = wallet.cash
    settle(wallet, ENDS)
    assert wallet.cash == before + 580 - Decimal("0.05")
    assert [one.trade.exit_reason for one in wallet.ended] == ["expiry"]
    assert not wallet.book.positions


def test_a_call_on_shares_gives_them_away_at_its_strike():
    market = market_of({C110: ("1.00", "1.10")}, spot="105")
    wallet = wallet_of(market)
    wallet.send(order_of({"SPY": 1}, limit="105", qty=100, key="shares"), NOW)
    wallet.send(order_of({C110: -1}, limit="1.00", key="call"), NOW)
    cash = wallet.cash
    market.quote("SPY", "115", "115", last="115")
    settle(wallet, ENDS)
    assert wallet.cash == cash + 11_000
    assert not wallet.book.positions
    assert sorted(one.trade.realized_pnl for one in wallet.ended) == [
        pytest.approx(Decimal("99.95"), abs=Decimal("0.02")),
        500,
    ]


def test_a_sold_put_in_the_money_delivers_shares_at_its_strike():
    market = market_of({P100: ("3.50", "3.60"), P90: ("0.40", "0.50")})
    wallet = wallet_of(market)
    wallet.send(order_of({P100: -1, P90: 1}, limit="-3.00"), NOW)
    cash = wallet.cash
    market.quote("SPY", "96", "96", last="96")
    settle(wallet, ENDS)
    assert wallet.cash == cash - 10_000
    assert wallet.equity(CLOSE) == cash - 400


def test_orders_end_with_their_session_and_contracts_of_a_later_day_stay():
    market = market_of(QUOTES)
    wallet = wallet_of(market)
    wallet.send(order_of(SPREAD, limit="5.20"), NOW)
    wallet.send(order_of({C100: -1, C110: 1}, limit="-9", exits="o1", key="o2"), NOW)
    assert wallet.book.orders
    settle(wallet, Closed(NOW, EXPIRY - timedelta(days=1)))
    assert not wallet.book.orders
    assert wallet.book.positions["o1"].units == 1


def test_shares_are_paid_their_dividend():
    wallet = wallet_of(market_of({}, spot="105"))
    wallet.send(order_of({"SPY": 1}, limit="105", qty=100), NOW)
    cash = wallet.cash
    settle(wallet, Paid(NOW, "SPY", Decimal("1.234")))
    assert wallet.cash == cash + Decimal("123.40")
    assert wallet.book.income == Decimal("123.40")


CENTS = st.integers(min_value=1, max_value=2_000).map(lambda cents: Decimal(cents) / 100)


@given(
    bid=st.tuples(CENTS, CENTS), widths=st.tuples(CENTS, CENTS), spot=st.integers(min_value=60, max_value=150),
    qty=st.integers(min_value=1, max_value=5),
)  # fmt: skip
def test_money_only_moves_by_profit_and_what_is_held(bid, widths, spot, qty):
    quotes = {
        symbol: (str(low), str(low + width)) for symbol, low, width in zip((C100, C110), bid, widths, strict=True)
    }
    market = market_of(quotes)
    wallet = wallet_of(market)
    wallet.send(order_of(SPREAD, limit="100", qty=qty), NOW)
    assert wallet.equity(NOW) == CASH - wallet.book.fees + sum(
        held.unrealized_pnl for held in (_at_the_middle(wallet, one) for one in wallet.book.positions.values())
    )
    market.quote("SPY", str(spot), str(spot), last=str(spot))
    settle(wallet, ENDS)
    worth = max(min(spot, 110) - 100, 0) * 100 * qty if wallet.book.fees else 0
    paid = (quotes_ask(quotes, C100) - Decimal(quotes[C110][0])) * 100 * qty if wallet.book.fees else 0
    assert wallet.equity(CLOSE) == CASH - wallet.book.fees - paid + worth


def _at_the_middle(wallet: Wallet, held):
    legs = tuple(leg.model_copy(update={"mark_px": wallet.mark(leg.symbol, NOW)}) for leg in held.legs)
    return held.model_copy(update={"legs": legs})


def quotes_ask(quotes: Mapping[str, tuple[str, str]], symbol: str) -> Decimal:
    return Decimal(quotes[symbol][1])
