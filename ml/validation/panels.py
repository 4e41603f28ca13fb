"""Whether bars can be learned from: in order, complete, finite, and not contradicting themselves."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from orchestrator.domain.errors import MalformedDataError
from orchestrator.domain.market import Panel


def check_panel(panel: Panel, *, where: str) -> None:
    """Refuse bars that nothing may be learned from.

    Raises
    ------
    MalformedDataError
        Times that do not ascend, a bar with a missing, infinite or non-positive price, a high that is not the
        highest or a low that is not the lowest; the message names symbol, time and column.
    """
    steps = np.diff(panel.ends)
    if (steps <= 0).any():
        row = int(np.argmax(steps <= 0)) + 1
        raise MalformedDataError(f"{where}: bars are not in order at {_time(panel, row)} (row {row})")
    prices = {"open": panel.open, "high": panel.high, "low": panel.low, "close": panel.close}
    present = np.any([~np.isnan(column) for column in prices.values()], axis=0)
    for name, column in prices.items():
        _refuse(panel, present & ~(np.isfinite(column) & (column > 0)), where, f"{name} is not a positive number")
    top, bottom = np.fmax(panel.open, panel.close), np.fmin(panel.open, panel.close)
    # A cent of rounding apart is how some vendors adjust for splits.
    slack = 1e-3
    _refuse(panel, present & (panel.high < top * (1 - slack)), where, "high is below open or close")
    _refuse(panel, present & (panel.low > bottom * (1 + slack)), where, "low is above open or close")


def _refuse(panel: Panel, faulty: NDArray[np.bool_], where: str, fault: str) -> None:
    if faulty.any():
        row, column = (int(index) for index in np.argwhere(faulty)[0])
        raise MalformedDataError(f"{where}: {panel.symbols[column]} at {_time(panel, row)} (row {row}): {fault}")


def _time(panel: Panel, row: int) -> str:
    return f"{datetime.fromtimestamp(int(panel.ends[row]), UTC):%Y-%m-%d %H:%M:%S} UTC"
