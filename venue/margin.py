"""Says how much cash a set of option positions ties up: the worst loss at expiry, shares counted as cover.

One rule for covered calls, cash-secured puts and spreads alike. It refuses to put a number on a loss without
bound: a short call that neither shares nor a long call covers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal

from venue.occ import MULTIPLIER, Contract

Held = tuple[Contract, Decimal]


def requirement(options: Iterable[Held], shares: Mapping[str, Decimal]) -> Decimal | None:
    """Return the cash in USD that the short options need, or None if a loss is unbounded.

    Parameters
    ----------
    options
        Contracts with signed quantities.
    shares
        Shares held, by underlying; they cover short calls.
    """
    groups: dict[str, list[Held]] = defaultdict(list)
    for contract, qty in options:
        groups[contract.underlying].append((contract, qty))
    total = Decimal(0)
    for underlying, legs in groups.items():
        loss = _worst_over_expiries(legs, shares.get(underlying, Decimal(0)))
        if loss is None:
            return None
        total += loss
    return total


def _worst_over_expiries(legs: list[Held], shares: Decimal) -> Decimal | None:
    """Long contracts protect a short one only if they live at least as long."""
    worst = Decimal(0)
    for expiry in {contract.expiry for contract, qty in legs if qty < 0}:
        alive = [(contract, qty) for contract, qty in legs if contract.expiry >= expiry]
        loss = _worst_loss(alive, shares)
        if loss is None:
            return None
        worst = max(worst, loss)
    return worst


def _worst_loss(legs: list[Held], shares: Decimal) -> Decimal | None:
    slope = shares + MULTIPLIER * sum(qty for contract, qty in legs if contract.right == "C")
    if slope < 0:
        return None
    prices = {Decimal(0)} | {contract.strike for contract, _ in legs}
    return max(Decimal(0), -min(_payoff(legs, shares, price) for price in prices))


def _payoff(legs: list[Held], shares: Decimal, price: Decimal) -> Decimal:
    return shares * price + MULTIPLIER * sum(
        (qty * contract.intrinsic(price) for contract, qty in legs),
        Decimal(0),
    )
