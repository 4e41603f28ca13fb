"""`desk backtest`: what it says of a run, and one line for what it cannot run."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.bootstrap import Builder
from orchestrator.cli import app
from orchestrator.domain.codec import decode
from orchestrator.domain.documents import BacktestDoc
from orchestrator.settings import Settings
from tests.backtest_files import session_days, write_coins, write_stocks


@pytest.fixture(scope="module")
def stocks(tmp_path_factory) -> Path:
    return write_stocks(tmp_path_factory.mktemp("bars") / "stocks")


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bars") / "both"
    write_stocks(folder)
    return write_coins(folder)


def desk(*words: object) -> Result:
    return CliRunner().invoke(app, ["backtest", *map(str, words)])


def told(*words: object) -> dict:
    result = desk(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refused(result: Result, *words: str, code: int = 2) -> None:
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1, result.stderr
    assert result.stderr.startswith("desk backtest")
    for word in words:
        assert word in result.stderr, result.stderr


def momentum(stocks: Path, *more: object) -> tuple[object, ...]:
    return ("--strategy", "momentum", "--data", stocks, "--symbols", "SPY,AAPL,MSFT", *more)


def test_every_number_comes_with_its_interval_and_its_cautions(stocks: Path) -> None:
    found = told(*momentum(stocks))
    sharpe = found["metrics"]["sharpe"]
    assert sharpe["low"] < sharpe["value"] < sharpe["high"]
    assert found["plain"]["trades"] == len(found["trades"]) > 0
    assert found["plain"]["final_equity"] == pytest.approx(
        found["capital"] + sum(trade["profit"] for trade in found["trades"])
    )
    assert sum(group["profit"] for group in found["groups"]["symbol"]) == pytest.approx(
        sum(trade["profit"] for trade in found["trades"])
    )
    assert any("holds zero" in text for text in found["cautions"])
    assert any("next bar" in text for text in found["execution"])


def test_the_same_backtest_has_the_same_id_and_another_one_another(stocks: Path) -> None:
    first = told(*momentum(stocks))
    assert told(*momentum(stocks))["id"] == first["id"]
    assert told(*momentum(stocks, "--cash", 50_000))["id"] != first["id"]
    assert told(*momentum(stocks, "--set", "lookback=30"))["id"] != first["id"]


def test_of_files_of_several_lengths_the_one_asked_for_is_taken(stocks: Path, tmp_path: Path) -> None:
    rows = [f"2026-07-16T{hour:02d}:00:00Z,10,11,9,10,100" for hour in range(14, 20)]
    (tmp_path / "SPY.csv").write_text("\n".join(["date,open,high,low,close,volume", *rows]))
    refused(desk(*momentum(stocks), "--data", tmp_path), "are both SPY")
    assert told(*momentum(stocks), "--data", tmp_path, "--timeframe", "1d")["id"] == told(*momentum(stocks))["id"]


def test_only_the_days_asked_for_are_traded_and_later_ones_are_not_looked_at(stocks: Path) -> None:
    days = session_days(260)
    found = told(*momentum(stocks, "--from", days[150], "--to", days[219]))
    assert found["first"].startswith(days[150])
    assert found["last"].startswith(days[219])
    cut = stocks.parent / "cut"
    write_stocks(cut)
    for file in cut.iterdir():
        file.write_text("\n".join(file.read_text().splitlines()[:221]) + "\n")
    again = told("--strategy", "momentum", "--data", cut, "--symbols", "SPY,AAPL,MSFT", "--from", days[150])
    assert again["trades"] == found["trades"]
    assert again["metrics"] == found["metrics"]


def test_modules_run_together_and_a_dollar_coin_stands_for_the_dollar(both: Path) -> None:
    found = told("stocks", "crypto", "--data", both, "--symbols", "stocks=SPY,AAPL,MSFT crypto=BTC")
    assert {trade["module"] for trade in found["trades"]} == {"stocks", "crypto"}
    assert "BTC/USDT is taken for BTC/USD." in found["bars"]
    assert found["plain"]["final_equity"] == pytest.approx(
        found["capital"] + sum(trade["profit"] for trade in found["trades"])
    )


def test_a_sweep_tries_every_combination_and_says_what_that_is_worth(stocks: Path) -> None:
    found = told(*momentum(stocks, "--sweep", "lookback=20:40:10", "--sweep", "momentum.trend=30,60"))
    assert len(found["sweep"]) == 6
    assert len({json.dumps(point["values"]) for point in found["sweep"]}) == 6
    assert any("6 sets of values" in text for text in found["cautions"])
    assert all(0 < p <= 1 for p in found["sweep_p_values"].values())
    alone = told(*momentum(stocks, "--set", "lookback=20", "--set", "trend=30"))
    point = next(p for p in found["sweep"] if p["values"] == {"momentum.lookback": 20, "momentum.trend": 30})
    assert point["final_equity"] == pytest.approx(alone["plain"]["final_equity"])


def test_twice_the_costs_earn_less(stocks: Path) -> None:
    once, twice = told(*momentum(stocks)), told(*momentum(stocks, "--cost-times", 2))
    assert twice["plain"]["costs"] > 1.8 * once["plain"]["costs"]
    assert twice["plain"]["final_equity"] < once["plain"]["final_equity"]


def test_a_person_reads_a_table_and_gets_one_file_that_loads_nothing(stocks: Path, tmp_path: Path) -> None:
    result = desk(*momentum(stocks, "--sweep", "lookback=20,40", "--benchmark", "SPY", "--out", tmp_path / "r.html"))
    assert result.exit_code == 0, result.output
    for word in ("Sharpe ratio", "careful", "stocks.momentum", "best of the sweep", "r.html"):
        assert word in result.stdout
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert page.count("<svg") > 5
    for word in ("http", "src=", "@import", "url("):
        assert word not in page
    for heading in ("Read with care", "Drawdown", "Month by month", "Trades on the price", "Parameters", "The bars"):
        assert heading in page


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), ("name a module",)),
        (("--strategy", "magic"), ("magic", "momentum")),
        (("crypto", "--strategy", "momentum"), ("momentum is of stocks",)),
        (("stocks", "--from", "2024-06-01", "--to", "2024-05-01"), ("2024-06-01 is after",)),
        (("stocks", "--symbols", "NOPE"), ("no bars of NOPE", "there is: AAPL, MSFT, SPY", "--symbols")),
        (("stocks", "--symbols", "crypto=BTC"), ("crypto is not among",)),
        (("stocks", "--benchmark", "GLD"), ("--benchmark GLD",)),
        (("stocks", "--set", "momentum.lookbak=3"), ("momentum.lookbak", "near: momentum.lookback")),
        (("stocks", "--set", "momentum.lookback=3"), ("is not between 5 and 252",)),
        (("stocks", "--set", "momentum.lookback=9.5"), ("not a whole number",)),
        (("stocks", "--sweep", "momentum.lookback=5:200:0.1"), ("momentum.lookback",)),
        (("stocks", "--sweep", "momentum.lookback=60:20:10"), ("the lower value first",)),
        (("stocks", "--sweep", "momentum.lookback=a:b:c"), ("a:b:c: expected first:last:step",)),
        (("stocks", "--sweep", "momentum.lookback=a,b"), ("'a' is not a number",)),
        (("stocks", "--cash", "0"), ("--cash 0",)),
        (("stocks", "--fill", "never"), ("--fill never", "next_open")),
        (("stocks", "--timeframe", "7m"), ("--timeframe 7m",)),
        (("stocks", "--from", "2030-01-01"), ("0 bars between --from and --to", "ends 20")),
        (("stocks", "--to", "2020-01-01"), ("no bars until --to",)),
        (("--strategy", "leveraged"), ("no bars of", "TQQQ")),
        (("stocks", "--out", "/no/such/folder/r.html"), ("--out",)),
    ],
)
def test_what_cannot_be_run_is_said_in_one_line(stocks: Path, words: tuple[str, ...], said: tuple[str, ...]) -> None:
    refused(desk(*words, "--data", stocks), *said)


def spoilt(folder: Path, change) -> Path:
    write_stocks(folder, rows=120)
    file = folder / "AAPL.csv"
    head, *lines = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join([head, *change(lines)]) + "\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: [lines[1], lines[0], *lines[2:]], ("AAPL", "back in time")),
        (lambda lines: [lines[0], *lines], ("AAPL", "again")),
        (lambda lines: [*lines[:9], ",".join([lines[9].split(",")[0], *["nan"] * 5]), *lines[10:]], ("AAPL",)),
        (lambda lines: [*lines[:9], lines[9].replace(",", ",abc", 1), *lines[10:]], ("line 11", "column open")),
        (lambda lines: lines[:30], ("momentum: 30 bars of 1440 minutes, more than 61 are needed",)),
        (lambda _lines: [], ("AAPL.csv", "too few rows")),
    ],
    ids=("unsorted", "duplicate", "nan", "word", "too few", "empty"),
)
def test_bars_that_are_not_sound_are_refused_and_nothing_is_written(tmp_path: Path, change, said) -> None:
    folder, page = spoilt(tmp_path / "bars", change), tmp_path / "r.html"
    only = ("--strategy", "momentum", "--symbols", "AAPL", "--data", folder / "AAPL.csv", "--out", page)
    refused(desk(*only), *said)
    assert not page.exists()


def test_a_result_is_kept_once_under_a_name_made_of_its_inputs(stocks: Path) -> None:
    built = Builder(Settings({}), store=MemoryDataLayer())
    keep = [str(word) for word in ("backtest", *momentum(stocks), "--store", "--json")]
    first, second = (CliRunner().invoke(app, keep, obj=built) for _ in range(2))
    found = json.loads(first.stdout)
    assert json.loads(second.stdout)["stored"] == found["stored"] == f"backtests/{found['id']}"
    (snapshot,) = built.store.query("backtests", [])
    kept = decode(BacktestDoc, snapshot.data, where=snapshot.path)
    assert float(kept.final_equity) == pytest.approx(found["plain"]["final_equity"], abs=0.005)
    assert kept.metrics["sharpe"].model_dump() == found["metrics"]["sharpe"]
    assert len(kept.days) == len(kept.equity) <= 500
    assert list(kept.cautions) == found["cautions"]


def test_a_store_out_of_reach_is_said_before_anything_runs(stocks: Path, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:9")
    result = desk(*momentum(stocks, "--store", "--out", tmp_path / "r.html"))
    refused(result, "127.0.0.1:9 does not answer", code=3)
    assert not (tmp_path / "r.html").exists()


DAYS = ("--from", "2026-07-16", "--to", "2026-07-21")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("stocks", "options"), ("stocks, options: name one folder", "--data, and --from and --to")),
        (("stocks", "options", "--data", "FOLDER", *DAYS, "--cash", "5000"), ("through the desk itself",)),
        (
            ("stocks", "options", "--data", "FOLDER", *DAYS, "--sweep", "momentum.lookback=20,40"),
            ("through the desk itself",),
        ),
        (("options", "--data", "FOLDER"), ("--data, and --from and --to",)),
        (("options", "--data", "FOLDER", *DAYS, "--fill", "same_close"), ("are of bars",)),
        (("options", "--data", "FOLDER", *DAYS, "--timeframe", "1h"), ("are of bars",)),
        (("options", "--data", "FOLDER", *DAYS, "--adjust"), ("are of bars",)),
        (("options", "--data", "FOLDER", *DAYS, "--sweep", "min_confidence=0.6,2"), ("is not between 0.5 and 0.95",)),
        (("options", "--data", "FOLDER", *DAYS, "--set", "min_confidence=2"), ("is not between 0.5 and 0.95",)),
        (("options", "--data", "/no/such/folder", *DAYS), ("/no/such/folder",)),
    ],
)
def test_what_recorded_chains_do_not_know_is_refused(stocks: Path, words, said) -> None:
    refused(desk(*(stocks if word == "FOLDER" else word for word in words)), *said)
