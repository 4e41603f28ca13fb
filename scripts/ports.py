"""Ports of the local suite: which part listens where, and which numbers are free."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping

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
    """Return a different free port for each name."""
    probes: dict[str, socket.socket] = {}
    try:
        for name in names:
            probes[name] = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            probes[name].bind((HOST, 0))
        return {name: probe.getsockname()[1] for name, probe in probes.items()}
    finally:
        for probe in probes.values():
            probe.close()


def preferred_ports(wanted: Mapping[str, int]) -> dict[str, int]:
    """Return each wanted port if it is free, else a free one instead; 0 wants any."""
    occupied = [name for name, port in wanted.items() if port == 0 or not is_free(port)]
    return {**wanted, **free_ports(occupied)}
