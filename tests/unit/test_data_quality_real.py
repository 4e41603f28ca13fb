"""The defects that are known of the real files are found and said by name; series without any pass."""

import gzip
import json
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestrator.cli import app
from orchestrator.cli.data.check import series_in
from orchestrator.cli.data.places import judged
from orchestrator.domain.findings import Defect, Finding, QualityReport


@cache
def report(path: Path, calendar: str = "") -> QualityReport:
    (series,) = series_in(path, calendar, 0)
    return judged(series, calendar)


def the(found: QualityReport, defect: Defect) -> Finding:
    (one,) = (finding for finding in found.findings if finding.defect is defect)
    return one


def test_spy_minutes_have_overlapping_pulls_steps_back_and_a_row_of_nothing(data_root: Path) -> None:
    spy = report(data_root / "equity/minute/yahoo_2019_12/SPY.csv.gz")
    assert spy.rows == 13_435
    assert spy.count(Defect.DUPLICATE) + spy.count(Defect.CONFLICT) == 5075
    assert (spy.count(Defect.DUPLICATE), spy.count(Defect.CONFLICT)) == (5071, 4)
    assert spy.count(Defect.ORDER) == 18
    assert spy.count(Defect.NOT_A_NUMBER) == 1
    assert spy.count(Defect.NO_VOLUME) == 20
    assert not spy.verdict.usable
    assert the(spy, Defect.ORDER).first == "2019-12-20 14:31 UTC"


@pytest.mark.parametrize("symbol", ["XLV", "SOXL", "SPXL"])
def test_one_duplicate_one_step_back_and_one_empty_row_are_enough(data_root: Path, symbol: str) -> None:
    found = report(data_root / f"equity/minute/yahoo_2019_12/{symbol}.csv.gz")
    assert found.count(Defect.DUPLICATE) + found.count(Defect.CONFLICT) == 1
    assert found.count(Defect.ORDER) == 1
    assert found.count(Defect.NOT_A_NUMBER) == 1
    assert not found.verdict.usable


@pytest.mark.parametrize("symbol", ["XLK", "QQQ", "TLT", "GLD"])
def test_minutes_without_such_defects_pass_with_their_gaps_told(data_root: Path, symbol: str) -> None:
    found = report(data_root / f"equity/minute/yahoo_2019_12/{symbol}.csv.gz")
    assert found.verdict.usable
    assert 0 < found.count(Defect.MISSING) < 50


def test_the_years_of_another_ticker_are_a_hole_in_qqq(data_root: Path) -> None:
    qqq = report(data_root / "equity/daily/lean_raw/QQQ.csv.gz")
    hole = the(qqq, Defect.HOLE)
    assert hole.text == "no bars from 2004-11-30 to 2011-03-23 (2304 days); traded as QQQQ then"
    assert qqq.count(Defect.MISSING) == 1588
    assert not qqq.verdict.usable


def test_the_older_holder_of_eem_is_told_by_map_file_gap_and_tenfold_price(data_root: Path) -> None:
    eem = report(data_root / "equity/daily/lean_raw/EEM.csv.gz")
    assert the(eem, Defect.OTHER_HOLDER).count == 722
    assert "(127 days)" in the(eem, Defect.HOLE).text
    assert the(eem, Defect.BREAK).first == "2003-04-11"
    assert "2005-06-09" in the(eem, Defect.EXPLAINED_JUMP).text
    assert "2008-07-24" in the(eem, Defect.EXPLAINED_JUMP).text
    assert not eem.verdict.usable


def test_apples_splits_are_explained_and_its_true_fall_is_told(data_root: Path) -> None:
    aapl = report(data_root / "equity/daily/lean_raw/AAPL.csv.gz")
    split = the(aapl, Defect.EXPLAINED_JUMP)
    assert split.count == 4
    for day in ("2000-06-21", "2005-02-28", "2014-06-09", "2020-08-31"):
        assert day in split.text
    fall = the(aapl, Defect.JUMP)
    assert (fall.count, fall.first) == (1, "2000-09-29")
    assert "-52%" in fall.text
    assert aapl.verdict.usable


