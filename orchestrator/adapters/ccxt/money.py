"""What a crypto account holds: coins with their prices, cash, equity. It asks for prices, and decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from orchestrator.adapters.ccxt.client import CcxtClient
from orchestrator.adapters.rows import UNREADABLE, fields, maybe_number, number, shortened, sort_out
from orchestrator.domain.base import ZERO
from orchestrator.domain.documents import AccountView
from orchestrator.domain.errors import BrokerError, MalformedDataError
from orchestrator.ports import Trouble, TroubleKind

USD = "USD"


@dataclass(frozen=True, slots=True)
class _Balance:
    code: str
    qty: Decimal
    on_hold: Decimal


@dataclass(frozen=True, slots=True)
class Purse:
    """The account's money and coins."""

    cash: Decimal
    on_hold: Decimal
    equity: Decimal
    positions: dict[str, Decimal]
    prices: dict[str, Decimal]
    troubles: list[Trouble]

    @classmethod
    def of(cls, client: CcxtClient, balances: Mapping[str, object]) -> Purse:
        """Return what these balances are worth; where one cannot be read or priced, the venue's own sum is the equity.

        Raises
        ------
        BrokerError
            Cash, or the equity by either way, cannot be told.
        """
        listed, troubles = _balances(client, balances)
        cash = listed.pop(USD, _Balance(USD, ZERO, ZERO))
        coins = {f"{one.code}/{USD}": one.qty for one in listed.values() if one.qty > 0 and client.lists(one.code)}
        prices = client.prices_of([symbol.partition("/")[0] for symbol in coins])
        priced = {symbol: prices[symbol.partition("/")[0]] for symbol in coins if symbol.partition("/")[0] in prices}
        missing = [
            Trouble(TroubleKind.PRICE, symbol, "the venue tells no price of what is held", symbol=symbol)
            for symbol in coins
            if symbol not in priced
        ]
        worth = cash.qty + sum((coins[symbol] * price for symbol, price in priced.items()), ZERO)
        return cls(
            cash=cash.qty,
            on_hold=cash.on_hold,
            equity=_told_equity(client) if troubles or missing else worth,
            positions={symbol: qty for symbol, qty in coins.items() if qty >= _least(client, symbol)},
            prices=priced,
            troubles=[*troubles, *missing],
        )

    def account(self, venue: str, now: datetime) -> AccountView:
        """Return the account's money in USD."""
        return AccountView(
            venue=venue, cash=self.cash, equity=self.equity, buying_power=self.cash - self.on_hold, as_of=now
        )


def _balances(client: CcxtClient, balances: Mapping[str, object]) -> tuple[dict[str, _Balance], list[Trouble]]:
    """Return balances by plain currency code; USD must be readable, a coin may be in trouble.

    Raises
    ------
    MalformedDataError
        The USD balance cannot be read.
    """
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
    if any(trouble.subject == f"{USD}/{USD}" for trouble in bad):
        raise MalformedDataError(f"the USD balance cannot be read: {shortened(dict(balances))[:300]}")
    return {one.code: one for one in good}, bad


def _least(client: CcxtClient, symbol: str) -> Decimal:
    """Return the least order of a coin, below which it is dust; 0 where the venue does not say it readably."""
    try:
        return client.grid(symbol).min_qty
    except UNREADABLE:
        return ZERO


def _told_equity(client: CcxtClient) -> Decimal:
    """Return the equity that Kraken itself works out, in USD."""
    told = client.read("TradeBalance", lambda exchange: exchange.privatePostTradeBalance({"asset": "ZUSD"})["result"])
    try:
        return number(fields(told), "eb")
    except MalformedDataError as error:
        raise BrokerError(f"{client.name}: neither prices nor the account tell the equity ({error})") from error
