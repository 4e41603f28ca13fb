"""The desk: `docs/architecture.md` says how its parts fit."""

__version__ = "0.1.0"
