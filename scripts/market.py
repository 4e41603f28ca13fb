"""Starts and ends the local venue as a program of its own, and says how the desk reaches it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from scripts.ports import HOST
from scripts.processes import running_group, wait_until
from scripts.steps import LOGS, ROOT


@dataclass(frozen=True, slots=True)
class MarketChoice:
    """Which market to run: recorded data of a folder and its days, or a seeded synthetic one."""

    speed: float
    seed: int = 7
    data: Path | None = None
    first: date | None = None
    last: date | None = None

    @property
    def arguments(self) -> list[str]:
        """The choice as the venue's command line takes it; the clock stands until `Market.set_speed`."""
        if self.data is None:
            return ["--synthetic", "--seed", str(self.seed), "--speed", "0"]
        days = [("--from", self.first), ("--to", self.last)]
        chosen = [part for name, day in days if day is not None for part in (name, day.isoformat())]
        return ["--data", str(self.data.resolve()), *chosen, "--speed", "0"]


@dataclass(frozen=True, slots=True)
class Market:
    """A venue that is starting: where it will answer, and its process."""

    url: str
    log: Path
    process: subprocess.Popen[bytes]

    def wait(self) -> None:
        """Wait until the venue answers.

        Raises
        ------
        ProcessError
            When it stops, or does not answer within a minute.
        """
        wait_until(self._answers, self.process, name="venue", log=self.log, seconds=60.0)

    def set_speed(self, speed: float) -> None:
        """Let the venue's clock run at that many of its seconds in one of ours; 0 stops it."""
        body = json.dumps({"speed": speed}).encode()
        request = urllib.request.Request(f"{self.url}/venue/clock", data=body, method="POST")
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=10) as answer:
            answer.read()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/venue/clock", timeout=5):
                return True
        except OSError:
            return False


def desk_environment(venue_url: str) -> dict[str, str]:
    """Return the variables with which the desk's functions trade at a venue of this machine, by its clock."""
    return {
        "ALPACA_API_KEY": "demo-key",
        "ALPACA_SECRET_KEY": "demo-secret",
        "ALPACA_BASE_URL": venue_url,
        "ALPACA_DATA_URL": venue_url,
        "KRAKEN_API_KEY": "demo-key",
        "KRAKEN_SECRET": "ZGVtby1zZWNyZXQ=",
        "KRAKEN_BASE_URL": venue_url,
        "BINANCE_BASE_URL": venue_url,
        "FIREDESK_CLOCK": "venue",
    }


@contextmanager
def running_market(arguments: Sequence[str], *, port: int, name: str) -> Iterator[Market]:
    """Start `python -m venue` with these arguments on a port; end it with the block.

    Returns at once, so that other parts can start meanwhile: call `Market.wait` before relying on it.
    """
    log = LOGS / f"venue-{name}.log"
    command = [sys.executable, "-m", "venue", *arguments, "--port", str(port)]
    with running_group(command, directory=ROOT, environment=dict(os.environ), log=log) as process:
        yield Market(url=f"http://{HOST}:{port}", log=log, process=process)
