"""Alpaca's quotes and option chains in the desk's words. No calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

from orchestrator.adapters.alpaca.client import Raw, decimal, moment
from orchestrator.adapters.rows import LARGEST, UNREADABLE
from orchestrator.adapters.series import AHEAD
from orchestrator.domain.errors import MalformedDataError
from orchestrator.domain.instruments import Contract, parse_occ
from orchestrator.domain.market import OptionChain, OptionQuote, Quote

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""Age of a contract that nobody ever quoted: as stale as can be."""


def quote_of(symbol: str, raw: Raw) -> Quote:
    """Return a quote; a price of zero is a side that is not there."""
    return Quote(
        symbol=symbol,
        ts=moment(str(raw["t"])),
        bid=_side(raw.get("bp")),
        ask=_side(raw.get("ap")),
        bid_size=_size(raw.get("bs")),
        ask_size=_size(raw.get("as")),
    )


def _side(price: object) -> Decimal | None:
    found = _size(price)
    return found or None


@lru_cache(maxsize=65_536, typed=True)
def _size(value: object) -> Decimal:
    """Return a number that is not negative; nothing is zero. A chain has few different ones."""
    found = decimal(value)
    if not 0 <= found < LARGEST:
        raise MalformedDataError(f"{found} is no price or size")
    return found


def chain_of(underlying: str, spot: Decimal, snapshots: Mapping[str, Raw], now: datetime) -> OptionChain | None:
    """Return a chain, or None if none of its contracts was ever quoted.

    Left out are symbols that are not OCC, contracts that cannot be read, and quotes of a time that has not come yet.
    """
    contracts = tuple(one for one in _contracts(snapshots) if one.ts <= now + AHEAD)
    newest = max((contract.ts for contract in contracts), default=NEVER)
    if newest == NEVER:
        return None
    return OptionChain(underlying=underlying, ts=newest, spot=spot, contracts=contracts)


def _contracts(snapshots: Mapping[str, Raw]) -> Iterable[OptionQuote]:
    for symbol, raw in sorted(snapshots.items()):
        try:
            yield _contract(symbol, raw)
        except UNREADABLE:  # an adjusted contract (AAPL1...), not traded by this desk, or a row that makes no sense
            continue


@lru_cache(maxsize=32_768)
def _terms(symbol: str) -> Contract:
    """Return the terms of a contract; the same thousands of symbols come back every cycle."""
    return parse_occ(symbol)


def _contract(symbol: str, raw: Raw) -> OptionQuote:
    terms = _terms(symbol)
    quote, greeks = raw.get("latestQuote") or {}, raw.get("greeks") or {}
    return OptionQuote(
        symbol=symbol,
        expiry=terms.expiry,
        right=terms.right,
        strike=terms.strike,
        ts=moment(str(quote["t"])) if quote else NEVER,
        bid=_side(quote.get("bp")),
        ask=_side(quote.get("ap")),
        bid_size=_size(quote.get("bs")),
        ask_size=_size(quote.get("as")),
        iv=raw.get("impliedVolatility"),
        delta=greeks.get("delta"),
        gamma=greeks.get("gamma"),
        theta=greeks.get("theta"),
        vega=greeks.get("vega"),
        rho=greeks.get("rho"),
    )
