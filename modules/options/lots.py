"""Keeps shares and the contracts on them together: covered calls and protective puts.

The venue has no order that joins shares and options, so a pair is made and unmade in steps, and the steps are ordered
so that no call is ever sold without its shares: shares first, then the contract; the call is bought back first, then
the shares are sold. Only shares that this module bought for the purpose count; what other modules hold is not touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from modules.options.exits import Situation, due
from modules.options.holdings import Pair
from modules.options.regime import Regime, Trend, VolRegime
from orchestrator.domain.base import ZERO
from orchestrator.domain.opportunities import ExitReason
from orchestrator.domain.positions import Position


def wants_contract(pair: Pair, regime: Regime) -> bool:
    """Return whether lots without a contract should get one now: a put always, a call while it is worth selling."""
    if pair.strategy == "protective_put":
        return True
    return regime.trend is not Trend.DOWN and regime.volatility is not VolRegime.CHEAP


def missing(pair: Pair, *, leaving: set[str]) -> Decimal:
    """Return how many contracts the lots lack; none while anything of the pair is being left."""
    if any(position.id in leaving for position in (*pair.shares, *pair.contracts)):
        return ZERO
    return max(pair.lots - pair.covered, ZERO)


def pair_exits(pair: Pair, situations: Mapping[str, Situation]) -> dict[str, str]:
    """Return which positions of a pair must be left now, by id, with the reason.

    Parameters
    ----------
    situations
        By position id; a position without one (nothing known of its market) is not left.
    """
    contracts = {p.id: why for p in pair.contracts if (why := _contract_exit(pair, p, situations)) is not None}
    shares = {p.id: why for p in pair.shares if (why := _shares_exit(pair, p, situations)) is not None}
    if pair.strategy == "covered_call" and pair.contracts:
        if not shares:
            return contracts
        return {p.id: f"{next(iter(shares.values()))} (the call before its shares)" for p in pair.contracts} | contracts
    return contracts | shares


def _contract_exit(pair: Pair, contract: Position, situations: Mapping[str, Situation]) -> str | None:
    if pair.covered > pair.lots:
        return f"{ExitReason.SIGNAL.value}: more contracts than lots of shares"
    seen = situations.get(contract.id)
    return None if seen is None else due(seen)


def _shares_exit(pair: Pair, shares: Position, situations: Mapping[str, Situation]) -> str | None:
    """Shares under a put leave with it; all others leave at their stop or when the trend turns down."""
    seen = situations.get(shares.id)
    if seen is None or not seen.priced:
        return None
    if pair.strategy == "protective_put" and pair.contracts:
        ends = [why for p in pair.contracts if (s := situations.get(p.id)) is not None and (why := due(s)) is not None]
        return f"{ends[0]} (with its put)" if ends else None
    stop = shares.stop_price
    if stop is not None and seen.worth.mid <= stop:
        return f"{ExitReason.STOP.value}: {seen.worth.mid} at or below {stop}"
    return f"{ExitReason.SIGNAL.value}: the trend has turned down" if seen.trend is Trend.DOWN else None
