"""One property for every strategy: what it says at a bar does not change when later bars arrive.

Use it for a new strategy in two lines:

    @given(panel=panels(("XLK", "XLF")))
    def test_my_strategy_does_not_look_ahead(panel): assert_no_look_ahead(my_strategy.evaluate, panel, MyStrategy())
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from orchestrator.domain.market import Panel, Signals
from orchestrator.domain.strategy import StrategyParameters


def assert_no_look_ahead(
    evaluate: Callable[[Panel, Any], Signals], panel: Panel, parameters: Any, *, rows: Iterable[int] | None = None
) -> None:
    """`evaluate(panel[:t])[-1] == evaluate(panel)[t]` for every t (or for `rows`), bit for bit."""
    whole = evaluate(panel, parameters)
    for t in range(len(panel)) if rows is None else rows:
        known = evaluate(panel[: t + 1], parameters)
        for name in ("target", "confidence", "reason"):
            then, later = getattr(known, name)[-1], getattr(whole, name)[t]
            assert np.array_equal(then, later, equal_nan=name != "reason"), (
                f"{name} at row {t}: {then} then, {later} later"
            )
        assert known.reasons == whole.reasons


def assert_warmup_suffices(
    evaluate: Callable[[Panel, Any], Signals], panel: Panel, parameters: StrategyParameters
) -> None:
    """The newest `warmup` bars of a panel without gaps give the same newest signals as the whole history."""
    whole, newest = evaluate(panel, parameters), evaluate(panel[-parameters.warmup :], parameters)
    np.testing.assert_array_equal(newest.target[-1], whole.target[-1])
    np.testing.assert_array_equal(newest.confidence[-1], whole.confidence[-1])


def assert_well_formed(signals: Signals, panel: Panel) -> None:
    """Signals on the panel's axes, inside their ranges, every reason named."""
    shape = panel.close.shape
    assert signals.target.shape == signals.confidence.shape == signals.reason.shape == shape
    known = signals.target[np.isfinite(signals.target)]
    assert ((known >= -1) & (known <= 1)).all()
    assert ((signals.confidence >= 0) & (signals.confidence <= 1)).all()
    assert ((signals.reason >= 0) & (signals.reason < len(signals.reasons))).all()


@st.composite
def panels(draw: st.DrawFn, symbols: tuple[str, ...], *, rows: int = 60, minutes: int = 60) -> Panel:
    """Random walks with trends, flat stretches, jumps and gaps; whole rows of gaps do not occur in a panel."""
    count = draw(st.integers(1, rows))
    seed = draw(st.integers(0, 2**32 - 1))
    noise, drift, gaps = (
        draw(st.sampled_from([0.0, 0.001, 0.03])),
        draw(st.floats(-0.01, 0.01)),
        draw(st.floats(0, 0.5)),
    )
    chance = np.random.default_rng(seed)
    steps = chance.normal(drift, noise, (count, len(symbols))) * (chance.random((count, len(symbols))) > 0.1)
    jumps = np.where(chance.random(steps.shape) < 0.01, -0.4, 0.0)
    close = 100.0 * np.exp(np.cumsum(steps + jumps, axis=0))
    reach = close * (1 + np.abs(chance.normal(0, noise, close.shape)))
    missing = chance.random(close.shape) < gaps
    missing[missing.all(axis=1), 0] = False
    high, low = np.maximum(close, reach), np.minimum(close, close**2 / reach)
    arrays = [np.where(missing, np.nan, values) for values in (close, high, low, close)]
    ends = np.int64(1_700_006_400) + np.arange(1, count + 1, dtype=np.int64) * 60 * minutes
    return Panel(symbols, ends, *arrays, volume=np.where(missing, 0.0, 1000.0))
