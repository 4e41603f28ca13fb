"""Which strategy suits which regime. A new strategy is a file in `strategies` and a line in each table here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from modules.options.parameters import OptionsParameters, StrategyName
from modules.options.regime import Regime, Trend, VolRegime
from modules.options.strategies import bull_call_spread, bull_put_spread, covered_call, long_call, protective_put
from modules.options.structures import Picks
from orchestrator.domain.chains import ChainView

STRATEGIES: Mapping[StrategyName, Callable[[ChainView, Regime, OptionsParameters], Picks]] = {
    "long_call": long_call.legs,
    "bull_call_spread": bull_call_spread.legs,
    "bull_put_spread": bull_put_spread.legs,
    "protective_put": protective_put.legs,
    "covered_call": covered_call.legs,
}

ON_SHARES: frozenset[StrategyName] = frozenset({"protective_put", "covered_call"})
"""Strategies that hold lots of 100 shares and one contract on each."""

PLAYBOOK: Mapping[tuple[Trend, VolRegime], tuple[StrategyName, ...]] = {
    (Trend.UP, VolRegime.CHEAP): ("long_call", "bull_call_spread"),
    (Trend.UP, VolRegime.NORMAL): ("bull_call_spread",),
    (Trend.UP, VolRegime.RICH): ("bull_put_spread", "bull_call_spread"),
    (Trend.FLAT, VolRegime.CHEAP): ("protective_put",),
    (Trend.FLAT, VolRegime.NORMAL): (),
    (Trend.FLAT, VolRegime.RICH): ("covered_call", "bull_put_spread"),
    (Trend.DOWN, VolRegime.CHEAP): (),
    (Trend.DOWN, VolRegime.NORMAL): (),
    (Trend.DOWN, VolRegime.RICH): (),
}
"""Strategies to try, the best suited first; the first that finds its contracts is proposed."""

_STRONG = 1.5
_WIDE = 0.4


def suited(regime: Regime, parameters: OptionsParameters) -> list[StrategyName]:
    """Return the strategies to try in a regime, without those switched off or not sure enough."""
    if confidence(regime) < parameters.min_confidence:
        return []
    return [name for name in PLAYBOOK[regime.trend, regime.volatility] if name in parameters.enabled]


def confidence(regime: Regime) -> float:
    """Return how clearly the market is in the regime, 0.5 to 1: half of it from the trend, half from volatility."""
    size = min(abs(regime.strength) / _STRONG, 1.0)
    clear = 1 - size if regime.trend is Trend.FLAT else size
    away = min(abs(regime.ratio - 1) / _WIDE, 1.0)
    priced = 1 - away if regime.volatility is VolRegime.NORMAL else away
    return 0.5 + 0.25 * clear + 0.25 * priced
