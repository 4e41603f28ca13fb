"""Corporate actions that a driver asks for: splits, reverse splits, cash dividends, changes of symbol; at once.

As at Alpaca, a reverse split pays fractions of a share in cash, and a reverse split or a change of symbol cancels what
rests in the symbol; a split scales it. Contracts of a renamed stock keep their names.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from venue import settlement
from venue.feed import AssetKind, CorporateAction
from venue.ids import uuid_of
from venue.orders import Order, Refusal, RefusedError, Status
from venue.restated import RestatedFeed

if TYPE_CHECKING:
    from venue.accounts import Account
    from venue.exchange import Exchange

CENT = Decimal("0.01")


def act(exchange: Exchange, symbol: str, *, ratio: Decimal | None, cash: Decimal | None, becomes: str) -> None:
    """Apply one action to every account: new shares per old one, or USD per share, or a new symbol.

    Raises
    ------
    RefusedError
        The symbol is no stock that is listed, the new one is taken, or it is not one action that makes sense.
    """
    asset = exchange.asset(symbol)
    given = [one for one in (ratio, cash, becomes or None) if one is not None]
    sensible = len(given) == 1 and all(value > 0 for value in (ratio, cash) if value is not None)
    if asset is None or asset.kind is not AssetKind.STOCK or not sensible or exchange.asset(becomes) is not None:
        raise RefusedError(
            Refusal.BAD_REQUEST,
            'post {"symbol": a listed stock} and one of "ratio" > 0, "cash" > 0, "becomes" a new name',
        )
    with exchange.lock:
        feed = _restated(exchange)
        if becomes:
            _rename(exchange, feed, symbol, becomes)
            return
        action = CorporateAction(symbol, exchange.today(), ratio=ratio, cash=cash)
        if ratio is not None and ratio < 1:
            _cancel(exchange, symbol, "cancelled by a reverse split")
        if ratio is not None:
            feed.split(action)
        settlement.apply_action(exchange, action)


def _restated(exchange: Exchange) -> RestatedFeed:
    if isinstance(exchange.feed, RestatedFeed):
        return exchange.feed
    restated = RestatedFeed(exchange.feed)
    exchange.feed = restated
    return restated


def _rename(exchange: Exchange, feed: RestatedFeed, old: str, new: str) -> None:
    _cancel(exchange, old, f"cancelled: {old} became {new}")
    feed.rename(old, new)
    exchange.assets = feed.assets()
    for account in exchange.accounts.values():
        _rename_position(exchange, account, old, new)


def _rename_position(exchange: Exchange, account: Account, old: str, new: str) -> None:
    held = account.positions.pop(old, None)
    if held is None or not held.qty:
        return
    held.symbol = new
    account.positions[new] = held
    if old in account.last_prices:
        account.last_prices[new] = account.last_prices.pop(old)
    group, day = uuid_of(account.name, "rename", old, new), exchange.today()
    for symbol, qty in ((old, -held.qty), (new, held.qty)):
        account.enter("NC", exchange.now, day, symbol=symbol, qty=f"{qty:f}", group_id=group,
                      description=f"{old} became {new}")  # fmt: skip


def _cancel(exchange: Exchange, symbol: str, reason: str) -> None:
    resting: list[Order] = [one for account in exchange.accounts.values() for one in account.open.values()]
    for order in resting:
        if order.symbol == symbol:
            exchange.finish(order, Status.CANCELED, reason)
