"""Where bars come from and where they go: the venue that is named, the folder for research, the desk's documents."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.adapters.parquet import ParquetBars
from orchestrator.bootstrap import Builder
from orchestrator.cli import show
from orchestrator.cli.data.calendars import ALWAYS, US_EQUITIES, expected_ends, sessions_of
from orchestrator.cli.target import running_suite
from orchestrator.domain.chunks import quality_of
from orchestrator.domain.errors import ConfigurationError
from orchestrator.domain.findings import QualityReport
from orchestrator.domain.periods import Period
from orchestrator.domain.quality import examined
from orchestrator.domain.series import TIMEFRAMES, BarSeries, series_of
from orchestrator.fetching import BarKey, within
from orchestrator.ports import BarHistory, Store
from orchestrator.published import Chunk, Published, publish
from orchestrator.settings import Settings
from scripts.steps import STATE

if TYPE_CHECKING:
    from orchestrator.adapters.alpaca.history import AlpacaHistory
    from orchestrator.adapters.ccxt.client import CcxtClient

Folder = Annotated[
    Path | None, typer.Option("--store", help="Folder of the Parquet files; else FIREDESK_BARS, else .firedesk/bars.")
]
Publish = Annotated[bool, typer.Option("--publish", help="Also write them to the desk's store, for the desk to read.")]


def local_bars(folder: Path | None) -> ParquetBars:
    """Return the store of bars on this machine."""
    return ParquetBars(folder or Path(os.environ.get("FIREDESK_BARS") or STATE / "bars"))


def shell(ctx: typer.Context) -> Builder:
    """Return the builder with the settings of the suite that runs here, or of the environment; no desk is needed."""
    given = ctx.find_object(Builder)
    if given is not None:
        return given
    suite = running_suite()
    return Builder(Settings({**os.environ, **(suite.environment if suite is not None else {})}))


@contextmanager
def history(built: Builder, venue: str, symbols: Sequence[str]) -> Iterator[BarHistory]:
    """Open the source of a venue's bars: `alpaca`, or an exchange by ccxt's name.

    Raises
    ------
    ConfigurationError
        There is no such venue, or its key is not set.
    """
    if venue == "alpaca":
        with closing(_alpaca(built.settings)) as found:
            yield found
        return
    from orchestrator.adapters.ccxt.history import CcxtHistory

    client = _exchange(built.settings, venue, symbols)
    with closing(CcxtHistory(client, now=built.clock().now)) as candles:
        yield candles


def _alpaca(settings: Settings) -> AlpacaHistory:
    from orchestrator.adapters.alpaca.client import AlpacaKeys
    from orchestrator.adapters.alpaca.history import AlpacaHistory

    keys = AlpacaKeys(
        api_key=settings.need("ALPACA_API_KEY", "the key of the Alpaca account"),
        secret_key=settings.need("ALPACA_SECRET_KEY", "the secret of the Alpaca account"),
        base_url=settings.get("ALPACA_BASE_URL"),
        data_url=settings.get("ALPACA_DATA_URL"),
        paper=settings.get("ALPACA_LIVE") != "yes",
    )
    return AlpacaHistory(keys)


def _exchange(settings: Settings, venue: str, symbols: Sequence[str]) -> CcxtClient:
    from orchestrator.adapters.ccxt.client import binance_client, kraken_client
    from orchestrator.adapters.ccxt.history import any_exchange

    if venue == "kraken":
        return kraken_client(base_url=settings.get("KRAKEN_BASE_URL"))
    if venue == "binance":
        return binance_client(base_url=settings.get("BINANCE_BASE_URL"))
    quotes = {symbol.partition("/")[2] for symbol in symbols}
    if len(quotes) != 1 or "" in quotes:
        raise ConfigurationError(f"{venue}: name pairs of one currency, such as BTC/USD or BTC/USDT")
    return any_exchange(venue, quotes.pop())


def day_of(text: str, option: str) -> date:
    """Read a day.

    Raises
    ------
    ConfigurationError
        It is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"{option} {text!r}: expected a day such as 2026-07-16") from None


def timeframe_minutes(timeframe: str) -> int:
    """Return the minutes of a length of bar, 0 for none.

    Raises
    ------
    ConfigurationError
        There is no such length.
    """
    if timeframe and timeframe not in TIMEFRAMES:
        raise ConfigurationError(f"--timeframe {timeframe}: name one of {', '.join(TIMEFRAMES)}")
    return TIMEFRAMES.get(timeframe, 0)


def judged(series: BarSeries, calendar: str = "") -> QualityReport:
    """Return what is wrong with a series, against a calendar or the one its symbol looks like."""
    if not len(series):
        return examined(series)
    sessions = sessions_of(calendar or (ALWAYS if "/" in series.name else US_EQUITIES))
    return examined(series, expected_ends(int(series.ends.min()), int(series.ends.max()), series.minutes, sessions))


def publish_chunks(
    store: Store, key: BarKey, series: BarSeries, periods: Sequence[tuple[Period, bool]], calendar: str = ""
) -> list[tuple[str, Published]]:
    """Publish the periods of a series (each with whether it has ended); a period without bars is left out."""
    told = []
    for period, whole in periods:
        bars = within(series.bars(), period)
        if len(bars):
            quality = quality_of(judged(series_of(key.symbol, key.minutes, bars), calendar))
            told.append((period.name, publish(store, Chunk(key, period, bars, quality, whole))))
    return told


def say_published(told: Sequence[tuple[str, Published]], key: BarKey) -> None:
    """Print what was published."""
    counts = {state: sum(one is state for _, one in told) for state in Published}
    text = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    show.console().print(f"published {key.symbol}: {text or 'nothing'}", markup=False, soft_wrap=True)
