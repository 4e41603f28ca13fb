"""Orders against recorded weeks: the exchange over the replay, and over the made-up market."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from venue.accounts import Account
from venue.exchange import Exchange
from venue.feed import AssetKind, Chain, ContractQuote, Feed, Moment
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
from venue.replay import ReplayFeed
from venue.synthetic import SyntheticFeed

CENT = Decimal("0.01")


def submit(exchange: Exchange, name: str, request: OrderRequest) -> None:
    try:
        exchange.submit(exchange.accounts[name], request)
    except RefusedError:
        return


def trade_stocks(exchange: Exchange, number: int) -> None:
    """Hold a bracket in SPY at all times."""
    quote, account = exchange.quote("SPY"), exchange.accounts["alpaca"]
    if quote is None or quote.ask is None or account.qty("SPY") or account.open:
        return
    take, stop = ((quote.ask * factor).quantize(CENT) for factor in (Decimal("1.01"), Decimal("0.99")))
    submit(
        exchange,
        "alpaca",
        OrderRequest(
            "SPY", Side.BUY, Decimal(10), OrderType.MARKET, TimeInForce.GTC, client_order_id=f"s{number}",
            order_class=OrderClass.BRACKET, take_profit=ExitRequest(limit=take), stop_loss=ExitRequest(stop=stop),
        ),
    )  # fmt: skip


def trade_options(exchange: Exchange, number: int) -> None:
    """Sell a put spread of the next expiry whenever none is held, and let it expire."""
    chain = exchange.feed.chain("SPY")
    if chain is None or exchange.accounts["alpaca"].options():
        return
    legs = put_spread(chain, exchange.today())
    if legs:
        request = OrderRequest(
            "", None, Decimal(2), OrderType.LIMIT, TimeInForce.DAY, client_order_id=f"o{number}",
            order_class=OrderClass.MLEG, limit=Decimal(0), legs=legs,
        )  # fmt: skip
        submit(exchange, "alpaca", request)


def put_spread(chain: Chain, today: date) -> list[LegRequest]:
    """Return the two strikes nearest below the money that have bids, of the first expiry after today."""
    puts = [c for c in chain.contracts.values() if c.right == "P" and c.expiry > today and c.bid and c.ask]
    first = min((c.expiry for c in puts), default=None)

    def below(one: ContractQuote) -> bool:
        return one.expiry == first and one.strike < chain.underlying_price

    two = sorted(filter(below, puts), key=lambda c: -c.strike)[:2]
    sides = (Side.SELL, Side.BUY)
    return (
        [LegRequest(c.symbol, side, Decimal(1)) for c, side in zip(two, sides, strict=False)] if len(two) == 2 else []
    )


def trade_crypto(exchange: Exchange, number: int) -> None:
    """Buy and sell BTC in turn."""
    held = exchange.accounts["kraken"].qty("BTC/USD")
    side = Side.SELL if held else Side.BUY
    request = OrderRequest(
        "BTC/USD", side, held or Decimal("0.05"), OrderType.MARKET, TimeInForce.GTC, client_order_id=f"c{number}"
    )
    submit(exchange, "kraken", request)


TRADERS: dict[AssetKind, Callable[[Exchange, int], None]] = {
    AssetKind.STOCK: trade_stocks,
    AssetKind.OPTION: trade_options,
    AssetKind.CRYPTO: trade_crypto,
}


def play(feed: Feed, moments: list[Moment]) -> Exchange:
    exchange = Exchange(feed)
    for number, moment in enumerate(moments):
        exchange.advance(moment.time)
        for kind in sorted(moment.kinds):
            TRADERS[kind](exchange, number)
    exchange.advance(moments[-1].time + timedelta(days=1))
    return exchange


def assert_books_balance(account: Account) -> None:
    moved = sum((f.cash for f in account.fills), Decimal(0))
    entries = [a for a in account.activities if a.type not in {"FILL", "FEE"}]
    moved += sum((Decimal(a.fields["net_amount"]) for a in entries), Decimal(0))
    assert account.cash == account.spec.cash + moved
    realized = sum((p.realized for p in account.positions.values()), Decimal(0))
    dividends = sum((Decimal(a.fields["net_amount"]) for a in entries if a.type == "DIV"), Decimal(0))
    fees = sum((f.fee for f in account.fills), Decimal(0))
    cost = sum((p.cost for p in account.held()), Decimal(0))
    assert abs(account.cash - (account.spec.cash + realized + dividends - fees - cost)) < CENT


def facts(exchange: Exchange) -> list[object]:
    return [(f.trade_id, f.symbol, f.qty, f.price, f.ts) for a in exchange.accounts.values() for f in a.fills]


def test_five_recorded_weeks_trade_settle_and_repeat_exactly(data_root: Path) -> None:
    universe = {AssetKind.STOCK: ("SPY",), AssetKind.OPTION: ("SPY",), AssetKind.CRYPTO: ("BTC/USD",)}

    def weeks() -> Exchange:
        feed = ReplayFeed(data_root, date(2026, 7, 16), date(2026, 8, 21), universe)
        return play(feed, feed.schedule(feed.now, feed.end))

    exchange = weeks()
    alpaca, kraken = exchange.accounts["alpaca"], exchange.accounts["kraken"]
    for account in (alpaca, kraken):
        assert_books_balance(account)
    kinds = {a.type for a in alpaca.activities}
    assert {"FILL", "FEE", "OPEXP"} <= kinds
    others = [o for o in alpaca.orders.values() if o.order_class not in {OrderClass.BRACKET, OrderClass.MLEG}]
    assert others  # two spreads settle between their strikes, and the account could not pay for the shares
    assert all(order.client_order_id.startswith("venue-liquidation-") for order in others)
    assert alpaca.cash > 0
    brackets = [o for o in alpaca.orders.values() if o.order_class is OrderClass.BRACKET]
    assert sum(leg.status is Status.FILLED for o in brackets for leg in o.legs) > 5
    assert len(kraken.fills) > 50
    assert facts(weeks()) == facts(exchange)


def test_synthetic_market_trades_every_class(data_root: Path) -> None:
    universe = {AssetKind.STOCK: ("SPY",), AssetKind.OPTION: ("SPY",), AssetKind.CRYPTO: ("BTC/USD",)}
    feed = SyntheticFeed(3, datetime(2026, 7, 16, 14, 0, tzinfo=UTC), universe)
    moments = feed.schedule(feed.now, feed.now + timedelta(hours=1))
    exchange = play(feed, moments)
    for account in exchange.accounts.values():
        assert_books_balance(account)
        assert account.fills
