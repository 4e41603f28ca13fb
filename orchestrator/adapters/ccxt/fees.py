"""What an execution cost, in USD, in whatever currency the venue took it. Pure arithmetic, no calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from orchestrator.adapters.rows import fields, maybe_word, number
from orchestrator.domain.base import ZERO
from orchestrator.domain.errors import MissingDataError
from orchestrator.domain.orders import Fill

USD = "USD"


@dataclass(frozen=True, slots=True)
class Charge:
    """A fee as the venue took it: a positive cost, a negative rebate, in `currency`."""

    cost: Decimal
    currency: str


def charge_of(fee: object, *, otherwise: str) -> Charge:
    """Return a fee in ccxt's unified form: `cost` and `currency`.

    ccxt itself turns the venue's text into a float; its shortest decimal form is that text for up to 15 digits.

    Parameters
    ----------
    otherwise
        The currency where the fee names none.

    Raises
    ------
    MalformedDataError
        The cost is no number: a fee that is not told is not a fee of nothing.
    """
    told = fields(fee)
    return Charge(number(told, "cost"), maybe_word(told, "currency") or otherwise)


def charged(fill: Fill, charge: Charge, *, quote: str, usd: Mapping[str, Decimal]) -> Fill:
    """Return a fill with its fee.

    A fee in the traded coin changes the holding and is worth `cost` at the fill's price. One in the quote currency
    counts as the prices do, as USD. Any other is converted.

    Parameters
    ----------
    usd
        USD per unit of other currencies, as the venue tells them.

    Raises
    ------
    MissingDataError
        The venue has no price for the currency.
    """
    base = fill.symbol.partition("/")[0]
    told = {"fee_currency": charge.currency, "fee_paid": None if charge.currency == USD else charge.cost}
    if charge.currency == base:
        told |= {"fee": charge.cost * fill.price, "fee_base_qty": charge.cost}
    elif charge.currency in {USD, quote}:
        told |= {"fee": charge.cost}
    elif not charge.cost:
        told |= {"fee": ZERO}
    elif charge.currency in usd:
        told |= {"fee": charge.cost * usd[charge.currency]}
    else:
        raise MissingDataError(f"{charge.cost} {charge.currency} cannot be put in USD: the venue has no price of it")
    return fill.model_copy(update=told)


def unconverted(fill: Fill, charge: Charge) -> Fill:
    """Return a fill whose fee has no worth in USD yet: what was charged is kept beside a fee of 0."""
    return fill.model_copy(update={"fee": ZERO, "fee_currency": charge.currency, "fee_paid": charge.cost})
