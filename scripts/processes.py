"""Runs programs as process groups that end with the block that started them, together with all they left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

_END_SECONDS = 20.0
_POLL_SECONDS = 0.05
_WATCH_SECONDS = 0.5


class ProcessError(Exception):
    """A program did not get ready or stopped on its own; the message says why and names its log."""


@contextmanager
def running_group(
    command: Sequence[str], *, directory: Path, environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command as the leader of a process group; end the whole group when the block ends, however it ends.

    The terminal's Ctrl-C does not reach the group: the owner of the block decides when it ends. On Linux the leader
    is also ended when the owner dies without a goodbye.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_dies_with_owner(), *command],
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with _undisturbed():
            _end_group(process)


def wait_until(
    ready: Callable[[], bool], process: subprocess.Popen[bytes], *, name: str, log: Path, seconds: float = 120.0
) -> None:
    """Wait until `ready()`.

    Raises
    ------
    ProcessError
        When the process ends first, or after that many seconds.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None:
            raise ProcessError(f"{name}: {_reason(log)} (log: {log})")
        if time.monotonic() > deadline:
            raise ProcessError(f"{name}: not ready after {seconds:.0f} s: {_reason(log)} (log: {log})")
        time.sleep(_POLL_SECONDS)


def watch(named: Mapping[str, subprocess.Popen[bytes]]) -> NoReturn:
    """Wait for ever, as long as each of these processes runs.

    Raises
    ------
    ProcessError
        When one ends; the message names it.
    """
    while True:
        for name, process in named.items():
            if process.poll() is not None:
                raise ProcessError(f"{name}: ended with code {process.returncode}")
        time.sleep(_WATCH_SECONDS)


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does, also where a shell started this in the background with Ctrl-C turned off.

    Left to itself SIGTERM ends the owner of a group in the middle of its block, and nothing ends the group.
    """

    def stop(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _dies_with_owner() -> list[str]:
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold back Ctrl-C and SIGTERM, so that an impatient second one does not leave processes behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {stop: signal.signal(stop, signal.SIG_IGN) for stop in signals}
    try:
        yield
    finally:
        for stop, handler in before.items():
            signal.signal(stop, handler)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Ask the leader to stop, then end what it left behind (firebase-tools leaves its Python workers)."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for stop in (signal.SIGTERM, signal.SIGKILL):
        if _signal_group(process.pid, stop, seconds=5.0):
            return


def _signal_group(group: int, stop: signal.Signals, *, seconds: float) -> bool:
    """Signal a group and return whether it is gone within that many seconds."""
    deadline = time.monotonic() + seconds
    wanted: int = stop
    while time.monotonic() < deadline:
        try:
            os.killpg(group, wanted)
        except ProcessLookupError:
            return True
        wanted = 0
        time.sleep(_POLL_SECONDS)
    return False


def _reason(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    telling = [line for line in lines if "Error" in line or "not start" in line]
    return (telling or lines or ["ended without a word"])[-1][:300]
