"""What the pages name exists: files, links, commands and their options, make targets."""

import re
from pathlib import Path

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from orchestrator.cli import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "modules/*/README.md", "dashboard/README.md", "venue/README.md")
    for path in ROOT.glob(pattern)
)
OWN = [page for page in PAGES if page.parent in {ROOT, ROOT / "docs", ROOT / "docs" / "adr"}]
COMMANDS = get_command(app).commands  # type: ignore[attr-defined]
TARGETS = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
SEARCHED = ("", "orchestrator", "orchestrator/adapters", "orchestrator/domain", "docs", "venue")
# Folders and files that only exist once something has run, and the reader's own data.
_MADE = re.compile(
    r"(?:\.venv|\.firedesk|\.tools|node_modules|dashboard/dist|test-artifacts|functions/[\w*]+/\.env|\.\./|roles/|\S*/my_)"
)
_PATH = re.compile(r"`((?:[\w.*-]+/)+[\w.*-]*|[\w-]+\.(?:py|md|json|toml|rules|ts))`")
_COMMAND = re.compile(r"(?:`|^ {4,}|uv run |\.venv/bin/)desk ([a-z]+)\b([^`\n;]*)", re.MULTILINE)
FORBIDDEN = re.compile(
    r"/work/|/root/|/tmp/|\bsession helper|\bissue #?\d|pypi\.org|registry\.npmjs|\b(?:claude|gpt|copilot)\b",
    re.IGNORECASE,
)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def paths_in(text: str) -> set[str]:
    return {path for path in _PATH.findall(text) if not _MADE.match(path)}


def created_by(text: str) -> set[str]:
    """Files that the page lets its reader create."""
    return set(re.findall(r"<!-- file: (\S+) -->", text))


def exists(path: str, page: Path) -> bool:
    places = [page.parent, *(ROOT / place for place in SEARCHED)]
    return any(list(place.glob(path.rstrip("/"))) for place in places if not path.startswith("."))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_it_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    stored = re.compile(
        r"^(?:desk|config|books|orders|cycles|trades|parameters|experiments|events|notifications|commands|equity|bars|audit|users)/"
    )
    named = {path for path in paths_in(text) - created_by(text) if not stored.match(path)}
    assert sorted(path for path in named if not exists(path, page)) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"", page.read_text(encoding="utf-8"))
    local = [(left or right).partition("#")[0] for left, right in links]
    local = [link for link in local if link and "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []


def parameters_of(command):
    """The options of a command and of its sub-commands."""
    return [p for one in (command, *getattr(command, "commands", {}).values()) for p in one.params]


@pytest.mark.parametrize("page", OWN, ids=name_of)
def test_every_desk_command_and_option_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name, rest in _COMMAND.findall(text):
        assert name in COMMANDS, f"desk {name}"
        known = {option for parameter in parameters_of(COMMANDS[name]) for option in parameter.opts} | {"--help"}
        wanted = set(re.findall(r"(?<!\S)--[a-z-]+", rest.partition(" #")[0].partition("   ")[0]))
        assert wanted <= known, f"desk {name}{rest}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_make_target_exists(page: Path) -> None:
    wanted = set(re.findall(r"(?:`|^ {4,})make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE))
    assert wanted <= TARGETS


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_nothing_of_the_workshop_is_named(page: Path) -> None:
    assert FORBIDDEN.findall(page.read_text(encoding="utf-8")) == []


def test_every_command_is_in_the_changelog() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").replace("\n", " ")
    listed = re.search(r"`desk` command: ([\w, ]+)\.", text)
    assert listed
    assert {name.strip() for name in listed[1].split(",")} == set(COMMANDS)


def test_decisions_are_numbered_and_short() -> None:
    pages = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04d}" for number in range(1, len(pages) + 1)]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert [part for part in ("Accepted", "## Context", "## Decision", "## Consequences") if part not in text] == []
        assert text.count("\n") <= 45, page.name


def test_the_help_of_every_command_says_what_it_does() -> None:
    for name, command in COMMANDS.items():
        for one in (command, *getattr(command, "commands", {}).values()):
            assert one.help, (name, one.name)
            assert isinstance(one, typer.core.TyperCommand | typer.core.TyperGroup)


def test_the_licence_is_apache_two() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8").splitlines()[1]


def test_every_exit_code_is_documented() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8").replace("\n", " ")
    shown = CliRunner().invoke(app, ["--help"]).stdout
    told = "0 done; 1 looked at and not right; 2 bad input or set-up; 3 store, venue or emulators out of reach"
    assert told in readme
    assert "3 store" in shown


def test_every_variable_that_is_read_is_a_documented_setting() -> None:
    reads = re.compile(r"(?:settings|self|environ|host)\.(?:get|need)\(\s*\"([A-Z][A-Z_]{1,})\"")
    sources = [path for place in ("orchestrator", "scripts") for path in (ROOT / place).rglob("*.py")]
    named = {name for path in sources for name in reads.findall(path.read_text(encoding="utf-8"))}
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert len(named) > 15
    assert [name for name in sorted(named) if f"`{name}`" not in page] == []
