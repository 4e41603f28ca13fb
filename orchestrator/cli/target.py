"""Which desk the command line talks to: what the environment names, else the suite that `desk up` runs here.

`desk up` leaves a note of its address while it runs; a note whose program is gone does not count.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import typer

from orchestrator.bootstrap import Builder
from orchestrator.domain.errors import ConfigurationError, StoreUnavailableError
from orchestrator.settings import Settings
from scripts.steps import STATE

NOTE = STATE / "local.json"
"""Where `desk up` notes how it is reached."""

_NAMES_A_DESK = ("FIRESTORE_EMULATOR_HOST", "GCLOUD_PROJECT", "GOOGLE_CLOUD_PROJECT")
_PROBE_S = 2.0


@dataclass(frozen=True, slots=True)
class LocalSuite:
    """A suite of this machine that is up."""

    pid: int
    page: str
    environment: Mapping[str, str]


@contextmanager
def announced(environment: Mapping[str, str], *, page: str, note: Path = NOTE) -> Iterator[None]:
    """Let other commands find the suite of this process until the block ends."""
    note.parent.mkdir(parents=True, exist_ok=True)
    told = {"pid": os.getpid(), "page": page, "environment": dict(environment)}
    note.write_text(json.dumps(told, indent=2), encoding="utf-8")
    try:
        yield
    finally:
        found = _read(note)
        if found is not None and found.pid == os.getpid():
            note.unlink(missing_ok=True)


def running_suite(note: Path = NOTE) -> LocalSuite | None:
    """Return the suite that runs on this machine, None when there is none."""
    found = _read(note)
    return found if found is not None and _alive(found.pid) else None


def environment(variables: Mapping[str, str], note: Path = NOTE) -> dict[str, str]:
    """Return the variables of the desk to talk to: these, with those of the running suite if they name no desk.

    Raises
    ------
    ConfigurationError
        They name no desk and no suite runs.
    """
    if any(variables.get(name) for name in _NAMES_A_DESK):
        return dict(variables)
    suite = running_suite(note)
    if suite is None:
        raise ConfigurationError(
            "no desk to talk to: start one with `make up`, or set GCLOUD_PROJECT to your Firebase project"
        )
    return {**variables, **suite.environment}


def builder(ctx: typer.Context) -> Builder:
    """Return the builder of the desk to talk to; a test hands its own over as the context's object.

    Raises
    ------
    ConfigurationError
        There is no desk to talk to, its address is none, or there are no credentials for it.
    StoreUnavailableError
        The emulator that is named does not answer.
    """
    given = ctx.find_object(Builder)
    if given is not None:
        return given
    found = environment(os.environ)
    if host := found.get("FIRESTORE_EMULATOR_HOST"):
        _must_answer(host)
        os.environ["FIRESTORE_EMULATOR_HOST"] = host  # where Google's client library looks for it
    built = Builder(Settings(found))
    if not built.settings.emulated:
        _must_have_credentials(built)
    return built


def name_of(settings: Settings) -> str:
    """Return the desk's name for a person: the project, and whether it is on this machine."""
    return f"{settings.project} (emulators)" if settings.emulated else settings.project


def _must_answer(host: str) -> None:
    name, _, port = host.rpartition(":")
    if not name or not port.isdecimal():
        raise ConfigurationError(f"FIRESTORE_EMULATOR_HOST is {host!r}: name host and port, such as 127.0.0.1:8080")
    try:
        with socket.create_connection((name, int(port)), timeout=_PROBE_S):
            return
    except (OSError, OverflowError) as error:
        raise StoreUnavailableError(
            f"Firestore emulator {host} does not answer ({error}): is `make up` running?"
        ) from error


def _must_have_credentials(built: Builder) -> None:
    from google.auth.exceptions import GoogleAuthError

    try:
        _ = built.store
    except GoogleAuthError as error:
        raise ConfigurationError(
            f"no Google credentials for {built.settings.project}: run `gcloud auth application-default login`"
        ) from error


def _read(note: Path) -> LocalSuite | None:
    with suppress(OSError, ValueError, KeyError, TypeError):
        told = json.loads(note.read_text(encoding="utf-8"))
        return LocalSuite(int(told["pid"]), str(told["page"]), dict(told["environment"]))
    return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True
