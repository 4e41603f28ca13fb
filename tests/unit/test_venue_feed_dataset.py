"""Files that cannot be used are refused with one line that says where and what was expected."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from orchestrator.domain.errors import MalformedDataError
from tests.venue_feed_folder import BARS, write
from venue.dataset import Report, days, numbers, read_table, times_local, times_utc


def test_missing_column_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "XLK.csv", "date,open,high,low", "2026-07-16,1,1,1")
    with pytest.raises(MalformedDataError) as error:
        read_table(path, ("open", "close", "volume"))
    assert str(error.value) == f"{path}: line 1: expected column close, volume, found 'date,open,high,low'"


def test_empty_file_has_no_columns(tmp_path: Path) -> None:
    path = tmp_path / "XLK.csv"
    path.write_text("")
    with pytest.raises(MalformedDataError, match="line 1: expected column open"):
        read_table(path, ("open",))


def test_row_of_another_width_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "XLK.csv.gz", "a,b", "1,2", "3")
    with pytest.raises(MalformedDataError, match=r"XLK\.csv\.gz: line 3: expected 2 cells, found 1"):
        read_table(path, ())


def test_cell_that_is_no_number_is_named(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "XLK.csv", "close", "1.5", "abc"), ("close",))
    with pytest.raises(MalformedDataError, match=r"XLK\.csv: line 3, column close: expected a number, found 'abc'"):
        numbers(table, "close")


def test_empty_cell_and_infinity_are_missing(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "XLK.csv", "close,volume", ",1", "nan,1", "-inf,1", "2.5,1"), ("close",))
    values = numbers(table, "close")
    assert np.isnan(values[:3]).all()
    assert values[3] == 2.5


@pytest.mark.parametrize(
    "stamp",
    [
        "2026-07-16T13:30:00",
        "2026-07-16T13:30:00+02:00",
        "16.07.2026",
        "2026-13-16T13:30:00Z",
        "2026-07-16T25:30:00Z",
        "",
    ],
)
def test_time_of_another_form_is_refused(tmp_path: Path, stamp: str) -> None:
    table = read_table(write(tmp_path, "XLK.csv", "ts_utc,x", "2026-07-16T13:30:00Z,1", f"{stamp},1"), ("ts_utc",))
    expected = f"line 3, column ts_utc: expected a time such as 2026-07-16T13:30:00Z, found {stamp!r}"
    with pytest.raises(MalformedDataError) as error:
        times_utc(table, "ts_utc")
    assert expected in str(error.value)


def test_date_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "XLK.csv", "date", "2026-02-30"), ("date",))
    with pytest.raises(MalformedDataError, match="line 2, column date: expected a time such as 2026-07-16, found"):
        days(table, "date")


def test_times_become_seconds_and_days(tmp_path: Path) -> None:
    rows = write(tmp_path, "x.csv", "ts_utc,asof_ny,date", "1970-01-02T00:00:01Z,1970-01-01T00:01:00,1970-01-03")
    table = read_table(rows, ())
    assert times_utc(table, "ts_utc").tolist() == [86_401]
    assert times_local(table, "asof_ny").tolist() == [60]
    assert days(table, "date").tolist() == [2]


@pytest.mark.parametrize(
    "content", [b"no gzip at all", gzip.compress(b"a,b\n1,2\n" * 5000)[:60]], ids=["text", "cut off"]
)
def test_broken_gzip_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "XLK.csv.gz"
    path.write_bytes(content)
    with pytest.raises(MalformedDataError, match=r"XLK\.csv\.gz: expected a CSV file \(gzip when named \.gz\)"):
        read_table(path, ())


def test_text_of_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "XLK.csv"
    path.write_bytes(BARS.encode() + b"\n\xff\xfe")
    with pytest.raises(MalformedDataError, match="expected a CSV file"):
        read_table(path, ())


def test_report_adds_up_by_file_and_reason() -> None:
    report = Report()
    report.drop("a.csv", "NaN", 2)
    report.drop("a.csv", "NaN", 1)
    report.drop("b.csv", "duplicate", 0)
    report.note("a.csv", "scaled")
    report.note("a.csv", "scaled")
    assert report.by_file() == {"a.csv": {"NaN": 3}}
    assert report.notes == {"a.csv": ["scaled"]}
