"""A feed after corporate actions that a driver asked for: prices per new share, and symbols that took another name.

Quotes follow at once. Bars and chains stay as they were recorded, under the old symbol: what is asked of history is
answered by history.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

from venue.feed import Advance, Asset, Chain, CorporateAction, Feed, MarketBar, MarketQuote, Moment, Session

CENT = Decimal("0.01")


@dataclass
class RestatedFeed:
    """Wraps a feed; fulfils `venue.feed.Feed`."""

    inner: Feed
    old_names: dict[str, str] = field(default_factory=dict)
    ratios: dict[str, Decimal] = field(default_factory=dict)
    """New shares for one old, by the feed's own symbol."""
    done: list[CorporateAction] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.name = self.inner.name
        self.synthetic = self.inner.synthetic
        self.now = self.inner.now

    def split(self, action: CorporateAction) -> None:
        """Let quotes be per new share from now on."""
        name = self.old_names.get(action.symbol, action.symbol)
        self.ratios[name] = self.ratios.get(name, Decimal(1)) * (action.ratio or Decimal(1))
        self.done.append(action)

    def rename(self, old: str, new: str) -> None:
        """Let the market of one symbol go on under another."""
        self.old_names[new] = self.old_names.pop(old, old)

    def schedule(self, start: datetime, end: datetime) -> list[Moment]:
        """Return the feed's moments."""
        return self.inner.schedule(start, end)

    def advance(self, to: datetime) -> Advance:
        """Move the feed's clock; bars of a restated symbol work no orders, its quotes do."""
        told = self.inner.advance(to)
        self.now = self.inner.now
        restated = {*self.ratios, *self.old_names.values()}
        return replace(told, bars=[(symbol, bar) for symbol, bar in told.bars if symbol not in restated])

    def assets(self) -> dict[str, Asset]:
        """Return what is listed, under today's names."""
        new_names = {old: new for new, old in self.old_names.items()}
        listed = self.inner.assets().values()
        return {name: replace(one, symbol=name) for one in listed for name in [new_names.get(one.symbol, one.symbol)]}

    def sessions(self, start: date, end: date) -> list[Session]:
        """Return the feed's sessions."""
        return self.inner.sessions(start, end)

    def quote(self, symbol: str) -> MarketQuote | None:
        """Return the latest quote, per new share, of what goes by that name now."""
        name = self.old_names.get(symbol, symbol)
        if name == symbol and symbol in self.old_names.values():
            return None
        quote, ratio = self.inner.quote(name), self.ratios.get(name)
        if quote is None or ratio is None:
            return quote
        bid, ask = (None if price is None else _per_new(price, ratio) for price in (quote.bid, quote.ask))
        bid_size, ask_size = quote.bid_size * ratio // 1, quote.ask_size * ratio // 1
        last = _per_new(quote.last, ratio)
        return replace(quote, bid=bid, ask=ask, last=last, bid_size=bid_size, ask_size=ask_size)

    def bars(self, symbol: str, minutes: int, start: datetime, end: datetime) -> list[MarketBar]:
        """Return the bars as they were recorded."""
        return self.inner.bars(self.old_names.get(symbol, symbol), minutes, start, end)

    def chain(self, underlying: str) -> Chain | None:
        """Return the chain as it was recorded."""
        return self.inner.chain(underlying)

    def actions(self, symbol: str) -> list[CorporateAction]:
        """Return what went ex, the driver's actions last."""
        return [*self.inner.actions(symbol), *(action for action in self.done if action.symbol == symbol)]


def _per_new(price: Decimal, ratio: Decimal) -> Decimal:
    return (price / ratio).quantize(CENT)
