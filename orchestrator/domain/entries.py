"""What a directional module would enter: signals turned into priced opportunities with stop and target.

Refuses to enter a symbol that is held, that has a working order or an entry that lately found nobody to trade with,
that no bar has closed for since it was last held, that was proposed on the same bar a moment ago, or whose price has
left the close that the signal was made on.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal

from orchestrator.domain.instruments import Instrument
from orchestrator.domain.market import Quote
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import Leg, Order, Purpose, Side, TimeInForce
from orchestrator.domain.scene import DAILY, Measure, Opinion, Scene, View, measure, reference_price
from orchestrator.domain.stops import Levels, levels, stop_distance

_BPS = Decimal(10_000)
_HELD, _PROPOSED = "held ", "proposed "
"""What memory says of a symbol."""


def entries(scene: Scene) -> list[TradeOpportunity]:
    """Return what could be entered now, the most confident first; one for each symbol, none in a closed market."""
    if not scene.market.session.is_open:
        return []
    found: dict[str, TradeOpportunity] = {}
    taken = Counter(position.strategy for position in scene.book.positions.values())
    for opinion, view in _wanted(scene):
        name = opinion.strategy.name
        if view.symbol in found or taken[name] >= opinion.settings.max_positions:
            continue
        opportunity = _opportunity(scene, opinion, view)
        if opportunity is not None:
            found[view.symbol] = opportunity
            taken[name] += 1
    return list(found.values())


def remembered(scene: Scene) -> dict[str, str]:
    """Return what `entries` wants remembered, as ISO times: when each symbol was last held, and last proposed."""
    now = scene.now.isoformat()
    held = {_HELD + position.symbol: now for position in scene.book.positions.values()}
    proposed = {_PROPOSED + opportunity.symbol: now for opportunity in entries(scene)}
    return {**scene.book.memory, **held, **proposed}


def _wanted(scene: Scene) -> list[tuple[Opinion, View]]:
    occupied = {position.symbol for position in scene.book.positions.values()}
    occupied |= {order.intent.symbol for order in scene.book.orders.values() if _occupies(order)}
    wanted = [
        (opinion, view)
        for opinion in scene.opinions.values()
        if _may_open(scene, opinion)
        for view in opinion.views.values()
        if view.target == 1.0 and view.symbol not in occupied and _is_news(scene, opinion, view.symbol)
    ]
    return sorted(wanted, key=lambda pair: (-pair[1].confidence, pair[1].symbol, pair[0].strategy.name))


def _occupies(order: Order) -> bool:
    """Whether an order keeps its symbol from being entered: it may still trade, or was an entry that traded nothing."""
    return not order.state.terminal or (order.intent.purpose is Purpose.ENTRY and not order.filled_qty)


def _may_open(scene: Scene, opinion: Opinion) -> bool:
    """Whether there is time left for a position of the opinion's timeframe."""
    until = scene.intraday_entries_until
    return opinion.minutes >= DAILY or until is None or scene.now < until


def _is_news(scene: Scene, opinion: Opinion, symbol: str) -> bool:
    """Whether a bar has closed since the symbol was last held: one signal is one position; a refusal may be retried."""
    newest = opinion.panel.last_end
    held, proposed = (_remembered(scene, kind + symbol) for kind in (_HELD, _PROPOSED))
    if newest is None or (held is not None and newest <= held):
        return False
    retry = timedelta(minutes=scene.execution.retry_minutes)
    return proposed is None or newest > proposed or scene.now - proposed >= retry


def _remembered(scene: Scene, key: str) -> datetime | None:
    text = scene.book.memory.get(key)
    return None if text is None else datetime.fromisoformat(text)


def _opportunity(scene: Scene, opinion: Opinion, view: View) -> TradeOpportunity | None:
    seen, price = measure(opinion.panel, view.symbol, scene.execution), reference_price(scene, view.symbol)
    if seen is None or price is None or _has_left(scene, seen, price):
        return None
    instrument = scene.instrument(view.symbol, price)
    bounds = _levels(scene, opinion, seen, price=price, instrument=instrument)
    if bounds is None:
        return None
    quote = scene.market.quotes.get(view.symbol)
    per_year = scene.bars_per_year(opinion.minutes) ** 0.5
    annual_vol = max(seen.vol * per_year / float(instrument.leverage), scene.execution.min_annual_vol)
    return TradeOpportunity(
        module=scene.module,
        strategy=opinion.strategy.name,
        purpose=Purpose.ENTRY,
        symbol=view.symbol,
        instrument=instrument,
        side=Side.BUY,
        legs=(Leg(symbol=view.symbol, side=Side.BUY),),
        decided_at=scene.now,
        decision_px=price,
        limit_px=_limit(price, quote, through_bps=scene.execution.through_bps, tick=instrument.tick_size),
        time_in_force=TimeInForce.IOC,
        notional_usd=price * instrument.leverage,
        annual_vol=annual_vol,
        stop_price=bounds.stop,
        take_profit=bounds.target,
        confidence=view.confidence,
        reason=view.reason,
        features=_features(seen, quote, opinion, confidence=view.confidence, now=scene.now),
        quote_ts=None if quote is None else quote.ts,
        spread=None if quote is None else quote.spread,
        two_sided=quote is not None and quote.two_sided,
        max_notional_usd=_largest(scene, opinion),
        sizing=opinion.settings.sizing,
    )


def _has_left(scene: Scene, seen: Measure, price: Decimal) -> bool:
    """Whether the price is no longer near the close that the signal was made on."""
    return abs(float(price) - seen.close) > scene.execution.max_chase_moves * seen.move


def _largest(scene: Scene, opinion: Opinion) -> Decimal | None:
    """Return the strategy's weight in USD; without an account nothing can be said, and risk denies."""
    account = scene.book.account
    return None if account is None else account.equity * Decimal(repr(opinion.settings.weight))


def _levels(scene: Scene, opinion: Opinion, seen: Measure, *, price: Decimal, instrument: Instrument) -> Levels | None:
    exits = opinion.settings.exits
    far = stop_distance(price, move=seen.move, rules=exits, least_pct=scene.execution.min_stop_pct)
    return levels(price, distance=far, target_r=exits.target_r, tick=instrument.tick_size)


def _limit(price: Decimal, quote: Quote | None, *, through_bps: int, tick: Decimal) -> Decimal:
    """Return the worst price accepted: a little above the ask, rounded up to the grid."""
    touch = quote.ask if quote is not None and quote.ask is not None and quote.ask > 0 else price
    worst = touch * (1 + through_bps / _BPS)
    return (worst / tick).to_integral_value(rounding=ROUND_CEILING) * tick


def _features(
    seen: Measure, quote: Quote | None, opinion: Opinion, *, confidence: float, now: datetime
) -> dict[str, float]:
    """Return what was known at the decision, for the trace and for learning from it."""
    known = {**seen.features, "confidence": confidence, "timeframe_minutes": float(opinion.minutes)}
    known["hour_utc"] = now.hour + now.minute / 60
    if quote is not None and quote.mid is not None and quote.ask is not None:
        known["spread_bps"] = float(2 * (quote.ask - quote.mid) / quote.mid * _BPS)
    return known
