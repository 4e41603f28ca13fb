"""Where the documents of messages and people live; the other paths are in `documents`."""

from __future__ import annotations

from datetime import date

CONFIG_MARKET = "config/market"


def notification_path(event_id: str) -> str:
    """Return the path of the notification of an event."""
    return f"notifications/{event_id}"


def command_path(command_id: str) -> str:
    """Return the path of a command."""
    return f"commands/{command_id}"


def audit_path(n: int) -> str:
    """Return the path of the n-th entry of the audit chain; n counts from 1."""
    return f"audit/{n}"


def user_path(uid: str) -> str:
    """Return the path of a user's mirror."""
    return f"users/{uid}"


def bar_chunk_path(series: str, period: str) -> str:
    """Return the path of the bars of a series (`kraken_BTC-USD_1h`) in a period."""
    return f"bars/{series}/chunks/{period}"


def tuning_path(module: str) -> str:
    """Return the path of what the tuning job keeps of a module's searches."""
    return f"tuning/{module}"


def backtest_path(digest: str) -> str:
    """Return the path of a backtest; the digest is of what went in and of its curve."""
    return f"backtests/{digest}"


def parity_path(day: date) -> str:
    """Return the path of the comparison with the backtest whose last UTC day is `day`."""
    return f"parity/{day:%Y%m%d}"


def score_path(module: str) -> str:
    """Return the path of a module's scores."""
    return f"scores/{module}"


def chains_path(module: str, slot: str) -> str:
    """Return the path of the chains that a module decided on in a cycle."""
    return f"chains/{module}_{slot}"
