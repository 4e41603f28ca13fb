"""What tests of every kind share: real data, the Firestore emulator, the whole emulator suite, Chromium.

What is missing on this machine skips the tests that need it, with the reason; when CI=true it is a failure.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import settings

from scripts import suite, tools
from scripts.steps import MissingToolError, in_ci
from tests.handing_out import Pieces, in_order, workers

ROOT = Path(__file__).resolve().parent.parent
_numbers = itertools.count(1)
settings.register_profile("untimed", parent=settings(), deadline=None)
settings.load_profile("untimed")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Start one worker more than there are processors: one of them waits for emulators."""
    return workers()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests of a worker in the order in which they are handed out; a run without workers keeps its own."""
    if hasattr(config, "workerinput"):
        items[:] = in_order(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Pieces:
    """Let one worker run the tests that share emulators, so that it starts them once; others go by file."""
    return Pieces(config, log)


def _miss(reason: str) -> NoReturn:
    if in_ci():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder of real market data: FIREDESK_DATA, default the `shared/data` beside the repository."""
    folder = Path(os.environ.get("FIREDESK_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        _miss(f"market data: no folder {folder}; set FIREDESK_DATA")
    return folder


@pytest.fixture(scope="session")
def firestore_emulator() -> Iterator[suite.Suite]:
    """The Firestore emulator alone, once per session, under a free port. Needs Java, not Node."""
    try:
        with suite.running(project=f"demo-tests-{os.getpid()}", only=("firestore",)) as emulator:
            yield emulator
    except MissingToolError as error:
        _miss(str(error))


@pytest.fixture
def firestore_project(firestore_emulator: suite.Suite, monkeypatch: pytest.MonkeyPatch) -> str:
    """A project id of this test's own on the emulator, which is empty; client libraries find it by the environment."""
    project = f"{firestore_emulator.project}-{next(_numbers)}"
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_emulator.address("firestore"))
    monkeypatch.setenv("GCLOUD_PROJECT", project)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", project)
    return project


@pytest.fixture(scope="session")
def full_suite() -> Iterator[suite.Suite]:
    """Firestore, Auth, Functions and Hosting with the repository's codebases, rules and built page, once per session.

    Shared by all tests of a session: a test clears what it relies on (`clear_firestore`, `clear_users`).
    """
    try:
        with suite.running(project=f"demo-suite-{os.getpid()}") as emulators:
            yield emulators
    except MissingToolError as error:
        _miss(str(error))


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Path of Chromium for Playwright's `executable_path`."""
    found = tools.find_chromium()
    if found is None:
        _miss("Chromium: not on PATH; run `make setup`, or install it and set CHROMIUM_PATH")
    return found
