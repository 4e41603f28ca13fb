"""One seeded project on the Firestore emulator, with the repository's rules, for all tests of the rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from scripts.suite import Suite
from tests.rules.rest import Firestore

ROOT = Path(__file__).resolve().parents[2]
_coverage: list[tuple[int, list[int]]] = []


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker found."""
    _coverage.extend(node.workeroutput.get("rules_coverage", []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much of the rules was evaluated."""
    for total, missed in _coverage:
        lines = f"; never: lines {', '.join(map(str, missed))}" if missed else ""
        terminalreporter.write_line(f"firestore.rules: {total - len(missed)} of {total} expressions evaluated{lines}")


def _evaluated(report: Mapping[str, Any]) -> tuple[int, list[int]]:
    """Return the number of expressions, and the line of each one that no request reached."""
    total, missed = 0, []
    for expression in report.get("report", []):
        inner_total, inner_missed = _evaluated({"report": expression.get("children", [])})
        reached = bool(expression.get("values"))
        total += 1 + inner_total
        missed += inner_missed + ([] if reached else [expression["sourcePosition"]["line"]])
    return total, missed


@pytest.fixture(scope="session")
def rules_project(firestore_emulator: Suite, pytestconfig: pytest.Config) -> Iterator[Firestore]:
    """The project, with the rules loaded."""
    with httpx.Client(base_url=firestore_emulator.url("firestore"), timeout=30) as http:
        project = f"{firestore_emulator.project}-rules"
        content = (ROOT / "firestore.rules").read_text(encoding="utf-8")
        answer = http.put(
            f"/emulator/v1/projects/{project}:securityRules",
            json={"rules": {"files": [{"name": "firestore.rules", "content": content}]}},
        )
        assert answer.status_code == 200, answer.text
        yield Firestore(http, project)
        found = _evaluated(http.get(f"/emulator/v1/projects/{project}:ruleCoverage").json())
        worker = getattr(pytestconfig, "workeroutput", None)
        if worker is None:
            _coverage.append(found)
        else:
            worker["rules_coverage"] = [found]


@pytest.fixture
def firestore(rules_project: Firestore) -> Firestore:
    """The project, empty."""
    project = rules_project.project
    rules_project.http.delete(f"/emulator/v1/projects/{project}/databases/(default)/documents").raise_for_status()
    return rules_project
