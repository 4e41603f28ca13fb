"""`python -m scripts.manifests FOLDER...`: write each codebase's functions.yaml, so that firebase-tools need not ask.

firebase-tools starts a server for each codebase, one after the other, to learn what functions it has. This asks the
same library the same question for all codebases at once, in children of one process that has imported it already. A
codebase that does not import gets no file: firebase-tools then asks it itself and reports what is wrong.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from firebase_functions.private import serving


def write(folder: Path) -> None:
    """Write the manifest of the codebase in `folder`, whose main.py is imported into this process."""
    os.chdir(folder)
    functions = serving.get_functions()  # type: ignore[no-untyped-call]
    (folder / "functions.yaml").write_text(serving.functions_as_yaml(functions), encoding="utf-8")


def main(folders: list[str]) -> int:
    """Write all manifests, each in a process of its own; return 1 if one could not be written."""
    children = [_start(Path(folder)) for folder in folders]
    codes = [os.waitpid(child, 0)[1] for child in children]
    return 1 if any(codes) else 0


def _start(folder: Path) -> int:
    child = os.fork()
    if child:
        return child
    try:
        write(folder)
    except BaseException as error:  # noqa: BLE001 - whatever a main.py raises, firebase-tools will show it
        print(f"{folder.name}: {error}", file=sys.stderr)
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
