"""Compiling with numba, kept on disk: the first run on a machine compiles, every later one loads.

What is kept is named after the text of every file with compiled code: numba itself looks at the file of the function
only, not at what that calls.
`NUMBA_CACHE_DIR` names another place than beside the code; where none can be written, each process compiles for itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])

_njit: Any = numba.njit
_config: Any = numba.config
_HERE = Path(__file__).parent
_SOURCES = (
    "compiled.py",
    "layout.py",
    "primitive.py",
    "grid.py",
    "bits.py",
    "position.py",
    "lone.py",
    "beside.py",
    "kernel.py",
    "moment.py",
    "rolling.py",
    "crossings.py",
)
_PLAIN: dict[str, Any] = {"error_model": "numpy", "_nrt": False, "nogil": True}
"""Division as numpy does it, and no counting of references: compiled code here makes no arrays."""


def compiled(function: F) -> F:
    """Return the function compiled at its first call from Python, and kept on disk."""
    before = _config.CACHE_DIR
    _config.CACHE_DIR = str(Path(before or _HERE / "__pycache__") / f"backtest-{_edition()}")
    try:
        return cast(F, _njit(cache=True, no_cfunc_wrapper=True, **_PLAIN)(function))
    except RuntimeError:  # numba finds no place for its cache
        return cast(F, _njit(no_cfunc_wrapper=True, **_PLAIN)(function))
    finally:
        _config.CACHE_DIR = before


def inner(function: F) -> F:
    """Return the function compiled into those that call it; Python does not call it."""
    return cast(F, _njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True, **_PLAIN)(function))


def apart(function: F) -> F:
    """Return the function compiled once, called by compiled code: for what is seldom done. Python does not call it."""
    return cast(F, _njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **_PLAIN)(function))


def _edition() -> str:
    texts = b"".join((_HERE / name).read_bytes() for name in _SOURCES)
    return hashlib.sha256(texts).hexdigest()[:16]
