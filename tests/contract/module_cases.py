"""What the contract of a trading module is tried with, one `ModuleCase` per module.

To add a module, add a case to `CASES`: a market it wants to enter something in, and a book of two positions of which
`leaving` must be left in `held_market` whatever else is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from modules.crypto.module import CryptoModule
from modules.crypto.universe import UNIVERSE as PAIRS
from modules.options.module import OptionsModule
from modules.options.universe import UNIVERSE as UNDERLYINGS
from modules.stocks.module import StocksModule
from modules.stocks.universe import UNIVERSE as STOCKS
from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.instruments import OptionRight, occ_symbol
from orchestrator.domain.market import MarketSnapshot, SessionState
from orchestrator.module import TradingModule
from tests import options_market
from tests.module_views import NOW, book, market, panel, position, quote, rising, steady

HOUR = datetime(2026, 3, 12, 15, 0, tzinfo=UTC)


@dataclass(frozen=True)
class ModuleCase:
    """One module under contract."""

    kind: type[TradingModule]
    universe: Mapping[str, tuple[str, ...]]
    now: datetime
    wanted_market: MarketSnapshot
    """Empty books enter something in it."""
    holding: BookDoc
    """Two positions without protective orders."""
    held_market: MarketSnapshot
    """Knows nothing but what `leaving` needs to be left."""
    leaving: str
    """The position that must be left in `held_market`."""

    def __str__(self) -> str:
        return self.kind.module_name


def _stocks() -> ModuleCase:
    closes = {"AAPL": rising(seed=1), "XLK": rising(seed=2), "XLF": rising(drift=0.001, seed=3)}
    quotes = tuple(quote(name, float(series[-1])) for name, series in closes.items())
    return ModuleCase(
        kind=StocksModule,
        universe=STOCKS,
        now=NOW,
        wanted_market=market({1440: panel(closes)}, quotes),
        holding=book(ModuleName.STOCKS, position("AAPL", "momentum"), position("XLK", "sector_rotation")),
        held_market=market({}, (quote("AAPL", 80.0),)),
        leaving="p-AAPL",
    )


def _crypto() -> ModuleCase:
    closes = {name: 700 * steady(drift=0.003, swing=0.01) for name in ("BTC/USD", "ETH/USD")}
    quotes = tuple(quote(name, float(series[-1]), now=HOUR) for name, series in closes.items())
    opened = {"module": ModuleName.CRYPTO, "opened_at": HOUR - timedelta(hours=5), "entry_px": Decimal(100)}
    held = [position(name, "session_momentum", **opened) for name in closes]
    always = SessionState(is_open=True)
    return ModuleCase(
        kind=CryptoModule,
        universe=PAIRS,
        now=HOUR,
        wanted_market=market({60: panel(closes, minutes=60, newest=HOUR)}, quotes, always),
        holding=book(ModuleName.CRYPTO, *held),
        held_market=market({}, (quote("BTC/USD", 80.0, now=HOUR),), always),
        leaving="p-BTC/USD",
    )


def _options() -> ModuleCase:
    chain = options_market.chain_of("SPY", vol=0.3)
    now = chain.ts
    history = {"SPY": options_market.closes(drift=1.0, vol=0.2)}
    expiring = options_market.quoted(chain, days=7, right=OptionRight.CALL, strike=100).symbol
    lasting = options_market.quoted(chain, days=30, right=OptionRight.CALL, strike=100)
    away = occ_symbol("QQQ", lasting.expiry, lasting.right, lasting.strike)
    return ModuleCase(
        kind=OptionsModule,
        universe=UNDERLYINGS,
        now=now,
        wanted_market=options_market.market_of([chain], history),
        holding=options_market.book_of(
            options_market.holding("long_call", [(expiring, 1, "9.00")], key="p-SPY"),
            options_market.holding("long_call", [(away, 1, "3.00")], underlying="QQQ", key="p-QQQ"),
        ),
        held_market=options_market.market_of([chain], {}),
        leaving="p-SPY",
    )


CASES = (_stocks(), _options(), _crypto())
