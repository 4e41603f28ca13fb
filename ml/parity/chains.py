"""The options of past days through their backtest, on the chains that the desk kept when it decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from ml.backtest import options
from ml.backtest.house import UsBroker
from ml.backtest.kept import KeptChains
from ml.parity.compare import Made, of_position, of_trade
from ml.parity.engine import Days
from ml.parity.lived import Held
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode
from orchestrator.domain.documents import ChainsDoc
from orchestrator.domain.market import Panel
from orchestrator.domain.paths import chains_path
from orchestrator.domain.sightings import seen
from orchestrator.domain.tuning import Tunable
from orchestrator.module import TradingModule
from orchestrator.paging import every
from orchestrator.ports import Store, Where

WITHIN = timedelta(minutes=15)
"""How far entries, exits and what is kept next to them may be apart: as long as an order may rest."""


def kept_chains(store: Store, module: ModuleName, begin: datetime, end: datetime) -> tuple[ChainsDoc, ...]:
    """Return what a module saw in (begin, end], as far as it was kept, oldest first.

    Raises
    ------
    MalformedDataError
        A document is damaged; the message names it.
    """
    pages = every(
        lambda since, limit: store.query(
            "chains", [Where("module", "==", module.value), Where("at", ">=", since)], order_by="at", limit=limit
        ),
        begin,
        by="at",
    )
    docs = (decode(ChainsDoc, one.data, where=one.path) for one in pages if begin < one.data["at"] <= end)
    return tuple(docs)


@dataclass(frozen=True, slots=True)
class ChainGround:
    """What the backtest of options runs on, whatever the days; fulfils `ml.parity.report.Ground`.

    Parameters
    ----------
    module
        Asked for its decisions only.
    panel
        Daily bars of what it trades options on.
    """

    tunable: Tunable
    module: TradingModule
    docs: Sequence[ChainsDoc]
    panel: Panel

    def by_engine(self, days: Days) -> list[Made]:
        """Return every position that the backtest makes of the days; USD. Without chains of them, none."""
        docs = [doc for doc in self.docs if days.begin < doc.at <= days.end]
        if not docs:
            return []
        memory = seen(docs[0], where=chains_path(docs[0].module, f"{docs[0].at}")).memory
        terms = options.Terms(Decimal(repr(days.cash)), days.limits, UsBroker(), memory=memory)
        found = options.run(self.module, days.values, KeptChains(docs, self.panel), terms)
        return [of_trade(one.trade) for one in found.ended] + [of_position(position) for position in found.held]

    def unseen(self, held: Held) -> str:
        """Return why the backtest cannot tell of a position: no chains were kept next to its entry or its exit."""
        made = held.made
        if not self._kept_at(made.opened_at):
            return "no chains were kept when it was entered"
        if made.closed_at is not None and not self._kept_at(made.closed_at):
            return "no chains were kept when it was left"
        return ""

    def _kept_at(self, moment: datetime) -> bool:
        return any(abs(doc.at - moment) <= WITHIN for doc in self.docs)
