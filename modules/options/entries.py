"""Turns what a strategy picked into a priced opportunity. Sizes are decided by risk, never here."""

from __future__ import annotations

import math
from datetime import datetime
from decimal import Decimal

from modules.options.parameters import OptionsParameters
from modules.options.playbook import confidence
from modules.options.reading import Reading
from modules.options.regime import Regime, Trend
from modules.options.structures import Picks, Ticket, ticket
from modules.options.universe import MULTIPLIER, lot_instrument, option_instrument
from orchestrator.domain.base import ModuleName, nearest
from orchestrator.domain.market import Quote
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import Leg, Purpose, Side

_CENT = Decimal("0.01")
_MIN_VOL = 0.05


def structure_entry(
    reading: Reading, strategy: str, picks: Picks, *, parameters: OptionsParameters, now: datetime
) -> TradeOpportunity | None:
    """Return the entry into a structure of bounded loss; None when it has no price, no regime or no bound."""
    priced = ticket(picks, participation=parameters.liquidity.participation)
    if priced is None or reading.regime is None or priced.max_loss is None:
        return None
    loss = priced.max_loss * MULTIPLIER
    vol = planned_vol(priced, reading, notional=loss)
    order = _option_entry(reading, reading.regime, strategy, priced, now=now)
    return order.model_copy(
        update={"symbol": reading.underlying, "notional_usd": loss, "max_loss_usd": loss, "annual_vol": vol}
        | {"sizing": parameters.sizing}
    )


def overlay_entry(
    reading: Reading, strategy: str, picks: Picks, *, lots: Decimal, parameters: OptionsParameters, now: datetime
) -> TradeOpportunity | None:
    """Return the entry into a contract on lots of shares that are held; never more contracts than lots.

    Notes
    -----
    It is kept by the contract's own symbol, since the underlying's is taken by the shares. Its exposure is the shares
    it stands for by delta: the premium alone would make one contract too small to order.
    """
    priced = ticket(picks, participation=parameters.liquidity.participation)
    if priced is None or reading.regime is None:
        return None
    shares = abs(priced.greek("delta")) * float(reading.spot)
    units = lots if priced.max_units is None else min(lots, priced.max_units)
    order = _option_entry(reading, reading.regime, strategy, priced, now=now)
    return order.model_copy(
        update={
            "notional_usd": nearest(Decimal(repr(shares)) * MULTIPLIER, _CENT),
            "annual_vol": max(reading.regime.atm_iv, _MIN_VOL),
            "max_qty": units,
        }
    )


def lot_entry(
    reading: Reading, strategy: str, quote: Quote | None, *, parameters: OptionsParameters, now: datetime
) -> TradeOpportunity | None:
    """Return the purchase of shares that a contract is then written on; None when a lot is beyond the budget."""
    regime = reading.regime
    if regime is None or quote is None or quote.ask is None or quote.mid is None:
        return None
    if quote.ask * MULTIPLIER > Decimal(repr(parameters.selection.max_lot_usd)):
        return None
    return TradeOpportunity(
        module=ModuleName.OPTIONS,
        strategy=strategy,
        purpose=Purpose.ENTRY,
        symbol=reading.underlying,
        instrument=lot_instrument(reading.underlying),
        side=Side.BUY,
        legs=(Leg(symbol=reading.underlying, side=Side.BUY),),
        decided_at=now,
        decision_px=quote.mid,
        limit_px=quote.ask,
        notional_usd=quote.ask,
        annual_vol=max(regime.realised_vol, _MIN_VOL),
        stop_price=nearest(quote.mid * (1 - Decimal(repr(parameters.selection.lot_stop))), _CENT),
        confidence=confidence(regime),
        reason=f"{_why(regime)}: shares for a {strategy.replace('_', ' ')}",
        features=_features(reading, regime),
        quote_ts=quote.ts,
        spread=quote.spread,
        two_sided=True,
        sizing=parameters.sizing,
    )


def planned_vol(priced: Ticket, reading: Reading, *, notional: Decimal) -> float:
    """Return the volatility of one unit over its life, as a fraction of its largest loss, at most 1.

    Notes
    -----
    Net delta x spot x at-the-money volatility x root of the years to expiry. It is not scaled up to a year: the loss
    is bounded, and the money is not put at risk again when the structure ends.
    """
    contract = priced.picks[0].contract
    swing = abs(priced.greek("delta")) * float(reading.spot) * contract.iv * math.sqrt(contract.years)
    return min(max(swing * float(MULTIPLIER) / float(notional), _MIN_VOL), 1.0)


def _option_entry(
    reading: Reading, regime: Regime, strategy: str, priced: Ticket, *, now: datetime
) -> TradeOpportunity:
    symbol = priced.legs[0].symbol
    return TradeOpportunity(
        module=ModuleName.OPTIONS,
        strategy=strategy,
        purpose=Purpose.ENTRY,
        symbol=symbol,
        instrument=option_instrument(symbol),
        side=priced.side,
        legs=priced.legs,
        decided_at=now,
        decision_px=priced.mid,
        limit_px=priced.limit,
        notional_usd=MULTIPLIER,
        confidence=confidence(regime),
        reason=f"{_why(regime)}: {_name(strategy, priced, reading)}",
        features=_features(reading, regime) | _ticket_features(priced, reading),
        greeks=priced.greeks(reading.spot),
        spread=priced.spread,
        quote_ts=priced.quote_ts,
        two_sided=True,
        max_qty=priced.max_units,
    )


def _why(regime: Regime) -> str:
    return (
        f"{regime.trend.value} trend, {regime.volatility.value} volatility "
        f"(implied {regime.atm_iv:.1%}, realised {regime.realised_vol:.1%})"
    )


def _name(strategy: str, priced: Ticket, reading: Reading) -> str:
    strikes = "/".join(f"{pick.contract.quote.strike.normalize():f}" for pick in priced.picks)
    days = reading.view.days_to_expiry(priced.picks[0].contract.quote.expiry)
    return f"{strategy.replace('_', ' ')} {strikes}, {days} days"


def _features(reading: Reading, regime: Regime) -> dict[str, float]:
    known = {
        "spot": float(reading.spot),
        "iv": regime.atm_iv,
        "realised_vol": regime.realised_vol,
        "iv_ratio": regime.ratio,
        "iv_rank": regime.iv_rank,
        "skew": regime.skew,
        "term_slope": regime.term_slope,
        "trend": float({Trend.UP: 1, Trend.FLAT: 0, Trend.DOWN: -1}[regime.trend]),
        "momentum": regime.strength,
    }
    return _finite(known)


def _ticket_features(priced: Ticket, reading: Reading) -> dict[str, float]:
    expiry = priced.picks[0].contract.quote.expiry
    known = {name: priced.greek(name) for name in ("delta", "gamma", "theta", "vega")}
    known["days_to_expiry"] = float(reading.view.days_to_expiry(expiry))
    known["concession"] = float(priced.concession)
    for name, bound in (("max_loss", priced.max_loss), ("max_profit", priced.max_profit)):
        known[name] = math.nan if bound is None else float(bound)
    return _finite(known)


def _finite(values: dict[str, float]) -> dict[str, float]:
    """Return the values without what is not known: documents hold finite numbers only."""
    return {name: value for name, value in values.items() if math.isfinite(value)}
