"""Tests that share emulators go to one worker, which starts them once; each other file goes to one as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from xdist.remote import Producer

from tests.handing_out import PIECES, SINGLY, Pieces, in_order, piece_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("path", [*PIECES, *SINGLY])
def test_what_shares_emulators_is_where_it_was(path: str) -> None:
    assert (ROOT / path).exists()


def test_a_file_is_handed_out_as_a_whole_and_what_shares_emulators_together() -> None:
    assert piece_of("tests/unit/test_fees.py::test_a[1::2@x]") == "tests/unit/test_fees.py"
    assert piece_of("tests/browser/test_page.py::test_a") == piece_of("tests/browser/test_risk.py::test_b")
    assert piece_of("tests/browser/test_whole_suite.py::test_a") != piece_of("tests/browser/test_page.py::test_a")


@dataclass
class Test:
    """A test as far as its place in a run goes."""

    __test__ = False
    nodeid: str
    marked: str = ""

    def get_closest_marker(self, name: str) -> object:
        return name if name == self.marked else None


def test_what_waits_comes_first_and_what_goes_singly_last() -> None:
    single, plain = Test(f"{SINGLY[0]}::test_a"), Test("tests/a.py::test_a")
    waits, beside = Test("tests/b.py::test_b", "suite"), Test("tests/b.py::test_c")
    assert in_order([single, plain, beside, waits]) == [beside, waits, plain, single]
    assert piece_of(single.nodeid) != piece_of(f"{SINGLY[0]}::test_b")


def test_a_run_on_several_workers_hands_out_pieces(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pytestconfig.option, "tx", ["popen"])
    made = pytestconfig.hook.pytest_xdist_make_scheduler(
        config=pytestconfig, log=Producer("handing out", enabled=False)
    )
    assert isinstance(made, Pieces)
