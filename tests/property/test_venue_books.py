"""Whatever is ordered, cancelled and quoted: money and quantities are conserved."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from venue.exchange import Exchange
from venue.feed import AssetKind, ContractQuote, MarketBar
from venue.margin import requirement
from venue.occ import spell
from venue.orders import (
    ExitRequest,
    LegRequest,
    OrderClass,
    OrderRequest,
    OrderType,
    RefusedError,
    Side,
    Status,
    TimeInForce,
)
from venue.scripted import ScriptedFeed, chain, pair, quote, stock

T0 = datetime(2026, 7, 16, 13, 30, tzinfo=UTC)
EXPIRY = date(2026, 7, 17)
STEP = timedelta(minutes=7)
CENT = Decimal("0.01")
SYMBOLS = {"alpaca": "SPY", "kraken": "ETH/USD"}
CONTRACTS = [spell("SPY", EXPIRY, right, Decimal(strike)) for right in "CP" for strike in (95, 100, 105)]

prices = st.integers(8000, 12000).map(lambda cents: Decimal(cents) / 100)
quantities = st.integers(1, 400).map(Decimal)
sides = st.sampled_from(list(Side))
tifs = st.sampled_from([TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK])
kinds = st.sampled_from([OrderType.MARKET, OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT])


class Books(RuleBasedStateMachine):
    """Orders of every kind against a market that jumps about."""

    def __init__(self) -> None:
        super().__init__()
        listed = {"SPY": stock("SPY"), "ETH/USD": pair("ETH/USD", "0.01", "0.00000001", "0.001")}
        self.feed = ScriptedFeed(T0, listed)
        self.exchange = Exchange(self.feed)
        self.say(Decimal(100), 50)

    def say(self, price: Decimal, size: int) -> None:
        now = self.feed.now
        for symbol in SYMBOLS.values():
            self.feed.say(symbol, quote(now, str(price - CENT), str(price + CENT), size=str(size), last=str(price)))
        quotes = []
        for symbol in CONTRACTS:
            right, strike = symbol[9], Decimal(int(symbol[10:])) / 1000
            value = max(price - strike if right == "C" else strike - price, Decimal(0)) + 1
            quotes.append(
                ContractQuote(
                    symbol, EXPIRY, right, strike, value, value + CENT, Decimal(size), Decimal(size), value, 1, 1
                )
            )
        self.feed.chains.setdefault("SPY", []).append(chain(now, "SPY", str(price), quotes))

    def submit(self, name: str, request: OrderRequest) -> None:
        try:
            self.exchange.submit(self.exchange.accounts[name], request)
        except RefusedError:
            return

    @rule(
        name=st.sampled_from(list(SYMBOLS)), side=sides, qty=quantities, kind=kinds, tif=tifs, limit=prices, stop=prices
    )
    def simple(
        self,
        name: str,
        side: Side,
        qty: Decimal,
        kind: OrderType,
        tif: TimeInForce,
        limit: Decimal,
        stop: Decimal,
    ) -> None:
        self.submit(name, OrderRequest(SYMBOLS[name], side, qty, kind, tif, limit=limit, stop=stop))

    @rule(qty=quantities, stop=prices, profit=prices, tif=tifs)
    def bracket(self, qty: Decimal, stop: Decimal, profit: Decimal, tif: TimeInForce) -> None:
        exits: dict[str, Any] = {"take_profit": ExitRequest(limit=profit), "stop_loss": ExitRequest(stop=stop)}
        self.submit(
            "alpaca",
            OrderRequest("SPY", Side.BUY, qty, OrderType.MARKET, tif, order_class=OrderClass.BRACKET, **exits),
        )

    @rule(side=sides, qty=st.integers(1, 5).map(Decimal), symbol=st.sampled_from(CONTRACTS))
    def option(self, side: Side, qty: Decimal, symbol: str) -> None:
        self.submit("alpaca", OrderRequest(symbol, side, qty, OrderType.MARKET, TimeInForce.DAY))

    @rule(
        legs=st.lists(
            st.tuples(st.sampled_from(CONTRACTS), sides, st.integers(1, 2)),
            min_size=2,
            max_size=4,
            unique_by=lambda leg: leg[0],
        ),
        qty=st.integers(1, 60).map(Decimal),
        limit=st.integers(-500, 500).map(lambda cents: Decimal(cents) / 100),
    )
    def package(self, legs: list[tuple[str, Side, int]], qty: Decimal, limit: Decimal) -> None:
        wanted = [LegRequest(symbol, side, Decimal(ratio)) for symbol, side, ratio in legs]
        self.submit(
            "alpaca",
            OrderRequest(
                "", None, qty, OrderType.LIMIT, TimeInForce.DAY, order_class=OrderClass.MLEG, limit=limit, legs=wanted
            ),
        )

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        working = [o for a in self.exchange.accounts.values() for o in a.open.values()]
        if working:
            self.exchange.cancel(data.draw(st.sampled_from(working)))

    @rule(price=prices, size=st.integers(1, 300), steps=st.integers(1, 60))
    def move(self, price: Decimal, size: int, steps: int) -> None:
        start, end = self.feed.now, self.feed.now + steps * STEP
        before = self.feed.quotes["SPY"][-1].last
        high, low = max(before, price) + 1, min(before, price) - 1
        for symbol in SYMBOLS.values():
            self.feed.play(symbol, 7, MarketBar(start, end, before, high, low, price, Decimal(1000)))
        self.exchange.advance(end)
        self.say(price, size)

    @invariant()
    def cash_is_explained_by_fills_and_activities(self) -> None:
        for account in self.exchange.accounts.values():
            moved = sum((-f.side.sign * f.qty * f.price * f.multiplier - f.fee for f in account.fills), Decimal(0))
            entries = [a for a in account.activities if a.type not in {"FILL", "FEE"}]
            moved += sum((Decimal(a.fields["net_amount"]) for a in entries), Decimal(0))
            assert account.cash == account.spec.cash + moved

    @invariant()
    def positions_are_what_fills_and_settlement_left(self) -> None:
        for account in self.exchange.accounts.values():
            qty: dict[str, Decimal] = defaultdict(Decimal)
            for fill in account.fills:
                qty[fill.symbol] += fill.side.sign * fill.qty
            for entry in account.activities:
                if entry.type in {"OPEXP", "OPEXC", "OPASN", "OPTRD"}:
                    qty[entry.fields["symbol"]] += Decimal(entry.fields["qty"])
            assert {s: q for s, q in qty.items() if q} == {p.symbol: p.qty for p in account.held()}

    @invariant()
    def realised_profit_and_open_cost_add_up_to_the_cash_that_moved(self) -> None:
        for account in self.exchange.accounts.values():
            realized = sum((p.realized for p in account.positions.values()), Decimal(0))
            cost = sum((p.cost for p in account.held()), Decimal(0))
            fees = sum((f.fee for f in account.fills), Decimal(0))
            assert abs(account.cash - (account.spec.cash + realized - cost - fees)) < Decimal("0.000001")

    @invariant()
    def nothing_fills_above_what_was_ordered(self) -> None:
        for order in self.exchange.orders.values():
            assert Decimal(0) <= order.filled_qty <= order.qty
            if not order.is_mleg:
                assert order.filled_qty == sum((f.qty for f in order.fills), Decimal(0))
            assert (order.status is Status.FILLED) == (order.filled_qty == order.qty)

    @invariant()
    def exits_never_sell_more_than_their_entry_bought(self) -> None:
        for order in self.exchange.orders.values():
            if order.order_class is OrderClass.BRACKET and order.parent is None:
                assert sum((leg.filled_qty for leg in order.legs), Decimal(0)) <= order.filled_qty
                assert [leg.status for leg in order.legs].count(Status.FILLED) <= 1

    @invariant()
    def legs_of_a_package_fill_in_ratio_or_not_at_all(self) -> None:
        for order in self.exchange.orders.values():
            if order.is_mleg:
                assert {leg.filled_qty / leg.ratio for leg in order.legs} == {order.filled_qty}

    @invariant()
    def no_stock_or_coin_is_short_and_no_call_is_naked(self) -> None:
        for account in self.exchange.accounts.values():
            assert all(p.qty > 0 for p in account.held() if p.kind is not AssetKind.OPTION)
            assert requirement(account.options(), account.shares()) is not None

    @invariant()
    def finished_orders_hold_nothing(self) -> None:
        for account in self.exchange.accounts.values():
            assert all(order.is_open for order in account.open.values())
            if not account.open:
                assert account.reserved() == 0
            assert all(account.held_for_orders(p.symbol) <= abs(p.qty) for p in account.held())

    @invariant()
    def trade_ids_are_unique(self) -> None:
        ids = [f.trade_id for a in self.exchange.accounts.values() for f in a.fills]
        assert len(ids) == len(set(ids))


TestBooks = Books.TestCase
TestBooks.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking a machine of orders takes minutes
)
