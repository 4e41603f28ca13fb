"""The interface of a trading module: pure decisions below, the same execution for all above.

A concrete module supplies `parameters_model`, `request`, `analyze` and `monitor`: pure functions of a `Context`.
It never places an order, reads or writes a document, or asks for the time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Protocol

from orchestrator.domain.base import ModuleName, Value
from orchestrator.domain.departures import departures, stops_in_force
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.entries import entries, remembered
from orchestrator.domain.errors import DomainError
from orchestrator.domain.greeks import Greeks
from orchestrator.domain.market import DataRequest, MarketSnapshot, OptionChain
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import OrderState
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.risk import Verdict
from orchestrator.domain.scene import Scene
from orchestrator.ports import Store


@dataclass(frozen=True, slots=True)
class ModuleConfig:
    """What the owner sets for a module: its universe, by list name (see the module's README)."""

    universe: Mapping[str, tuple[str, ...]]
    desk: str = "desk"


@dataclass(frozen=True, slots=True)
class Context:
    """Everything a decision may use."""

    book: BookDoc
    market: MarketSnapshot
    parameters: Parameters
    now: datetime


class TradeResult(Value):
    """What became of one opportunity."""

    opportunity: TradeOpportunity
    verdict: Verdict
    client_order_id: str | None = None
    state: OrderState | None = None
    message: str = ""


class RiskScreen(Protocol):
    """What `execute_trades` needs of risk: fulfilled by `RiskManager`."""

    def screen(self, context: Context, opportunities: Sequence[TradeOpportunity]) -> list[Verdict]:
        """Return one verdict for each opportunity; a rule that raises denies."""


class TradeExecution(Protocol):
    """What `execute_trades` needs of execution: fulfilled by `OrderExecutor`."""

    def execute(
        self, context: Context, opportunities: Sequence[TradeOpportunity], risk: RiskScreen
    ) -> list[TradeResult]:
        """Screen, commit the intents, submit them, record the answers."""


class TradingModule(ABC):
    """One module of the desk.

    Parameters
    ----------
    data_layer
        The store that the desk lives in.
    risk_manager
        Approves, resizes or denies every opportunity.
    order_executor
        Commits, submits and records.
    config
        The universe of the module.
    """

    module_name: ClassVar[ModuleName]
    parameters_model: ClassVar[type[Parameters]]

    def __init__(
        self, data_layer: Store, risk_manager: RiskScreen, order_executor: TradeExecution, config: ModuleConfig
    ) -> None:
        self._data_layer = data_layer
        self._risk_manager = risk_manager
        self._order_executor = order_executor
        self.config = config
        self._context: Context | None = None

    @property
    def context(self) -> Context:
        """The context of the running cycle.

        Raises
        ------
        DomainError
            No cycle is running.
        """
        if self._context is None:
            raise DomainError(f"{self.module_name}: decisions are asked for outside a cycle; call begin(context) first")
        return self._context

    def begin(self, context: Context) -> None:
        """Start deciding on `context`."""
        self._context = context

    @abstractmethod
    def request(self, book: BookDoc, parameters: Parameters, now: datetime) -> DataRequest:
        """Return what market data the decisions need (held symbols included)."""

    @abstractmethod
    def analyze(self, context: Context) -> list[TradeOpportunity]:
        """Return what could be entered, best first. Pure."""

    @abstractmethod
    def monitor(self, context: Context) -> list[TradeOpportunity]:
        """Return the exits and protective orders that open positions need now. Pure."""

    def raised_stops(self, context: Context) -> Mapping[str, Decimal]:
        """Return the stops that have risen since the entry, by position id; the cycle keeps the highest. Pure."""
        return {}

    def greeks(self, context: Context) -> Mapping[str, Greeks]:
        """Return the Greeks of one unit of each position whose value is not a straight line, by position id. Pure."""
        return {key: held.greeks for key, held in context.book.positions.items() if held.greeks is not None}

    def remember(self, context: Context) -> Mapping[str, str]:
        """Return what later decisions may know of this cycle; the cycle keeps it as `book.memory`. Pure."""
        return context.book.memory

    def chains_to_keep(self, context: Context, *, last: bool) -> Mapping[str, OptionChain]:
        """Return the parts of the chains that decisions rest on, for whoever repeats them on a later day. Pure.

        Parameters
        ----------
        last
            Whether the session ends: what may be bought otherwise is asked for too, where it can be followed.
        """
        return {}

    def keeps_every(self, parameters: Parameters) -> timedelta:
        """Return the market time between two chains that are kept while nothing is traded."""
        return timedelta(hours=1)

    def analyze_opportunities(self) -> list[TradeOpportunity]:
        """Return what the module would like to enter now, best first."""
        return self.analyze(self.context)

    def monitor_positions(self) -> list[TradeOpportunity]:
        """Return the exits and protective orders that the open positions need now."""
        return self.monitor(self.context)

    def execute_trades(self, opportunities: Sequence[TradeOpportunity]) -> list[TradeResult]:
        """Screen, commit, submit and record; the same for every module.

        Returns
        -------
        list of TradeResult
            One for each opportunity, in order; a denied one carries its code.
        """
        return self._order_executor.execute(self.context, opportunities, self._risk_manager)


def deciding(kind: type[TradingModule], universe: Mapping[str, tuple[str, ...]]) -> TradingModule:
    """Return a module that is asked for its decisions only: it has no store, no risk, no venue."""
    nothing: Any = None
    return kind(nothing, nothing, nothing, ModuleConfig(universe=universe))


class DirectionalModule(TradingModule):
    """A module of one symbol per position that buys to open: it says what a scene is, the rest is the same for all."""

    _seen: tuple[Context, Scene] | None = None

    @abstractmethod
    def look(self, context: Context) -> Scene:
        """Return what the decisions of a cycle are made on. Pure."""

    def analyze(self, context: Context) -> list[TradeOpportunity]:
        """Return what could be entered, the most confident first; nothing while the market is closed."""
        return entries(self.scene(context))

    def monitor(self, context: Context) -> list[TradeOpportunity]:
        """Return exits, then protective orders; nothing while the market is closed."""
        return departures(self.scene(context))

    def raised_stops(self, context: Context) -> Mapping[str, Decimal]:
        """Return the stops that have followed the price, by position id."""
        return stops_in_force(self.scene(context))

    def remember(self, context: Context) -> Mapping[str, str]:
        """Return when each symbol was last held and last proposed."""
        return remembered(self.scene(context))

    def scene(self, context: Context) -> Scene:
        """Return the scene of a context, the same one for all decisions of a cycle: strategies are asked once."""
        if self._seen is None or self._seen[0] is not context:
            self._seen = context, self.look(context)
        return self._seen[1]
