"""How the tests of a run are handed to its workers: file by file, and what shares emulators as one piece.

pytest-xdist's own `--dist loadgroup` hands out single tests with pytest 9.2, without a word: it renames tests by a
private attribute that is no longer there. Every worker then starts every emulator, and builds the inputs of every file.
"""

from __future__ import annotations

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


def piece_of(test: str) -> str:
    """Return what is handed out together with a test of this node id."""
    file = test.partition("::")[0]
    return next((piece for start, piece in PIECES.items() if file.startswith(start)), file)


class Pieces(LoadScopeScheduling):
    """Hands whole pieces to the workers, in the order of collection."""

    def _split_scope(self, nodeid: str) -> str:
        return piece_of(nodeid)
