"""Daily bars as the two moments that the desk has of them: the open, then the finished bar (docs/adr/0003).

At the open strategies say what they said at the close before, and nothing that has moved too far since is entered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.backtest import layout
from ml.backtest.engine import Market, Plan
from ml.backtest.layout import Ints
from orchestrator.domain.market import Floats, Panel, Signals


def unfolded_market(market: Market, opens: Ints, ticks: Mapping[str, float]) -> Market:
    """Return the market with two rows for each of its bars.

    Parameters
    ----------
    opens
        (T,) when each bar opened, epoch seconds.
    ticks
        Grid of prices, by symbol.
    """
    panel = market.panel
    flags = np.zeros(len(panel), np.int64) if market.flags is None else market.flags
    actions = market.actions.copy()
    actions[:, layout.A_ROW] *= 2
    own = Panel(
        panel.symbols,
        _alternating(opens, panel.ends),
        _alternating(panel.open, panel.open),
        _alternating(panel.open, panel.high),
        _alternating(panel.open, panel.low),
        _alternating(panel.open, panel.close),
        _alternating(_before(panel.volume), panel.volume),
    )
    return replace(
        market,
        panel=own,
        stop_base=_alternating(_before(market.stop_base), market.stop_base),
        weight=_alternating(_before(market.weight), market.weight),
        flags=_alternating((flags & ~layout.LEAVE) | layout.OPENING, flags),
        actions=actions,
        ticks=ticks,
    )


def unfolded_plans(
    market: Market, plans: Sequence[Plan], *, max_chase_moves: float, at_open: bool | NDArray[np.bool_]
) -> list[Plan]:
    """Return the plans on the rows of the unfolded market; `market` is the one of whole bars.

    Parameters
    ----------
    max_chase_moves
        How many expected moves the open may be from the close before, for an entry.
    at_open
        Whether anything is entered at the open, of all rows or (T, 1) of each.
    """
    near = _near(market, max_chase_moves) & at_open
    return [replace(plan, signals=_unfolded(plan.signals, near)) for plan in plans]


def unchased_plans(market: Market, plans: Sequence[Plan], *, max_chase_moves: float) -> list[Plan]:
    """Return the plans without the entries whose next open is further from the close than the desk follows a price."""
    near = np.ones(market.panel.open.shape, np.bool_)
    near[:-1] = _near(market, max_chase_moves)[1:]
    return [replace(plan, signals=_kept(plan.signals, near)) for plan in plans]


def _kept(signals: Signals, near: NDArray[np.bool_]) -> Signals:
    target = np.where(near | ~(np.abs(signals.target) > 0), signals.target, np.nan)
    return replace(signals, target=target)


def _near(market: Market, max_chase_moves: float) -> NDArray[np.bool_]:
    """Return where the open is near enough to the close before, for an entry."""
    panel = market.panel
    gap = np.abs(panel.open - _before(panel.close))
    near: NDArray[np.bool_] = gap <= max_chase_moves * _before(market.stop_base)
    return near


def _unfolded(signals: Signals, near: Any) -> Signals:
    opening = np.where(near, _before(signals.target), np.nan)
    confidence = np.nan_to_num(_before(signals.confidence))
    return Signals(
        _alternating(opening, signals.target),
        _alternating(confidence, signals.confidence),
        np.repeat(signals.reason, 2, axis=0),
        signals.reasons,
    )


def _before(values: Floats) -> Floats:
    """Return the values of the row before; NaN in the first."""
    found = np.full(values.shape, np.nan)
    found[1:] = values[:-1]
    return found


def _alternating(opening: Any, closing: Any) -> Any:
    """Return the rows of both, one of each in turn."""
    return np.stack([opening, closing], axis=1).reshape(-1, *np.shape(opening)[1:])
