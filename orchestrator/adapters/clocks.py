"""Where the time comes from: this machine, or a venue that owns its own clock."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime

from orchestrator.domain.errors import BrokerUnavailableError

_TIMEOUT_S = 5.0


def running_seconds() -> Callable[[], float]:
    """Begin to measure a run; a machine put to sleep counts too: where the steady clock stands, the wall's goes on."""
    steady, wall = time.monotonic(), time.time()
    return lambda: max(time.monotonic() - steady, time.time() - wall)


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Return the current UTC time."""
        return datetime.now(UTC)


class VenueClock:
    """The clock of a local venue, as Alpaca's `/v2/clock` tells it.

    Parameters
    ----------
    base_url
        Address of the venue.
    """

    def __init__(self, base_url: str) -> None:
        self._url = f"{base_url.rstrip('/')}/v2/clock"

    def now(self) -> datetime:
        """Return the venue's time in UTC.

        Raises
        ------
        BrokerUnavailableError
            The venue does not answer.
        """
        try:
            request = urllib.request.Request(self._url, headers={"APCA-API-KEY-ID": "clock"})  # noqa: S310 - local http
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
                told = json.load(answer)
        except (OSError, ValueError) as error:
            raise BrokerUnavailableError(f"venue clock {self._url}: {error}") from error
        return datetime.fromisoformat(told["timestamp"]).astimezone(UTC)
