"""The how-to of a first strategy works as it stands: files, registration, tests; and it touches no desk code."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "first-strategy.md").read_text()
FILES = re.findall(r"<!-- file: (\S+) -->\n```python\n(.*?)```", PAGE, re.DOTALL)
PATCH = re.search(r"<!-- patch -->\n```diff\n(.*?)```", PAGE, re.DOTALL)
TOUCHED = re.findall(r"^\| `(\S+)` \|", PAGE, re.MULTILINE)


def patched(patch: str) -> dict[str, list[tuple[list[str], list[str]]]]:
    """Hunks of a patch without line numbers, by file: lines before and lines after."""
    hunks: dict[str, list[tuple[list[str], list[str]]]] = {}
    name = ""
    for line in patch.splitlines():
        if line.startswith("+++ b/"):
            name = line.removeprefix("+++ b/")
        elif line == "@@":
            hunks.setdefault(name, []).append(([], []))
        elif not line.startswith("---"):
            before, after = hunks[name][-1]
            if line[0] in " -":
                before.append(line[1:])
            if line[0] in " +":
                after.append(line[1:])
    return hunks


def pytest_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def followed(tmp_path: Path) -> Path:
    """A copy of what the page builds on, with the page followed."""
    for folder in ("modules", "tests/property", "tests/contract"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (path for path in (ROOT / "tests").glob("*.py") if path.name != "conftest.py"):
        shutil.copy(file, tmp_path / "tests")
    (tmp_path / "tests/contract/conftest.py").unlink()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "orchestrator").symlink_to(ROOT / "orchestrator")
    for name, text in FILES:
        (tmp_path / name).write_text(text)
    for name, hunks in patched(PATCH[1]).items():
        text = (tmp_path / name).read_text()
        for before, after in hunks:
            assert text.count("\n".join(before)) == 1, f"{name} has changed: {before}"
            text = text.replace("\n".join(before), "\n".join(after))
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_page_can_be_followed(followed):
    tests = ["tests/property/test_prefix_breakout.py", "tests/contract/test_module_contract.py"]
    assert " ".join(tests) in PAGE
    done = pytest_in(followed, *tests, "-k", "breakout or stocks")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_look_ahead_that_the_page_suggests_is_caught(followed):
    strategy, cheat = followed / FILES[0][0], "(np.roll(panel.close, -1, axis=0) > high)"
    assert cheat in PAGE
    strategy.write_text(strategy.read_text().replace("(panel.close > high)", cheat))
    done = pytest_in(followed, "tests/property/test_prefix_breakout.py")
    assert done.returncode == 1
    assert "at row" in done.stdout


def test_the_page_shows_code_that_passes_the_linter(followed):
    names = [name for name, _ in FILES] + list(patched(PATCH[1]))
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", *names], cwd=followed, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_a_strategy_touches_nothing_of_the_desk():
    changed = {name for name, _ in FILES} | set(patched(PATCH[1]))
    assert changed <= set(TOUCHED)
    assert len(TOUCHED) == 5
    assert {name.split("/")[0] for name in TOUCHED} == {"modules", "tests"}


def test_what_the_page_names_exists():
    named = set(re.findall(r"`((?:orchestrator|modules|tests|docs)/[\w/.-]+)`", PAGE)) - {name for name, _ in FILES}
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
