"""Which pairs Kraken does not trade now: it tells the state of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from orchestrator.adapters.ccxt.client import CcxtClient
from orchestrator.adapters.rows import fields
from orchestrator.domain.errors import BrokerError

GOOD_FOR = timedelta(minutes=5)
TRADED = frozenset({"online", "limit_only"})
"""States of a pair in which an immediate limit order is taken; others are cancel_only, post_only and reduce_only."""


class PairStates:
    """States of pairs as last told; the first come with the list of markets, which is read anyway.

    Parameters
    ----------
    client
        Kraken, or a venue that speaks as it does.
    """

    def __init__(self, client: CcxtClient) -> None:
        self._client = client
        self._told: Mapping[str, str] = {}
        self._asked: datetime | None = None

    def halted(self, symbols: Sequence[str], now: datetime) -> frozenset[str]:
        """Return the pairs that are not traded; one whose state cannot be had counts among them."""
        try:
            names = {symbol: str(self._client.market(symbol)["id"]) for symbol in symbols if self._lists(symbol)}
            if names and not (self._good_at(now) and self._told.keys() >= set(names.values())):
                self._told, self._asked = self._ask(list(names.values())), now
        except BrokerError:
            return frozenset(symbols)
        return frozenset(symbol for symbol in symbols if self._told.get(names.get(symbol, "")) not in TRADED)

    def _lists(self, symbol: str) -> bool:
        return self._client.lists(symbol.partition("/")[0])

    def _good_at(self, now: datetime) -> bool:
        return self._asked is not None and timedelta(0) <= now - self._asked < GOOD_FOR

    def _ask(self, names: Sequence[str]) -> Mapping[str, str]:
        if self._asked is None:
            return {str(market["id"]): _state(market["info"]) for market in self._client.markets().values()}
        asked = {"pair": ",".join(names)}
        told = self._client.read("AssetPairs", lambda exchange: fields(exchange.publicGetAssetPairs(asked)["result"]))
        return {name: _state(row) for name, row in told.items()}


def _state(row: object) -> str:
    return str(row.get("status", "")) if isinstance(row, dict) else ""
