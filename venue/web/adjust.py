"""Adjusts bars for splits and cash dividends, as Alpaca's `adjustment` asks; raw bars are not touched.

A bar before an ex-date is divided by the split's ratio, or multiplied by 1 - dividend / close before the ex-date.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from venue.feed import CorporateAction, Feed, MarketBar
from venue.hours import NEW_YORK
from venue.orders import Refusal, RefusedError

Factor = tuple[datetime, Decimal, Decimal]
_ONE = Decimal(1)
_PLACES = Decimal("0.0001")
_KNOWN = frozenset({"raw", "split", "dividend", "all"})


def wanted(raw: str) -> frozenset[str]:
    """Return the adjustments a request names, empty for raw.

    Raises
    ------
    RefusedError
        If it names something else.
    """
    names = frozenset(name for name in raw.lower().split(",") if name)
    if names - _KNOWN:
        raise RefusedError(Refusal.BAD_REQUEST, f"invalid adjustment: {raw}")
    return frozenset({"split", "dividend"}) if "all" in names else names - {"raw"}


def factors(feed: Feed, symbol: str, kinds: frozenset[str]) -> list[Factor]:
    """Return, for each action of those kinds that went ex by the feed's time, what bars before it are multiplied by."""
    return [(_ex_time(action), *_factors(feed, action, kinds)) for action in feed.actions(symbol)]


def _ex_time(action: CorporateAction) -> datetime:
    return datetime.combine(action.ex_date, time(), NEW_YORK).astimezone(UTC)


def _factors(feed: Feed, action: CorporateAction, kinds: frozenset[str]) -> tuple[Decimal, Decimal]:
    """Return what prices and volumes before the ex-date are multiplied by."""
    price = volume = _ONE
    if action.ratio is not None and "split" in kinds:
        price, volume = price / action.ratio, volume * action.ratio
    if action.cash is not None and "dividend" in kinds:
        ex_time = _ex_time(action)
        before = feed.bars(action.symbol, 1440, ex_time - timedelta(days=10), ex_time)
        if before:
            price *= _ONE - action.cash / before[-1].close
    return price, volume


def adjusted(bar: MarketBar, actions: list[Factor]) -> MarketBar:
    """Return a bar with the factors of the actions after it worked in."""
    price = volume = _ONE
    for ex_time, price_factor, volume_factor in actions:
        if bar.start < ex_time:
            price, volume = price * price_factor, volume * volume_factor
    if price == _ONE and volume == _ONE:
        return bar
    values = {name: (getattr(bar, name) * price).quantize(_PLACES) for name in ("open", "high", "low", "close")}
    return replace(bar, **values, volume=(bar.volume * volume).quantize(_ONE))
