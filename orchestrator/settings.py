"""The variables a desk is set up with, by name. It is given them: only the shell reads the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.domain.base import ModuleName
from orchestrator.domain.errors import ConfigurationError

LOCAL_PROJECT = "demo-firedesk"


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of the desk."""

    values: Mapping[str, str]

    def get(self, name: str) -> str | None:
        """Return a variable, None when unset or empty."""
        return self.values.get(name) or None

    def need(self, name: str, purpose: str) -> str:
        """Return a variable.

        Raises
        ------
        ConfigurationError
            It is unset; the message says what it is for.
        """
        value = self.get(name)
        if value is None:
            raise ConfigurationError(
                f"{name} is not set: {purpose}; set it as a function secret or in functions/*/.env"
            )
        return value

    @property
    def project(self) -> str:
        """The Firebase project id."""
        return self.get("GCLOUD_PROJECT") or self.get("GOOGLE_CLOUD_PROJECT") or LOCAL_PROJECT

    @property
    def emulated(self) -> bool:
        """Whether Firestore is the emulator."""
        return self.get("FIRESTORE_EMULATOR_HOST") is not None

    @property
    def venue_time(self) -> bool:
        """Whether the venue owns the clock (a replay or a synthetic market)."""
        return self.get("FIREDESK_CLOCK") == "venue"

    def universe(self, module: ModuleName) -> tuple[str, ...] | None:
        """Return the symbols FIREDESK_UNIVERSE gives a module, None = the module's own."""
        return parse_universe(self.get("FIREDESK_UNIVERSE") or "").get(module)


def parse_universe(text: str) -> dict[ModuleName, tuple[str, ...]]:
    """Read `stocks=XLK,XLF options=SPY,AAPL crypto=BTC,ETH`; a module that is not named keeps its own.

    Raises
    ------
    ConfigurationError
        A part is not MODULE=SYMBOL,SYMBOL.
    """
    found: dict[ModuleName, tuple[str, ...]] = {}
    for part in text.split():
        name, _, symbols = part.partition("=")
        listed = tuple(symbol.strip() for symbol in symbols.split(",") if symbol.strip())
        if name not in set(ModuleName) or not listed:
            raise ConfigurationError(f"universe: {part!r} is not MODULE=SYMBOL,SYMBOL with {', '.join(ModuleName)}")
        found[ModuleName(name)] = listed
    return found
