"""Channels in memory: shipped fakes that keep what they were told and fail on demand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from orchestrator.domain.base import ModuleName
from orchestrator.domain.errors import TradingError


@dataclass(slots=True)
class MemoryNotifier:
    """A channel; fulfils `orchestrator.ports.Notifier`. `faults` are raised first, one for each send."""

    name: str = "memory"
    sent: list[tuple[str, str, str]] = field(default_factory=list)
    faults: list[TradingError] = field(default_factory=list)

    def send(self, title: str, body: str, *, severity: str) -> None:
        """Keep the message, or raise the next fault."""
        if self.faults:
            raise self.faults.pop(0)
        self.sent.append((title, body, severity))


@dataclass(slots=True)
class MemoryPush:
    """Devices; fulfils `orchestrator.ports.Push`. Tokens in `gone` are reported as dead."""

    gone: set[str] = field(default_factory=set)
    sent: list[tuple[str, str, str]] = field(default_factory=list)
    faults: list[TradingError] = field(default_factory=list)

    def send_to(self, devices: Sequence[str], title: str, body: str, *, severity: str) -> Sequence[str]:
        """Keep one message for each living device, or raise the next fault."""
        if self.faults:
            raise self.faults.pop(0)
        self.sent += [(device, title, severity) for device in devices if device not in self.gone]
        return [device for device in devices if device in self.gone]


@dataclass(slots=True)
class MemoryRunner:
    """Fires cycles; fulfils `orchestrator.commands.Runner`."""

    fired: list[ModuleName] = field(default_factory=list)
    faults: list[TradingError] = field(default_factory=list)

    def run(self, module: ModuleName) -> None:
        """Keep the module, or raise the next fault."""
        if self.faults:
            raise self.faults.pop(0)
        self.fired.append(module)
