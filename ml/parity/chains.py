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
from orchestrator.domain.documents import ChainsDoc
from orchestrator.domain.market import Panel
from orchestrator.domain.tuning import Tunable
from orchestrator.module import TradingModule

WITHIN = timedelta(minutes=15)
"""How far entries, exits and what is kept next to them may be apart: as long as an order may rest."""


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
        market = KeptChains(docs, self.panel)
        terms = options.Terms(Decimal(repr(days.cash)), days.limits, UsBroker(), memory=market.memory(0))
        found = options.run(self.module, days.values, market, terms)
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
