"""Rules about prices: halts, quotes, spread, collar, pegs, stops."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.domain.base import ZERO
from orchestrator.domain.instruments import AssetClass
from orchestrator.domain.orders import Side
from orchestrator.domain.risk import DenialCode, Denied
from orchestrator.domain.rules.candidate import Candidate, denied
from orchestrator.domain.sectors import stablecoin_of, underlying_of

_BUY, _CRYPTO = Side.BUY, AssetClass.CRYPTO


def not_halted(c: Candidate) -> Denied | None:
    """Deny what the venue does not trade now, an option with its underlying; a silent halt shows as a stale quote."""
    if not c.tape.halted:
        return None
    names = {c.opportunity.symbol, underlying_of(c.opportunity.symbol), *(leg.symbol for leg in c.opportunity.legs)}
    halted = sorted(names & c.tape.halted)
    return denied(DenialCode.SYMBOL_HALTED, "trading", f"{halted[0]} is halted") if halted else None


def quote_present(c: Candidate) -> Denied | None:
    """Every leg needs a quote with both sides."""
    o = c.opportunity
    if o.quote_ts is None:
        return denied(DenialCode.QUOTE_MISSING, "a quote", "none")
    if not o.two_sided:
        return denied(DenialCode.QUOTE_ONE_SIDED, "bid and ask", "one side")
    return None


def quote_fresh(c: Candidate) -> Denied | None:
    """Deny a quote older than the module's limit; one from the future is no better."""
    o = c.opportunity
    oldest, quoted = c.oldest_quotes.get(o.module, c.now), o.quote_ts
    if quoted is not None and oldest <= quoted <= c.newest_quote:
        return None
    age = "no quote" if quoted is None else f"{(c.now - quoted).total_seconds():.0f} s"
    return denied(DenialCode.QUOTE_AGE_ABOVE_MAX, f"{c.limits.quote_age_s.get(o.module, 0)} s", age)


def spread_bound(c: Candidate) -> Denied | None:
    """Deny a market too wide for the module; of a spread nobody knows, the width is too much."""
    o = c.opportunity
    limit, spread, px = c.limits.spread.get(o.module, ZERO), o.spread, abs(o.decision_px)
    if spread is None or not px:
        return denied(DenialCode.SPREAD_ABOVE_MAX, limit, "not known")
    inside = ZERO <= spread <= limit * px
    return None if inside else denied(DenialCode.SPREAD_ABOVE_MAX, limit, round(spread / px, 4))


def price_collar(c: Candidate) -> Denied | None:
    """Deny a limit price further from the decision price than the module's collar."""
    o = c.opportunity
    limit, px, worst = c.limits.price_collar.get(o.module, ZERO), o.decision_px, o.limit_px
    if worst is None:
        return denied(DenialCode.PRICE_COLLAR_ABOVE_MAX, limit, "an order without a limit")
    if not px:
        return denied(DenialCode.PRICE_COLLAR_ABOVE_MAX, limit, "no price")
    away, size = abs(worst - px), abs(px)
    inside = away <= limit * size
    return None if inside else denied(DenialCode.PRICE_COLLAR_ABOVE_MAX, limit, round(away / size, 4))


def peg_kept(c: Candidate) -> Denied | None:
    """Deny coins while a stablecoin is off its dollar, or is behind their prices and nobody tells its worth."""
    bound = c.limits.depeg
    if bound is None or c.opportunity.instrument.asset_class is not _CRYPTO:
        return None
    for currency in _coins_behind(c):
        if currency not in c.tape.pegs:
            return denied(DenialCode.PEG_MISSING, f"1 USD within {bound}", f"no price of {currency}")
    for currency, price in c.tape.pegs.items():
        if abs(price - 1) > bound:
            return denied(DenialCode.PEG_DEVIATION_ABOVE_MAX, bound, f"{currency} at {price:f} USD")
    return None


def _coins_behind(c: Candidate) -> Iterator[str]:
    """Yield the stablecoins that the symbol is quoted in or that stand for USD in its prices."""
    for currency in (stablecoin_of(c.opportunity.symbol), c.tape.pegged.get(c.opportunity.symbol)):
        if currency is not None:
            yield currency


def stop_sensible(c: Candidate) -> Denied | None:
    """Deny a protective stop that is not on the losing side of the entry."""
    o = c.opportunity
    stop, px = o.stop_price, o.decision_px
    if stop is None or (stop < px if o.side is _BUY else stop > px):
        return None
    return denied(DenialCode.STOP_INVALID, f"on the losing side of {px}", stop)
