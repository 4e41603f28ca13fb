"""Writes small data folders in the layout that a replay reads."""

from __future__ import annotations

import gzip
from pathlib import Path

DAILY = "date,open,high,low,close,adj_close,volume"
BARS = "ts_utc,open,high,low,close,volume"
CHAIN = "asof_ny,fetched_utc,underlying_price,expiration,right,strike,bid,ask,last,volume,open_interest,iv"
GREEKS = (
    "snapshot_utc,underlying_price,occ_symbol,expiration,right,strike,bid,ask,last,volume,open_interest,iv,"
    "delta,gamma,theta,vega,rho,greeks_source"
)


def write(root: Path, where: str, header: str, *rows: str) -> Path:
    """Write a file of the folder, gzip when its name says so."""
    path = root / where
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join([header, *rows]) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def daily(day: str, close: float, *, open_: float | None = None, adj: float | None = None, volume: int = 1000) -> str:
    """Return a row of DAILY around a close."""
    first = close if open_ is None else open_
    high, low = max(first, close) + 1, min(first, close) - 1
    return f"{day},{first},{high},{low},{close},{close if adj is None else adj},{volume}"


def minute(stamp: str, close: float, *, open_: float | None = None, volume: float = 100) -> str:
    """Return a row of BARS around a close."""
    first = close if open_ is None else open_
    return f"{stamp},{first},{max(first, close)},{min(first, close)},{close},{volume}"


def week(root: Path) -> Path:
    """Write a week of July 2026: XLK, SPY, BTC daily, SPY's chain at the close of 07-17, a day of ETH by 15 minutes."""
    days = ["2026-07-13", "2026-07-14", "2026-07-15", "2026-07-16", "2026-07-17"]
    write(
        root,
        "equity/daily/recent/XLK.csv.gz",
        DAILY,
        *(daily(day, 100 + n, open_=99 + n) for n, day in enumerate(days)),
    )
    write(root, "equity/daily/recent/SPY.csv.gz", DAILY, *(daily(day, 600 + n) for n, day in enumerate(days)))
    write(
        root,
        "options/chains_2026/SPY_eod.csv.gz",
        CHAIN,
        "2026-07-17T16:00:00,2026-07-17T20:48:17Z,605.5,2026-07-24,C,600,8.1,8.3,8.2,10,20,0.15",
        "2026-07-17T16:00:00,2026-07-17T20:48:17Z,605.5,2026-07-24,P,600,0.0,0.02,0,0,5,0.0",
    )
    coin = [f"{day},60000,61000,59000,{60000 + 100 * n},60000,6000000" for n, day in enumerate([*days, "2026-07-18"])]
    write(root, "crypto/daily/yahoo_2025_2026/BTC-USD.csv.gz", DAILY, *coin)
    stamps = [f"2026-07-16T{hour:02d}:{quarter:02d}:00Z" for hour in range(24) for quarter in (0, 15, 30, 45)]
    quarters = [minute(stamp, 3000 + n, open_=2999.5 + n) for n, stamp in enumerate(stamps)]
    write(root, "crypto/binance_spot/15m/ETH_USDT.csv.gz", BARS, *quarters)
    return root
