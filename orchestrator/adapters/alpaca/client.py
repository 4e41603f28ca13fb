"""Builds alpaca-py's clients: unmodified but for time-outs, counting, and no repetition behind our back.

alpaca-py itself sends a request again after 429 and 504, an order included, and knows no time-out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from alpaca.common.rest import RESTClient
from alpaca.trading.client import TradingClient

from orchestrator.adapters.transport import CallMeter, use_transport

Raw = dict[str, Any]


@dataclass(frozen=True, slots=True)
class AlpacaKeys:
    """Where to reach Alpaca and as whom; a URL of None is Alpaca's own."""

    api_key: str
    secret_key: str = field(repr=False)
    base_url: str | None = None
    data_url: str | None = None
    paper: bool = True


def trading_client(keys: AlpacaKeys, meter: CallMeter) -> TradingClient:
    """Return a trading client that answers in plain JSON."""
    client = TradingClient(
        api_key=keys.api_key, secret_key=keys.secret_key, paper=keys.paper, raw_data=True, url_override=keys.base_url
    )
    tame(client, meter)
    return client


def tame(client: RESTClient, meter: CallMeter) -> None:
    """Give a client time-outs and take its own repetitions away: what is sent again is for the desk to decide."""
    client._retry = 0  # the constructor takes no zero
    use_transport(client._session, meter)


@lru_cache(maxsize=4096)
def moment(text: str) -> datetime:
    """Read a time of Alpaca: RFC 3339 with up to nine decimals, or a date (its midnight, UTC)."""
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def stamp(ts: datetime) -> str:
    """Write a time as Alpaca reads it."""
    return ts.astimezone(UTC).isoformat().replace("+00:00", "Z")


def day(text: str) -> date:
    """Read a date."""
    return date.fromisoformat(text[:10])


def plain(value: Decimal) -> str:
    """Write a number as digits; never by way of a float.

    Examples
    --------
    >>> plain(Decimal("1E+2"))
    '100'
    """
    return format(value.normalize(), "f") if value else "0"


def decimal(value: object) -> Decimal:
    """Read a number that came as text or as a JSON number; nothing is zero."""
    return Decimal(str(value)) if value not in {None, ""} else Decimal(0)
