"""`python -m scripts.requirements [--check]`: write functions/*/requirements.txt from uv.lock.

Which groups a codebase needs is said in pyproject.toml under `[tool.firedesk.codebases]`; the versions are the locked
ones, so that what is deployed is what was tested. `--check` writes nothing and fails when a file is out of date.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib

from scripts.steps import ROOT, MissingToolError, say
from scripts.tools import find_uv

_HEADER = "# Written by `python -m scripts.requirements` from uv.lock; change pyproject.toml instead.\n"


def render(groups: list[str]) -> str:
    """Return the pinned requirements of a codebase: the common dependencies and those groups.

    Raises
    ------
    MissingToolError
        uv is missing, or the lock file does not fit pyproject.toml.
    """
    command = [find_uv(), "export", "--frozen", "--quiet", "--no-emit-project", "--no-default-groups"]
    command += ["--no-hashes", "--no-annotate", "--no-header"]
    for group in groups:
        command += ["--group", group]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise MissingToolError(f"requirements: {done.stderr.strip().splitlines()[-1]}; run `uv lock`")
    return _HEADER + done.stdout


def main(arguments: list[str]) -> int:
    """Write or check every codebase's file; return the exit code."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        codebases: dict[str, list[str]] = tomllib.load(file)["tool"]["firedesk"]["codebases"]
    stale = []
    for codebase, groups in codebases.items():
        target = ROOT / "functions" / codebase / "requirements.txt"
        text = render(groups)
        if target.is_file() and target.read_text(encoding="utf-8") == text:
            continue
        stale.append(str(target.relative_to(ROOT)))
        if "--check" not in arguments:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    if stale and "--check" in arguments:
        say(f"error: out of date: {', '.join(stale)}; run `python -m scripts.requirements`")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
