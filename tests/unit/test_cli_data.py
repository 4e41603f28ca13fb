"""`desk data fetch` and `desk data import`: what is sound is kept, the rest is refused in a line."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.adapters.parquet import ParquetBars
from orchestrator.bootstrap import Builder
from orchestrator.cli import app
from orchestrator.domain.periods import periods_between
from orchestrator.fetching import BarKey
from orchestrator.published import published_bars
from orchestrator.settings import Settings
from tests.contract.venue_market import Venue, market, open_venue
from venue.scripted import bar

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def venue() -> Iterator[Venue]:
    feed = market()
    feed.played["BTC/USD", 1440] = [
        bar(start, start + DAY, ["100", "110", "90", str(95 + n % 7)], str(10 + n))
        for n, start in enumerate(datetime(2026, 1, 1, tzinfo=UTC) + n * DAY for n in range(190))
    ]
    with open_venue(feed) as found:
        yield found


@pytest.fixture
def built(venue: Venue) -> Builder:
    values = {"ALPACA_API_KEY": "key", "ALPACA_SECRET_KEY": "secret", "FIREDESK_CLOCK": "venue"}
    values |= dict.fromkeys(("ALPACA_BASE_URL", "ALPACA_DATA_URL", "KRAKEN_BASE_URL", "BINANCE_BASE_URL"), venue.url)
    return Builder(Settings(values), store=MemoryDataLayer())


def desk(*words: object, built: Builder | None = None) -> Result:
    return CliRunner().invoke(app, ["data", *map(str, words)], obj=built)


def refused(result: Result, *words: str, code: int = 2) -> None:
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1, result.stderr
    for word in words:
        assert word in result.stderr


def everything(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def fetch(built: Builder, store: Path, *more: str) -> Result:
    days = ("--from", "2026-01-01", "--to", "2026-07-08")
    return desk("fetch", "binance", "BTC/USD", *days, "--store", store, *more, built=built)


def test_bars_are_fetched_checked_and_published_once(built: Builder, tmp_path: Path) -> None:
    result = fetch(built, tmp_path, "--publish", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["series"][0]["usable"]
    assert told["series"][0]["rows"] == 190
    assert told["published"] == {"BTC/USD": {"2026": "created"}}
    key = BarKey("binance", "BTC/USD", 1440)
    local = ParquetBars(tmp_path).read(key)
    there = published_bars(built.store, key, date(2026, 1, 1), date(2026, 7, 31))
    assert np.array_equal(local.close, there.close)
    assert np.array_equal(local.ends, there.ends)
    again = fetch(built, tmp_path, "--publish")
    assert again.exit_code == 0
    assert "1 unchanged" in again.stdout


def test_what_was_fetched_is_in_the_local_store_for_check(built: Builder, tmp_path: Path) -> None:
    fetch(built, tmp_path)
    result = desk("check", "--store", tmp_path, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["series"][0]["name"] == "BTC/USD"


def test_a_fetch_that_a_broken_venue_cut_off_goes_on_where_it_stopped(
    venue: Venue, built: Builder, tmp_path: Path
) -> None:
    months = (datetime(2026, 5, 1, tzinfo=UTC) + n * timedelta(hours=1) for n in range(24 * 61))
    venue.exchange.feed.played["ETH/USD", 60] = [
        bar(start, start + timedelta(hours=1), ["100", "101", "99", "100.5"], str(1 + n))
        for n, start in enumerate(months)
    ]
    words = ("fetch", "binance", "ETH/USD", "--timeframe", "1h", "--from", "2026-05-01", "--to", "2026-06-30")
    assert desk(*words, "--store", tmp_path / "whole", built=built).exit_code in {0, 1}
    venue.fault("http_5xx", "/api/v3/klines")
    refused(desk(*words, "--store", tmp_path / "cut", built=built), "binance", code=3)
    assert everything(tmp_path / "cut") == {}
    again = desk(*words, "--store", tmp_path / "cut", built=built)
    assert again.exit_code in {0, 1}, again.output
    found = [sorted(everything(tmp_path / name).values()) for name in ("whole", "cut")]
    assert len(found[0]) == 2
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fetch", "binance", "BTC/USD"], "--from is needed"),
        (["fetch", "binance", "BTC/USD", "--from", "soon"], "--from 'soon'"),
        (["fetch", "binance", "BTC/USD", "--from", "2099-01-01"], "--from 2099-01-01 is after"),
        (["fetch", "binance", "BTC/USD", "--from", "2026-01-01", "--timeframe", "7m"], "--timeframe 7m"),
        (["fetch", "moonbase", "BTC/USD", "--from", "2026-01-01"], "moonbase is no exchange"),
        (["fetch", "coinbase", "BTC", "--from", "2026-01-01"], "pairs of one currency"),
    ],
)
def test_what_cannot_be_fetched_is_said_in_a_line(built: Builder, tmp_path: Path, words: list[str], said: str) -> None:
    refused(desk(*words, "--store", tmp_path, built=built), "desk data fetch: ", said)
    assert everything(tmp_path) == {}


def test_a_pair_that_is_not_listed_ends_with_3_and_leaves_nothing(built: Builder, tmp_path: Path) -> None:
    result = desk("fetch", "binance", "NOPE/USD", "--from", "2026-01-01", "--store", tmp_path, built=built)
    refused(result, "does not list NOPE", code=3)
    assert everything(tmp_path) == {}


def written(folder: Path, rows: list[str], name: str = "XLK.csv") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    text = "\n".join(["Date,Open,High,Low,Close,Volume", *rows]) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


WEEK = [f"2026-07-{day:02d},100,101,99,100.5,{day}000" for day in (13, 14, 15, 16, 17)]


@pytest.mark.parametrize("name", ["XLK.csv", "XLK.csv.gz"])
def test_a_sound_file_is_imported_as_it_is(tmp_path: Path, name: str) -> None:
    result = desk("import", written(tmp_path / "in", WEEK, name), "--store", tmp_path / "out")
    assert result.exit_code == 0, result.output
    bars = ParquetBars(tmp_path / "out").read(BarKey("import", "XLK", 1440))
    assert list(bars.volume) == [13_000, 14_000, 15_000, 16_000, 17_000]
    assert datetime.fromtimestamp(int(bars.ends[0]), UTC) == datetime(2026, 7, 13, 19, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    "words", [("--venue", "../beside"), ("--venue", ""), ("--venue", "."), ("--symbol", ".."), ("--symbol", "X K")]
)
def test_no_name_leads_out_of_the_folder_of_bars(tmp_path: Path, words: tuple[str, str]) -> None:
    file = written(tmp_path / "in", WEEK)
    before = everything(tmp_path)
    refused(desk("import", file, *words, "--store", tmp_path / "store" / "bars"), f"{words[0]} {words[1]!r}: name")
    assert everything(tmp_path) == before


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([WEEK[0], *WEEK], "1 rows are there again"),
        ([WEEK[1], WEEK[0], *WEEK[2:]], "1 steps back in time, first at 2026-07-13 (row 1)"),
        ([*WEEK[:4], "2026-07-17,100,101,99,,1"], "1 rows without a finite close, first 2026-07-17 (row 4)"),
        ([*WEEK[:4], "2026-07-17,100,99,99,100,1"], "1 rows whose high or low is not, first 2026-07-17 (row 4)"),
        ([*WEEK[:4], "2026-07-17,50,51,49,50,1"], "of the size of a split that nothing tells of: 2026-07-17 -50%"),
        ([WEEK[0], WEEK[4]], "3 of 5 bars are missing"),
        ([], "no bars at all"),
    ],
)
def test_a_series_that_is_not_to_be_used_is_refused_and_nothing_is_written(
    tmp_path: Path, rows: list[str], said: str
) -> None:
    result = desk("import", written(tmp_path / "in", rows), "--timeframe", "1d", "--store", tmp_path / "out")
    assert result.exit_code == 1, result.output
    assert said in result.stdout
    assert "refused, nothing written" in result.stdout
    assert everything(tmp_path / "out") == {}


def test_one_bad_file_among_good_ones_stops_the_import_before_anything_is_written(tmp_path: Path) -> None:
    written(tmp_path / "in", WEEK, "XLF.csv")
    written(tmp_path / "in", [*WEEK, "2026-07-20,1,1,1,x,1"])
    refused(desk("import", tmp_path / "in", "--store", tmp_path / "out"), "XLK.csv: line 7, column Close", "'x'")
    assert everything(tmp_path / "out") == {}


def test_the_first_and_last_periods_of_a_file_may_be_fetched_again(tmp_path: Path) -> None:
    days = [date(2024, 12, 30) + n * DAY for n in range(400)]
    rows = [f"{day},100,101,99,100.{n % 10},5" for n, day in enumerate(days)]
    file = written(tmp_path / "in", rows, "BTC-USD.csv")
    assert desk("import", file, "--store", tmp_path / "out").exit_code == 0
    bars, key = ParquetBars(tmp_path / "out"), BarKey("import", "BTC/USD", 1440)
    assert len(bars.read(key)) == 400
    known = {period.name: bars.whole(key, period) for period in periods_between(days[0], days[-1], 1440)}
    assert known == {"2024": False, "2025": True, "2026": False}


def test_two_files_of_one_symbol_are_not_mixed(tmp_path: Path) -> None:
    written(tmp_path / "in", WEEK)
    written(tmp_path / "in", WEEK, "XLK_2.csv")
    refused(desk("import", tmp_path / "in", "--store", tmp_path / "out"), "are both XLK")


def test_raw_prices_are_adjusted_only_when_told(tmp_path: Path, data_root: Path) -> None:
    raw = data_root / "equity/daily/lean_raw/AAPL.csv.gz"
    refused(desk("import", raw, "--store", tmp_path), "AAPL has raw prices", "--adjust")
    assert everything(tmp_path) == {}
    assert desk("import", raw, "--adjust", "--store", tmp_path).exit_code == 0
    bars = ParquetBars(tmp_path).read(BarKey("import", "AAPL", 1440))
    assert len(bars) == 5849
    moves = bars.close[1:] / bars.close[:-1] - 1
    assert int((np.abs(moves) > 0.30).sum()) == 1  # the true fall of 2000-09-29
    assert desk("check", "--store", tmp_path).exit_code == 0


def test_parquet_is_read_by_the_same_names(tmp_path: Path) -> None:
    times = np.array(["2026-07-13T00:00", "2026-07-14T00:00", "2026-07-15T00:00"], "datetime64[us]")
    columns = {name: np.array([100.0, 101.0, 102.0]) for name in ("open", "high", "low", "close", "volume")}
    file = tmp_path / "BTC_USDT.parquet"
    pq.write_table(pa.table({"timestamp": times, **columns}), file)
    result = desk("import", file, "--store", tmp_path / "out", "--venue", "binance")
    assert result.exit_code == 0, result.output
    assert len(ParquetBars(tmp_path / "out").read(BarKey("binance", "BTC/USDT", 1440))) == 3
    file.write_bytes(b"no parquet")
    refused(desk("import", file, "--store", tmp_path / "out"), "BTC_USDT.parquet: expected a Parquet file")


def test_a_damaged_chunk_is_named_and_not_taken_for_one_that_is_there(built: Builder, tmp_path: Path) -> None:
    fetch(built, tmp_path)
    (file,) = tmp_path.rglob("*.parquet")
    file.write_bytes(file.read_bytes()[:100])
    refused(fetch(built, tmp_path), str(file.name), "expected a chunk of bars")
    refused(desk("check", "--store", tmp_path), str(file.name))


def test_an_empty_store_says_what_to_do(tmp_path: Path) -> None:
    refused(desk("check", "--store", tmp_path), "no bars here; fetch or import some")
