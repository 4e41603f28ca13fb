"""How good a run was: return for its risk, after costs."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from orchestrator.domain.market import Floats

_FEW = 10.0
_NOTHING = 1e-12


class Earned(Protocol):
    """What a run earned."""

    @property
    def returns(self) -> Floats:
        """Profit of each row as a fraction of what there was."""

    @property
    def count(self) -> int:
        """How many round trips ended."""


def sharpe(returns: Floats, *, bars_per_year: float) -> float:
    """Return mean over standard deviation of the returns per bar, annualised; 0 when nothing moved.

    References
    ----------
    W. F. Sharpe, The Sharpe ratio, Journal of Portfolio Management 21, 1994 (interest is left out: the desk's cash
    earns the same whatever the parameters).
    """
    if len(returns) < 2:
        return 0.0
    mean = np.mean(returns, keepdims=True)
    risk = float(np.std(returns, ddof=1, mean=mean))
    return float(mean[0]) / risk * float(bars_per_year**0.5) if risk > _NOTHING else 0.0


def objective(result: Earned, *, bars_per_year: float) -> float:
    """Return the Sharpe ratio shrunk by trades / (trades + 10): three lucky trades are no evidence."""
    shrink = result.count / (result.count + _FEW)
    return sharpe(result.returns, bars_per_year=bars_per_year) * shrink
