"""Files of made-up bars for backtests: as a person would have them, sound unless a test spoils them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from ml.validation.honesty import made_up

HEAD = "date,open,high,low,close,volume"
START = datetime(2024, 1, 1, tzinfo=UTC)


def session_days(count: int) -> list[str]:
    """Days on which New York trades, from the start of 2024."""
    from venue.sessions import day_number, xnys

    first = int(np.searchsorted(xnys().days, day_number(START.date())))
    return [str(np.datetime64(int(day), "D")) for day in xnys().days[first : first + count]]


def write_stocks(folder: Path, symbols=("SPY", "AAPL", "MSFT"), *, rows=260, seed=7) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    days = session_days(rows)
    panel = made_up(symbols, rows=rows, minutes=1440, seed=seed)
    for column, symbol in enumerate(symbols):
        write(folder / f"{symbol}.csv", days, panel, column)
    return folder


def write_coins(folder: Path, *, rows=300, seed=8) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    days = [str(np.datetime64("2024-01-01") + day) for day in range(rows)]
    write(folder / "BTC_USDT.csv", days, made_up(("BTC",), rows=rows, minutes=1440, seed=seed), 0)
    return folder


def write(path: Path, days, panel, column) -> None:
    arrays = (panel.open, panel.high, panel.low, panel.close, panel.volume)
    values = np.column_stack([array[:, column] for array in arrays])
    lines = [f"{day},{','.join(f'{one:.4f}' for one in row)}" for day, row in zip(days, values, strict=True)]
    path.write_text("\n".join([HEAD, *lines]) + "\n", encoding="utf-8")
