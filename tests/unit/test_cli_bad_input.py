"""Bad input to the command line: one line that says what, where and what to do; nothing is written or left behind."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from orchestrator.cli import app
from tests.small_market import read_rows, write_folder, write_rows

WINDOW = ["--from", "2026-07-16", "--to", "2026-07-22", "--store", "memory"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "data")


def desk(*arguments: str | Path, **more: object) -> Result:
    return CliRunner().invoke(app, [str(part) for part in arguments], **more)


def refused(result: Result, *words: str, code: int = 2) -> None:
    """One line on standard error that says these words; nothing on standard output."""
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1, result.stderr
    assert result.stderr.startswith("desk")
    for word in words:
        assert word in result.stderr


def replay(folder: Path, *more: str) -> Result:
    """A replay with a page, which must not be written when the input is bad."""
    page = folder.parent / "page.html"
    before = set(folder.parent.rglob("*"))
    result = desk("replay", "--data", folder, *WINDOW, "--html", page, *more)
    if result.exit_code == 2:
        assert set(folder.parent.rglob("*")) == before
    return result


def test_a_good_folder_replays(folder: Path) -> None:
    result = replay(folder)
    assert result.exit_code == 0, result.output
    assert "equal the venue's ledger to the cent" in result.stdout
    assert "<svg" in (folder.parent / "page.html").read_text()


def test_a_malformed_number_is_named_by_file_line_and_column(folder: Path) -> None:
    file = folder / "equity/daily/recent/XLK.csv.gz"
    rows = read_rows(file)
    rows[-2] = rows[-2].replace(rows[-2].split(",")[1], "abc", 1)
    write_rows(file, rows)
    refused(replay(folder), "XLK.csv.gz", f"line {len(rows) - 1}", "column open", "'abc'")


def test_a_file_cut_short_is_named(folder: Path) -> None:
    file = folder / "equity/daily/recent/XLK.csv.gz"
    file.write_bytes(file.read_bytes()[:200])
    refused(replay(folder), "XLK.csv.gz", "ended before")


def test_a_column_that_is_missing_is_named(folder: Path) -> None:
    file = folder / "equity/daily/recent/XLK.csv.gz"
    write_rows(file, [row.rpartition(",")[0].replace(",open", ",opening") for row in read_rows(file)])
    refused(replay(folder), "XLK.csv.gz", "open")


@pytest.mark.parametrize(
    ("universe", "words"),
    [
        ("stocks=NOPE", ("NOPE", "there is: SPY, XLK")),
        ("stocks=XLK,NOPE", ("NOPE",)),
        ("crypto=BTC", ("BTC/USD", "there is: nothing")),
        ("bonds=XLK", ("bonds=XLK", "stocks, options, crypto")),
        ("stocks", ("'stocks'", "MODULE=SYMBOL")),
    ],
)
def test_an_unknown_symbol_or_module_is_named(folder: Path, universe: str, words: tuple[str, ...]) -> None:
    refused(replay(folder, "--universe", universe), *words)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    refused(desk("replay", "--data", tmp_path / "nowhere", *WINDOW), "nowhere", "no such folder")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused(desk("replay", "--data", tmp_path / "empty", *WINDOW), "empty", "equity/")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file.csv").write_text("date\n")
    refused(desk("replay", "--data", tmp_path / "file.csv", *WINDOW), "file.csv", "no such folder")


def test_the_first_day_must_not_be_after_the_last(folder: Path) -> None:
    refused(desk("replay", "--data", folder, "--from", "2026-07-22", "--to", "2026-07-16"), "2026-07-22 is after")


@pytest.mark.parametrize("day", ["2026-13-01", "yesterday", "16.07.2026"])
def test_a_wrong_date_is_refused(folder: Path, day: str) -> None:
    refused(desk("replay", "--data", folder, "--from", day, "--to", "2026-07-22"), "--from", day)


def test_days_without_data_are_refused(folder: Path) -> None:
    found = desk("replay", "--data", folder, "--from", "2031-07-16", "--to", "2031-07-22", "--store", "memory")
    refused(found, "nothing to replay", "2031-07-16")


def test_a_page_in_no_folder_is_refused_before_anything_runs(folder: Path) -> None:
    refused(desk("replay", "--data", folder, *WINDOW, "--html", folder / "no" / "page.html"), "--html", "page.html")


def test_a_page_that_cannot_be_written_is_one_line(folder: Path) -> None:
    page = folder.parent / ("x" * 300 + ".html")
    result = desk("replay", "--data", folder, *WINDOW, "--html", page)
    refused(result, "File name too long")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["replay"], ("--data",)),
        (["run"], ("module",)),
        (["run", "bonds"], ("bonds", "'crypto'")),
        (["run", "stocks", "--slot", "noon"], ("--slot", "'noon'", "2026-07-16T14:30:00Z")),
        (["bogus"], ("bogus",)),
        (["halt", "--wait", "soon"], ("--wait", "valid number")),
        (["tune", "--selfcheck", "--data", "bars"], ("--selfcheck", "leave", "--data")),
        (["tune", "--shards", "0"], ("--shard 0 of --shards 0", "from 0, below --shards")),
    ],
)
def test_a_command_line_that_cannot_be_read_is_one_line(arguments: list[str], words: tuple[str, ...]) -> None:
    refused(desk(*arguments), *words)
