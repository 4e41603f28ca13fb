"""The knobs of the stocks module: every number has a default inside its bounds."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from modules.stocks.strategies.leveraged import Leveraged
from modules.stocks.strategies.mean_reversion import MeanReversion
from modules.stocks.strategies.momentum import Momentum
from modules.stocks.strategies.sector_rotation import SectorRotation
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.scene import Execution

Minutes = Literal[1440, 60, 30, 15, 5]


class StocksParameters(Parameters):
    """Parameters of the stocks module; a field per strategy, named as the strategy."""

    timeframe: Minutes = 1440
    """Minutes per bar that strategies decide on."""
    fallback_timeframe: Minutes = 5
    """Minutes per bar, with the same bar counts, for a strategy that `timeframe` has too few bars for."""
    intraday_no_entry_minutes: int = Field(default=30, ge=0, le=180)
    """Minutes before the close in which bars shorter than a day open nothing."""
    intraday_leave_minutes: int = Field(default=10, ge=1, le=60)
    """Minutes before the close from which positions on bars shorter than a day are left."""
    execution: Execution = Execution()
    sector_rotation: SectorRotation = SectorRotation()
    momentum: Momentum = Momentum()
    mean_reversion: MeanReversion = MeanReversion()
    leveraged: Leveraged = Leveraged()
