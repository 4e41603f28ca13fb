"""How the tests of a run are handed to its workers: file by file, and what shares emulators as one piece.

What waits for emulators comes first and what is handed out test by test last, so that all workers end together.

pytest-xdist's own `--dist loadgroup` hands out single tests with pytest 9.2, without a word: it renames tests by a
private attribute that is no longer there. Every worker then starts every emulator, and builds the inputs of every file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Protocol, TypeVar

from xdist.scheduler import LoadScopeScheduling

PIECES = {
    "tests/browser/test_whole_suite.py": "the whole suite",
    "tests/browser/": "the page",
    "tests/rules/": "Firestore",
    "tests/contract/test_store_contract.py": "Firestore",
    "tests/integration/test_cli_emulator.py": "Firestore",
    "tests/integration/test_contention.py": "Firestore",
}
"""Files and folders that share emulators, by what these are of; the first that fits holds."""

SINGLY = ("tests/chaos/test_crash_sweep.py",)
"""Long files whose tests share nothing."""

_WAITING = ("suite", "emulator", "slow")
"""Marks of what is handed out first, in this order."""


class Marked(Protocol):
    """A test with its node id and its marks."""

    @property
    def nodeid(self) -> str: ...

    def get_closest_marker(self, name: str) -> object: ...


T = TypeVar("T", bound=Marked)


def workers() -> int:
    """Return how many workers a run has: one more than processors, for one of them waits for emulators."""
    return (os.cpu_count() or 1) + 1


def piece_of(test: str) -> str:
    """Return what is handed out together with a test of this node id."""
    file = test.partition("::")[0]
    if file in SINGLY:
        return test
    return next((piece for start, piece in PIECES.items() if file.startswith(start)), file)


def in_order(tests: Sequence[T]) -> list[T]:
    """Return the tests in the order in which their pieces are handed out."""
    ranks: dict[str, int] = {}
    for test in tests:
        piece = piece_of(test.nodeid)
        ranks[piece] = min(_rank(test), ranks.get(piece, len(_WAITING) + 1))
    return sorted(tests, key=lambda test: ranks[piece_of(test.nodeid)])


def _rank(test: Marked) -> int:
    if piece_of(test.nodeid) == test.nodeid:
        return len(_WAITING) + 1
    marks = (rank for rank, mark in enumerate(_WAITING) if test.get_closest_marker(mark))
    return next(marks, len(_WAITING))


class Pieces(LoadScopeScheduling):
    """Hands whole pieces to the workers, in the order of collection."""

    def _split_scope(self, nodeid: str) -> str:
        return piece_of(nodeid)