@pytest.mark.parametrize(
    ("symbol", "day"), [("IBM", "1999-05-27"), ("IWM", "2005-06-09"), ("QQQ", "2000-03-20"), ("BAC", "2004-08-30")]
)
def test_splits_are_explained_by_the_factor_files(data_root: Path, symbol: str, day: str) -> None:
    assert day in the(report(data_root / f"equity/daily/lean_raw/{symbol}.csv.gz"), Defect.EXPLAINED_JUMP).text


@pytest.mark.parametrize(("symbol", "count"), [("GOOG", 2422), ("BAC", 188)])
def test_bars_of_a_ticker_that_was_someone_elses_are_not_this_holdings(
    data_root: Path, symbol: str, count: int
) -> None:
    found = report(data_root / f"equity/daily/lean_raw/{symbol}.csv.gz")
    assert the(found, Defect.OTHER_HOLDER).count == count
    assert not found.verdict.usable


def test_without_factor_files_splits_are_told_as_such(data_root: Path, tmp_path: Path) -> None:
    alone = tmp_path / "AAPL.csv.gz"
    alone.write_bytes((data_root / "equity/daily/lean_raw/AAPL.csv.gz").read_bytes())
    aapl = report(alone)
    told = the(aapl, Defect.SPLIT_UNTOLD).text + the(aapl, Defect.BREAK).text
    for day in ("2000-06-21", "2005-02-28", "2014-06-09", "2020-08-31"):
        assert day in told
    assert the(aapl, Defect.JUMP).first == "2000-09-29"
    assert not aapl.verdict.usable


def test_a_dividend_a_hundred_times_too_large_is_found(data_root: Path) -> None:
    folder = data_root / "equity/dirty_yahoo"
    bad = report(folder / "KME-MI-1d-bad-div.csv.gz", "XMIL")
    assert the(bad, Defect.DIVIDEND).first == "2023-05-22"
    assert not bad.verdict.usable
    assert report(folder / "KME-MI-1d-bad-div-fixed.csv.gz", "XMIL").verdict.usable


def test_infinite_adjusted_prices_empty_rows_and_fiftyfold_prices_are_found(data_root: Path) -> None:
    bad = report(data_root / "equity/dirty_yahoo/SSNLF-1d-bad-div.csv.gz")
    assert bad.count(Defect.NOT_A_NUMBER) == 842
    assert the(bad, Defect.BREAK).first == "2001-08-07"
    assert bad.count(Defect.STALE) > 5000
    assert not bad.verdict.usable
    fixed = report(data_root / "equity/dirty_yahoo/SSNLF-1d-bad-div-fixed.csv.gz")
    assert fixed.count(Defect.NOT_A_NUMBER) == 242
    assert not fixed.verdict.usable


@pytest.mark.parametrize("name", ["CALM-1d-no-bad-divs", "EWG-1d-no-bad-divs"])
def test_series_with_sound_dividends_have_no_finding(data_root: Path, name: str) -> None:
    found = report(data_root / f"equity/dirty_yahoo/{name}.csv.gz")
    assert found.findings == ()
    assert found.score == 1.0


@pytest.mark.parametrize(
    "path",
    [
        "equity/daily/recent/SPY.csv.gz",
        "equity/daily/recent/XLRE.csv.gz",
        "equity/daily/lean_raw/SPY.csv.gz",
        "equity/daily/leveraged_adjusted/TQQQ.csv.gz",
        "equity/daily/etf_2024_2025/SOXL.csv.gz",
        "equity/5min/SPY.csv.gz",
        "crypto/binance_spot/1d/BTC_USDT.csv.gz",
        "crypto/binance_spot/1h/ETH_USDT_2020_2025.csv.gz",
        "crypto/binance_spot/15m/ADA_USDT.csv.gz",
    ],
)
def test_clean_series_pass(data_root: Path, path: str) -> None:
    found = report(data_root / path)
    assert found.verdict.usable, found.verdict
    assert found.score > 0.9


