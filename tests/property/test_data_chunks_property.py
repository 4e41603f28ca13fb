"""Bars packed and unpacked are the same bars; a fetch that was cut off ends with the files of one that was not."""

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.adapters.parquet import ParquetBars
from orchestrator.domain.chunks import ChunkQuality, packed, unpacked
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import BarChunkDoc
from orchestrator.domain.errors import BrokerUnavailableError, RateLimitedError
from orchestrator.domain.market import Bars
from orchestrator.domain.periods import period_at, periods_between
from orchestrator.domain.series import COLUMNS
from orchestrator.fetching import BarKey, Fetch, within
from orchestrator.published import Chunk, Published, publish, published_bars

NOW = datetime(2026, 7, 16, 12, tzinfo=UTC)
NAMES = ("ends", *COLUMNS)
GOOD = ChunkQuality(score=1.0, usable=True)


def hours(first: date, count: int, seed: int = 1) -> Bars:
    noise = np.random.default_rng(seed)
    start = int(datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp())
    return Bars(start + 3600 * np.arange(1, count + 1), *(noise.lognormal(4, 0.1, count) for _ in COLUMNS))


def equal(left: Bars, right: Bars) -> bool:
    return all(np.array_equal(getattr(left, name), getattr(right, name), equal_nan=True) for name in NAMES)


BITS = st.floats(allow_nan=True, allow_infinity=True, width=64)
ANY_BARS = st.lists(st.tuples(st.integers(0, 2**40), *([BITS] * 5)), max_size=40).map(
    lambda rows: Bars(
        np.array([row[0] for row in rows], np.int64), *(np.array([row[n] for row in rows]) for n in range(1, 6))
    )
)


@given(ANY_BARS)
def test_any_bars_come_back_bit_by_bit_through_the_codec(bars: Bars) -> None:
    text, digest = packed(bars)
    doc = BarChunkDoc(
        venue="v",
        symbol="X",
        timeframe="1h",
        period="202607",
        rows=len(bars),
        first=None,
        last=None,
        whole=True,
        quality=GOOD,
        sha256=digest,
        packed=text,
    )
    back = unpacked(decode(BarChunkDoc, encode(doc), where="x"), where="x")
    assert all(getattr(back, name).tobytes() == getattr(bars, name).tobytes() for name in NAMES)


@given(st.datetimes(datetime(1999, 1, 1), datetime(2031, 1, 1), timezones=st.just(UTC)), st.sampled_from([1, 15, 1440]))
def test_periods_follow_one_another_and_hold_their_moments(moment: datetime, minutes: int) -> None:
    period = period_at(moment, minutes)
    assert period.start <= moment < period.end
    assert period_at(period.end, minutes).start == period.end
    assert period_at(period.end - timedelta(seconds=1), minutes) == period


@given(st.dates(date(2020, 1, 1), date(2026, 1, 1)), st.integers(0, 900), st.sampled_from([1, 60, 1440]))
def test_periods_between_two_days_leave_none_out(first: date, more: int, minutes: int) -> None:
    periods = periods_between(first, first + timedelta(days=more), minutes)
    assert periods[0].start.date() <= first
    assert periods[-1].end.date() > first + timedelta(days=more)
    assert all(one.end == other.start for one, other in pairwise(periods))


@dataclass
class History:
    """A venue with bars that fails at the calls that are told."""

    all: Bars
    fails: dict[int, Exception] = field(default_factory=dict)
    calls: int = 0
    venue: str = "v"

    def bars(self, symbol: str, minutes: int, start: datetime, end: datetime) -> Bars:
        self.calls += 1
        if self.calls in self.fails:
            raise self.fails[self.calls]
        rows = (self.all.ends > start.timestamp()) & (self.all.ends <= end.timestamp())
        return Bars(*(getattr(self.all, name)[rows] for name in NAMES))


KEY = BarKey("v", "BTC/USD", 60)
PERIODS = periods_between(date(2026, 1, 5), NOW.date(), 60)
BARS = hours(date(2026, 1, 1), 24 * 200)


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def fetched(root: Path, history: History, waits: list[float] | None = None) -> Iterator[object]:
    return Fetch(history, ParquetBars(root), NOW, (waits if waits is not None else []).append).run(KEY, PERIODS)


@settings(max_examples=15)
@given(st.sets(st.integers(1, 12), max_size=5))
def test_a_fetch_that_is_cut_off_ends_as_one_that_is_not(cuts: set[int]) -> None:
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        list(fetched(Path(first), History(BARS)))
        history = History(BARS, fails={cut: BrokerUnavailableError("cut off") for cut in cuts})
        for _ in range(len(cuts) + 1):
            with suppress(BrokerUnavailableError):
                list(fetched(Path(second), history))
        assert files(Path(first)) == files(Path(second))
        assert equal(ParquetBars(Path(second)).read(KEY), History(BARS).bars("", 60, PERIODS[0].start, NOW))


def test_what_is_whole_is_not_asked_for_again_and_the_present_period_is(tmp_path: Path) -> None:
    list(fetched(tmp_path, History(BARS)))
    again = History(BARS)
    told = list(fetched(tmp_path, again))
    assert again.calls == 1
    assert [one.bars is None for one in told] == [True] * (len(PERIODS) - 1) + [False]


def test_a_venue_that_asks_to_wait_is_left_alone_for_as_long(tmp_path: Path) -> None:
    waits: list[float] = []
    history = History(BARS, fails={2: RateLimitedError("slow", retry_after_s=17.0)})
    list(fetched(tmp_path, history, waits))
    assert waits == [17.0]
    assert history.calls == len(PERIODS) + 1


def test_nothing_half_written_is_left_when_writing_fails(tmp_path: Path) -> None:
    ragged = Bars(BARS.ends[:5], *(getattr(BARS, name)[:4] for name in COLUMNS))
    with suppress(Exception):
        ParquetBars(tmp_path).write(KEY, PERIODS[0], ragged, whole=True)
    assert files(tmp_path) == {}


def chunk(bars: Bars, quality: ChunkQuality = GOOD) -> Chunk:
    period = period_at(datetime(2026, 7, 1, 12, tzinfo=UTC), 60)
    return Chunk(KEY, period, within(bars, period), quality, whole=False)


JULY = hours(date(2026, 7, 1), 300, seed=2)


def cut(bars: Bars, count: int) -> Bars:
    return Bars(*(getattr(bars, name)[:count] for name in NAMES))


def test_publishing_twice_writes_once_more_replaces_and_less_does_not() -> None:
    store = MemoryDataLayer()
    assert publish(store, chunk(cut(JULY, 100))) is Published.CREATED
    writes = store.usage.writes
    assert publish(store, chunk(cut(JULY, 100))) is Published.UNCHANGED
    assert store.usage.writes == writes
    assert publish(store, chunk(JULY)) is Published.REPLACED
    assert publish(store, chunk(cut(JULY, 100))) is Published.KEPT
    read = published_bars(store, KEY, date(2026, 7, 2), date(2026, 7, 3))
    assert equal(read, Bars(*(getattr(JULY, name)[24:72] for name in NAMES)))


def test_a_document_is_below_a_megabyte_even_if_nothing_can_be_compressed() -> None:
    noise = np.random.default_rng(5)
    count = 7 * 24 * 60
    bars = Bars(noise.integers(0, 2**62, count), *(noise.random(count) for _ in COLUMNS))
    assert len(packed(bars)[0]) < 900_000
