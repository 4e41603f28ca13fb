"""Runs the venue's HTTP application: in the foreground, or in a thread for replays and tests.

In real time the server itself moves the market, at `speed` venue seconds a second; otherwise only a driver does.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import uvicorn

from venue.exchange import Exchange
from venue.web.app import VenueApp
from venue.web.control import Pace

TICK_SECONDS = 0.25
STOP_SECONDS = 10


class VenueServer(uvicorn.Server):
    """A uvicorn server that moves its market while it serves."""

    def __init__(self, app: VenueApp, host: str, port: int) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                lifespan="off",
                loop="asyncio",
                http="httptools",
                timeout_keep_alive=300,
                timeout_graceful_shutdown=1,
            ),
        )
        self.app = app

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to stop."""
        mover = asyncio.create_task(self._move())
        try:
            await super().serve(sockets)
        finally:
            mover.cancel()
            with suppress(asyncio.CancelledError):
                await mover

    async def _move(self) -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = time.monotonic()
            elapsed, last = now - last, now
            if self.app.pace.speed > 0:
                advance_by(self.app.exchange, self.app.pace, elapsed)


def advance_by(exchange: Exchange, pace: Pace, seconds: float) -> None:
    """Move the market on by real seconds at the pace's speed, not beyond its end."""
    to = exchange.now + timedelta(seconds=seconds * pace.speed)
    if pace.end is not None and to >= pace.end:
        to, pace.speed = pace.end, 0.0
    if to > exchange.now:
        exchange.advance(to)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket, on a free port if `port` is 0.

    The socket says that it is TCP: only then does asyncio switch Nagle's algorithm off, which would hold each
    answer back for 40 ms.

    Raises
    ------
    OSError
        If the port is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def run(exchange: Exchange, listener: socket.socket, pace: Pace) -> None:
    """Serve an exchange in the foreground until the process is interrupted."""
    host, port = listener.getsockname()[:2]
    with suppress(KeyboardInterrupt):
        VenueServer(VenueApp(exchange, pace), host, port).run(sockets=[listener])


@contextmanager
def serve(exchange: Exchange, *, host: str = "127.0.0.1", port: int = 0, pace: Pace | None = None) -> Iterator[str]:
    """Serve an exchange from a thread of this process, and yield its base URL.

    Parameters
    ----------
    port
        0 takes a free one.
    pace
        Speed and span; a replay that is stepped needs none.

    Raises
    ------
    RuntimeError
        If the server does not come up.
    """
    listener = listen(host, port)
    server = VenueServer(VenueApp(exchange, pace), host, port)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="venue", daemon=True)
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError(f"the venue did not start on {host}:{listener.getsockname()[1]}")
            time.sleep(0.002)
        yield f"http://{host}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(STOP_SECONDS)
        listener.close()