def test_true_moves_of_coins_are_told_and_do_not_end_the_matter(data_root: Path) -> None:
    ada = report(data_root / "crypto/binance_spot/15m/ADA_USDT.csv.gz")
    assert "2025-10-10 21:30 UTC -28%" in the(ada, Defect.JUMP).text


def test_a_coin_is_never_split_however_far_it_fell(data_root: Path) -> None:
    found = report(data_root / "crypto/coinbase/1d/BTCUSD_trade.csv.gz")
    assert "2015-01-14 -50%, 2015-01-15 +57%" in the(found, Defect.JUMP).text
    assert found.verdict.usable
    assert found.count(Defect.MISSING) == 34


def test_an_index_with_a_rebuilt_day_is_not_used(data_root: Path) -> None:
    vix = report(data_root / "equity/daily/recent/VIX_index.csv.gz")
    assert (vix.count(Defect.CONFLICT), vix.count(Defect.OFF_SESSION), vix.count(Defect.MISSING)) == (1, 1, 0)
    assert the(vix, Defect.CONFLICT).first == "2026-07-24"
    assert "2026-05-25" in the(vix, Defect.OFF_SESSION).text


def test_hours_without_a_trade_are_missing_bars(data_root: Path) -> None:
    found = report(data_root / "crypto/kraken/1h/XBTUSD_60.csv.gz")
    assert found.count(Defect.MISSING) > 1636


def desk(*words: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["data", "check", *map(str, words)])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_ends_with_1_for_what_is_not_to_be_used_and_says_why(data_root: Path) -> None:
    path = data_root / "equity/minute/yahoo_2019_12/XLV.csv.gz"
    code, out, _ = desk(path)
    assert code == 1
    assert "not usable" in out
    assert "1 steps back in time, first at 2019-12-30 14:31 UTC (row 3313)" in out
    code, out, _ = desk(path, "--json")
    told = json.loads(out)["series"][0]
    assert code == 1
    assert not told["usable"]
    assert {"order", "not_a_number"} <= {one["defect"] for one in told["findings"] if one["fatal"]}


def test_the_command_ends_with_0_for_sound_bars(data_root: Path) -> None:
    code, out, _ = desk(data_root / "equity/daily/recent/SPY.csv.gz")
    assert code == 0
    assert "usable" in out


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("date,open,high,low,close\n", ["line 1", "no column for volume"]),
        ("date,open,high,low,close,volume\n2026-07-16,1,1,1,x,1\n", ["line 2, column close", "'x'"]),
        ("date,open,high,low,close,volume\n2026-07-16,1,1\n", ["line 2", "expected 6 cells, found 3"]),
        ("ts_utc,open,high,low,close,volume\nnoon,1,1,1,1,1\n", ["line 2, column ts_utc", "'noon'"]),
        ("ts_utc,open,high,low,close,volume\n2026-07-16T12:00:00,1,1,1,1,1\n", ["line 2", "with its zone"]),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line_with_file_line_and_column(
    tmp_path: Path, content: str, words: list[str]
) -> None:
    for name, written in (("a.csv", content.encode()), ("b.csv.gz", gzip.compress(content.encode()))):
        file = tmp_path / name
        file.write_bytes(written)
        code, out, err = desk(file)
        assert (code, out, err.count("\n")) == (2, "", 1)
        for word in (name, *words):
            assert word in err


def test_a_path_that_is_not_there_and_a_calendar_that_is_unknown_are_said(tmp_path: Path) -> None:
    code, _, err = desk(tmp_path / "none.csv")
    assert (code, "no such file" in err) == (2, True)
    file = tmp_path / "a.csv"
    file.write_text("date,open,high,low,close,volume\n2026-07-16,1,1,1,1,1\n")
    code, _, err = desk(file, "--calendar", "MOON")
    assert (code, "--calendar MOON" in err) == (2, True)
