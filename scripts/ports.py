"""Ports of the local suite: which part listens where, and which numbers are free."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from tempfile import gettempdir

HOST = "127.0.0.1"

DEFAULTS: Mapping[str, int] = {
    "firestore": 8080,
    "auth": 9099,
    "functions": 5001,
    "hosting": 5000,
    "hub": 4400,
    "logging": 4500,
    "websocket": 9150,
    "venue": 8900,
}

_RANGE = range(15_000, 32_768)
"""Below the ports that Linux gives to outgoing connections, which may take one before an emulator has started on it."""
_TURN = Path(gettempdir()) / f"firedesk-ports-{os.getuid()}"
"""Holds the port that is given out next."""


def is_free(port: int) -> bool:
    """Return whether nothing listens on that port of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_ports(names: Iterable[str]) -> dict[str, int]:
    """Return a different free port for each name, of any process that asks: they are given out in turn."""
    with _TURN.open("a+", encoding="ascii") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        turn.seek(0)
        ports = filter(is_free, _from(turn.read()))
        found = {name: next(ports) for name in names}
        turn.truncate(0)
        turn.write(str(next(ports)))
    return found


def _from(told: str) -> Iterator[int]:
    start = _RANGE.index(int(told)) if told.isdecimal() and int(told) in _RANGE else 0
    return chain(_RANGE[start:], _RANGE[:start])


def preferred_ports(wanted: Mapping[str, int]) -> dict[str, int]:
    """Return each wanted port if it is free, else a free one instead; 0 wants any."""
    occupied = [name for name, port in wanted.items() if port == 0 or not is_free(port)]
    return {**wanted, **free_ports(occupied)}
