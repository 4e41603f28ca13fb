"""Reads and writes OCC option symbols such as `SPY260821C00640000`. Knows no prices."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

MULTIPLIER = 100
_FORM = re.compile(r"^([A-Z.]{1,6}\d?)(\d{2})(\d{2})(\d{2})([CP])(\d{8})$")


@dataclass(frozen=True, slots=True)
class Contract:
    """Terms of a listed option; `right` is C or P, `strike` is in USD per share."""

    symbol: str
    underlying: str
    expiry: date
    right: str
    strike: Decimal

    def intrinsic(self, price: Decimal) -> Decimal:
        """Return what exercise is worth per share at that price of the underlying, never negative."""
        gain = price - self.strike if self.right == "C" else self.strike - price
        return max(gain, Decimal(0))


@lru_cache(maxsize=65536)
def parse(symbol: str) -> Contract | None:
    """Return the terms a symbol spells, or None if it is not an OCC symbol.

    Examples
    --------
    >>> parse("SPY260821C00640000").strike
    Decimal('640')
    """
    match = _FORM.match(symbol)
    if match is None:
        return None
    root, year, month, day, right, strike = match.groups()
    try:
        expiry = date(2000 + int(year), int(month), int(day))
    except ValueError:
        return None
    return Contract(symbol, root, expiry, right, (Decimal(strike) / 1000).normalize() + Decimal(0))


def spell(underlying: str, expiry: date, right: str, strike: Decimal) -> str:
    """Return the OCC symbol of a contract; the strike is rounded to a tenth of a cent."""
    return f"{underlying}{expiry:%y%m%d}{right}{int((strike * 1000).to_integral_value()):08d}"
