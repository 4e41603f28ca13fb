"""Steps that a person waits for: one line when one starts, one while it lasts, one when it ends.

Standard library only, because it runs before the Python environment exists.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".firedesk"
LOGS = STATE / "logs"

_QUIET_SECONDS = 2.0
_REPEAT_SECONDS = 10.0


class MissingToolError(Exception):
    """Something the suite needs is missing and cannot be had; the message is one line: what, and how to get it."""


def say(line: str) -> None:
    """Print one progress line to standard error, at once."""
    print(line, file=sys.stderr, flush=True)


def run_step(
    title: str,
    command: Sequence[str],
    *,
    advice: str,
    environment: Mapping[str, str] | None = None,
    directory: Path = ROOT,
) -> None:
    """Run a command with its output in a log, and say so when it takes longer than two seconds.

    Parameters
    ----------
    title
        What is being done, as the reader would say it ("Python packages").
    command
        Program and arguments.
    advice
        What the reader can do when it fails; it ends the one line of the error.
    environment
        The whole environment of the command; None = this process's.
    directory
        Where the command runs.

    Raises
    ------
    MissingToolError
        When the command cannot be started or ends with another code than 0.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / (title.lower().replace(" ", "-").replace("/", "-") + ".log")
    with log.open("w", encoding="utf-8") as output:
        try:
            process = subprocess.Popen(
                list(command),
                cwd=directory,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        except OSError as error:
            raise MissingToolError(f"{title}: {command[0]} does not start ({error.strerror}); {advice}") from error
        _wait(process, title)
    if process.returncode != 0:
        raise MissingToolError(f"{title}: {_last_line(log)}; {advice} (log: {log.relative_to(ROOT)})")


def is_current(name: str, key: str) -> bool:
    """Return whether the step `name` was last finished for the same `key` (a hash of what it depends on)."""
    stamp = STATE / "stamps" / name
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == key


def mark_current(name: str, key: str) -> None:
    """Remember that the step `name` is done for `key`."""
    stamp = STATE / "stamps" / name
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(key, encoding="utf-8")


def _wait(process: subprocess.Popen[bytes], title: str) -> None:
    started, announced = time.monotonic(), 0.0
    try:
        while process.poll() is None:
            elapsed = time.monotonic() - started
            if elapsed >= _QUIET_SECONDS and elapsed >= announced:
                say(f"  {title} ... {elapsed:.0f} s")
                announced = elapsed + _REPEAT_SECONDS
            time.sleep(0.05)
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if announced:
        say(f"  {title}: {'done' if process.returncode == 0 else 'failed'} after {time.monotonic() - started:.0f} s")


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else "ended without a word"


def in_ci() -> bool:
    """Return whether this is a run whose missing parts are failures (`CI=true`)."""
    return os.environ.get("CI", "").lower() == "true"
