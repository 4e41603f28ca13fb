"""What a crypto account holds: coins with their prices, cash, equity. It asks for prices, and decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from orchestrator.adapters.ccxt.client import CcxtClient
from orchestrator.adapters.rows import UNREADABLE, fields, maybe_number, number, sort_out
from orchestrator.domain.base import ZERO
from orchestrator.domain.documents import AccountView
from orchestrator.ports import Trouble, TroubleKind

USD = "USD"


@dataclass(frozen=True, slots=True)
class _Balance:
    code: str
    qty: Decimal
    on_hold: Decimal


@dataclass(frozen=True, slots=True)
class Purse:
    """The account's money and coins; None is what cannot be read, and is in `troubles`."""

    cash: Decimal | None
    on_hold: Decimal
    equity: Decimal | None
    positions: dict[str, Decimal]
    prices: dict[str, Decimal]
    least: dict[str, Decimal]
    """Smallest order of each coin with a market."""
    troubles: list[Trouble]

    @classmethod
    def of(cls, client: CcxtClient, balances: Mapping[str, object]) -> Purse:
        """Return what these balances are worth; where one cannot be read or priced, the venue's own sum is the equity.

        Raises
        ------
        BrokerError
            The venue does not answer.
        """
        listed, troubles = _balances(client, balances)
        known = not any(trouble.kind is TroubleKind.ACCOUNT for trouble in troubles)
        cash = listed.pop(USD, _Balance(USD, ZERO, ZERO))
        traded = {f"{one.code}/{USD}": one.qty for one in listed.values() if client.lists(one.code)}
        least = {symbol: _least(client, symbol) for symbol in traded}
        coins = {symbol: qty for symbol, qty in traded.items() if qty > 0}
        prices = client.prices_of([symbol.partition("/")[0] for symbol in coins])
        priced = {symbol: prices[symbol.partition("/")[0]] for symbol in coins if symbol.partition("/")[0] in prices}
        missing = [
            Trouble(TroubleKind.PRICE, symbol, "the venue tells no price of what is held", symbol=symbol)
            for symbol in coins
            if symbol not in priced
        ]
        worth = cash.qty + sum((coins[symbol] * price for symbol, price in priced.items()), ZERO)
        equity: Decimal | None = worth
        if known and (troubles or missing):
            equity, unread = _told_equity(client)
            troubles += unread
        return cls(
            cash=cash.qty if known else None,
            on_hold=cash.on_hold,
            equity=equity,
            positions={symbol: qty for symbol, qty in coins.items() if qty >= least[symbol]},
            prices=priced,
            least=least,
            troubles=[*troubles, *missing],
        )

    def account(self, venue: str, now: datetime) -> AccountView | None:
        """Return the account's money in USD, None when it cannot be read."""
        if self.cash is None or self.equity is None:
            return None
        return AccountView(
            venue=venue, cash=self.cash, equity=self.equity, buying_power=self.cash - self.on_hold, as_of=now
        )


def _balances(client: CcxtClient, balances: Mapping[str, object]) -> tuple[dict[str, _Balance], list[Trouble]]:
    """Return balances by plain currency code; a coin may be in trouble, or USD and with it the account."""
    code_of = client.exchange.safe_currency_code

    def read(item: tuple[str, object]) -> _Balance:
        row = fields(item[1])
        code = code_of(item[0])
        least = None if code == USD else ZERO
        on_hold = maybe_number(row, "hold_trade", least=ZERO)
        return _Balance(code, number(row, "balance", least=least), on_hold or ZERO)

    good, bad = sort_out(
        TroubleKind.POSITION,
        balances.items(),
        read,
        subject=lambda item: f"{code_of(item[0])}/{USD}",
        symbol=lambda item: f"{code_of(item[0])}/{USD}",
    )
    cash = f"{USD}/{USD}"
    money = [Trouble(TroubleKind.ACCOUNT, client.name, one.reason, one.raw) for one in bad if one.subject == cash]
    return {one.code: one for one in good}, [*money, *(one for one in bad if one.subject != cash)]


def _least(client: CcxtClient, symbol: str) -> Decimal:
    """Return the least order of a coin, below which it is dust; 0 where the venue does not say it readably."""
    try:
        return client.grid(symbol).min_qty
    except UNREADABLE:
        return ZERO


def _told_equity(client: CcxtClient) -> tuple[Decimal | None, list[Trouble]]:
    """Return the equity that Kraken itself works out, in USD, or the trouble that it cannot be read."""
    told = client.read("TradeBalance", lambda exchange: exchange.privatePostTradeBalance({"asset": "ZUSD"})["result"])
    good, bad = sort_out(
        TroubleKind.ACCOUNT, [told], lambda row: number(fields(row), "eb"), subject=lambda _: client.name
    )
    return next(iter(good), None), bad
