"""The knobs of the crypto module: every number has a default inside its bounds."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from modules.crypto.strategies.session_momentum import SessionMomentum
from modules.crypto.strategies.session_reversion import SessionReversion
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.scene import Execution

Minutes = Literal[1440, 60, 15]


class CryptoParameters(Parameters):
    """Parameters of the crypto module; a field per strategy, named as the strategy."""

    timeframe: Minutes = 60
    """Minutes per bar that strategies decide on."""
    fallback_timeframe: Minutes = 1440
    """Minutes per bar, with the same bar counts, for a strategy that `timeframe` has too few bars for."""
    fresh_minutes: int = Field(default=5, ge=1, le=15)
    """Minutes after a bar's end in which it is looked at; between, only what is held is watched."""
    execution: Execution = Execution(
        through_bps=10,
        exit_through_bps=50,
        vol_bars=24,
        min_annual_vol=0.3,
        min_stop_pct=0.015,
        fallback_stop_pct=0.1,
        retry_minutes=0,
    )
    session_momentum: SessionMomentum = SessionMomentum()
    session_reversion: SessionReversion = SessionReversion()
