"""When a position is left, and the one order that leaves it: all legs reversed, at their touch.

A profit is taken at the touch, a loss is judged in the middle. No order rests at the venue to protect a structure: a
stop over several legs does not exist there, and a stop on one leg would leave the other alone. Every cycle checks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np

from modules.options.marks import Mark, exit_legs, exit_notional, exit_prices, nearest_expiry
from modules.options.parameters import ExitParameters
from modules.options.playbook import ON_SHARES
from modules.options.reading import today
from modules.options.regime import Trend
from modules.options.universe import lot_instrument, option_instrument
from orchestrator.domain.base import ModuleName
from orchestrator.domain.instruments import OptionRight, is_occ, parse_occ
from orchestrator.domain.market import SessionState
from orchestrator.domain.opportunities import ExitReason, TradeOpportunity
from orchestrator.domain.orders import Purpose, Side
from orchestrator.domain.positions import Position

CUTOFF = timedelta(minutes=45)
"""From this long before the close of expiry day the venue may close one leg by itself: 15:15 New York as a rule."""


@dataclass(frozen=True, slots=True)
class Situation:
    """A position and all that its exit rules look at."""

    position: Position
    worth: Mark
    trend: Trend | None
    spot: Decimal | None
    session: SessionState
    rules: ExitParameters
    now: datetime
    fresh: bool
    """Whether the market of its legs is recent enough to decide on."""

    @property
    def priced(self) -> bool:
        """Whether its worth can be relied on."""
        return self.fresh and self.worth.two_sided


def sessions_left(expiry: date, session: SessionState, now: datetime) -> int:
    """Return the sessions after today's up to the expiry: 0 on expiry day, 1 when the next session is the last.

    Notes
    -----
    Weekdays are counted; that the venue's next session is the expiry's (a holiday lies between) is taken from it.
    """
    weekdays = max(int(np.busday_count(today(now), expiry)), 0)
    last = session.next_open is not None and today(session.next_open) >= expiry
    return min(weekdays, 1) if last else weekdays


def pressing(expiry: date, session: SessionState, now: datetime) -> bool:
    """Return whether it cannot wait for fresher quotes: expiry day, or the session's last minutes."""
    return today(now) >= expiry or (session.close is not None and now >= session.close - CUTOFF)


def expiry_window(s: Situation) -> str | None:
    """Leave before the expiry day's window."""
    expiry = nearest_expiry(s.position)
    if expiry is None or sessions_left(expiry, s.session, s.now) > s.rules.window_sessions:
        return None
    return f"{ExitReason.EXPIRY_WINDOW.value}: expires {expiry}"


def orphan(s: Situation) -> str | None:
    """Leave what is left of a structure that lost a leg, or whose contracts have turned into shares."""
    if shares := [leg.symbol for leg in s.position.legs if leg.qty != 0 and not is_occ(leg.symbol)]:
        return f"{ExitReason.EXPIRY_WINDOW.value}: shares of {', '.join(shares)} were delivered"
    lost = [leg.symbol for leg in s.position.legs if leg.qty == 0]
    return f"{ExitReason.EXPIRY_WINDOW.value}: {', '.join(lost)} is gone, the rest is alone" if lost else None


def days_left(s: Situation) -> str | None:
    """Leave before the last days, which bring more risk than time value."""
    expiry = nearest_expiry(s.position)
    if expiry is None or (left := (expiry - today(s.now)).days) > s.rules.exit_days:
        return None
    return f"{ExitReason.TIME.value}: {left} days to expiry"


def assignment(s: Situation) -> str | None:
    """Leave a sold option in the money with hardly any time value: it may be assigned, for a dividend most likely."""
    if s.spot is None or not s.priced:
        return None
    for leg in s.position.legs:
        if leg.qty < 0:
            contract = parse_occ(leg.symbol)
            inside = (s.spot - contract.strike) * (1 if contract.right is OptionRight.CALL else -1)
            if inside > 0 and s.worth.prices[leg.symbol] - inside < s.spot * Decimal(repr(s.rules.assignment_value)):
                return f"{ExitReason.TIME.value}: {leg.symbol} may be assigned early"
    return None


def stop(s: Situation) -> str | None:
    """Leave at a loss of the fraction of a debit or the multiple of a credit."""
    share = s.rules.debit_stop if s.worth.entry > 0 else s.rules.credit_stop
    limit = abs(s.worth.entry) * Decimal(repr(share))
    due = s.priced and s.worth.gain <= -limit < 0
    return f"{ExitReason.STOP.value}: {s.worth.gain:+.2f} a share, stop {-limit:+.2f}" if due else None


def target(s: Situation) -> str | None:
    """Leave at the wanted share of the largest profit; of the premium where the profit has no bound."""
    bound = s.worth.max_profit
    base, share = (s.worth.entry, s.rules.long_target) if bound is None else (bound, s.rules.spread_target)
    wanted = abs(base) * Decimal(repr(share))
    due = s.priced and s.worth.gain_at_touch >= wanted > 0
    return f"{ExitReason.TARGET.value}: {s.worth.gain_at_touch:+.2f} a share, target {wanted:+.2f}" if due else None


def trend_break(s: Situation) -> str | None:
    """Leave when the underlying falls: no structure here gains from it."""
    cheap = s.priced and s.worth.concession <= Decimal(repr(s.rules.max_concession))
    return f"{ExitReason.SIGNAL.value}: the trend has turned down" if s.trend is Trend.DOWN and cheap else None


STRUCTURE_RULES: tuple[Callable[[Situation], str | None], ...] = (
    orphan,
    expiry_window,
    days_left,
    assignment,
    stop,
    target,
    trend_break,
)
"""What ends a structure, the most urgent first."""

CONTRACT_RULES: Mapping[str, tuple[Callable[[Situation], str | None], ...]] = {
    "covered_call": (expiry_window, days_left, assignment, target, trend_break),
    "protective_put": (expiry_window, days_left),
}
"""What ends a contract on shares: the shares bound the loss of the call, the put is there for the loss."""


def due(s: Situation) -> str | None:
    """Return why a position of options must be left now, None if it need not or had better wait for fresh quotes."""
    expiry = nearest_expiry(s.position)
    if not s.fresh and (expiry is None or not pressing(expiry, s.session, s.now)):
        return None
    rules = CONTRACT_RULES[s.position.strategy] if s.position.strategy in ON_SHARES else STRUCTURE_RULES
    return next((why for rule in rules if (why := rule(s)) is not None), None)


def exit_order(
    position: Position, worth: Mark, *, why: str, replaces: tuple[str, ...], now: datetime
) -> TradeOpportunity:
    """Return the one order that leaves a position entirely; what still enters it is cancelled first."""
    legs = exit_legs(position)
    decision, limit = exit_prices(position, worth)
    symbol = legs[0].symbol
    return TradeOpportunity(
        module=ModuleName.OPTIONS,
        strategy=position.strategy,
        purpose=Purpose.EXIT,
        symbol=position.symbol,
        instrument=option_instrument(symbol) if is_occ(symbol) else lot_instrument(symbol),
        side=legs[0].side if len(legs) == 1 else Side.SELL,
        legs=legs,
        decided_at=now,
        decision_px=decision,
        limit_px=limit,
        notional_usd=exit_notional(position),
        confidence=1.0,
        reason=why,
        features={"gain": float(worth.gain), "gain_at_touch": float(worth.gain_at_touch)},
        position_id=position.id,
        qty=position.units,
        replaces=replaces,
        quote_ts=worth.quote_ts,
        two_sided=worth.two_sided,
    )
