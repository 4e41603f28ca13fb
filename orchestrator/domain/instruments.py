"""What can be traded: symbols with their grid of prices and quantities."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

from orchestrator.domain.base import Amount, Value
from orchestrator.domain.errors import MalformedDataError

_OCC = re.compile(r"^([A-Z.]{1,6})(\d{2})(\d{2})(\d{2})([CP])(\d{8})$")


class AssetClass(StrEnum):
    """Class of an instrument."""

    EQUITY = "equity"
    OPTION = "option"
    CRYPTO = "crypto"


class OptionRight(StrEnum):
    """Call or put, as in OCC symbols."""

    CALL = "C"
    PUT = "P"


class Instrument(Value):
    """One tradable symbol and its grid; `multiplier` is the units of underlying per contract."""

    symbol: str
    asset_class: AssetClass
    tick_size: Amount = Decimal("0.01")
    lot_size: Amount = Decimal(1)
    min_qty: Amount = Decimal(1)
    multiplier: Amount = Decimal(1)
    leverage: Amount = Decimal(1)


class Contract(Value):
    """The terms of a listed option, as its OCC symbol tells them."""

    symbol: str
    underlying: str
    expiry: date
    right: OptionRight
    strike: Amount


@lru_cache(maxsize=8192)
def is_occ(symbol: str) -> bool:
    """Return whether a symbol is that of a listed option."""
    return _OCC.match(symbol) is not None


def parse_occ(symbol: str) -> Contract:
    """Read an OCC symbol such as `AAPL260821C00230000`.

    Raises
    ------
    MalformedDataError
        The text is not an OCC symbol.
    """
    match = _OCC.match(symbol)
    if match is None:
        raise MalformedDataError(f"{symbol!r} is not an OCC option symbol such as AAPL260821C00230000")
    root, year, month, day, right, strike = match.groups()
    return Contract(
        symbol=symbol,
        underlying=root,
        expiry=date(2000 + int(year), int(month), int(day)),
        right=OptionRight(right),
        strike=Decimal(strike) / 1000,
    )


def occ_symbol(underlying: str, expiry: date, right: OptionRight, strike: Decimal) -> str:
    """Return the OCC symbol of a contract."""
    return f"{underlying}{expiry:%y%m%d}{right.value}{int(strike * 1000):08d}"
