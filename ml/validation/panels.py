"""Whether bars can be learned from: in order, complete, finite, not contradicting themselves, and of one story."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from orchestrator.domain.errors import MalformedDataError
from orchestrator.domain.findings import Defect
from orchestrator.domain.market import Panel
from orchestrator.domain.quality import examined
from orchestrator.domain.series import BarSeries
from orchestrator.domain.strategy import selected

_ENDS_THE_JOB = frozenset(
    {Defect.ORDER, Defect.DUPLICATE, Defect.CONFLICT, Defect.NOT_A_NUMBER, Defect.NOT_POSITIVE, Defect.OHLC}
)
"""What `check_panel` refuses with time and column: an error of the source, not a property of one symbol."""


def sound(panel: Panel, minutes: int) -> tuple[Panel, dict[str, str]]:
    """Return the panel without the symbols whose bars are not to be used, and why each of them is not.

    A symbol is measured against the times of the panel between its own first and last bar. What `check_panel`
    refuses stays in for it.
    """
    refused = {}
    for symbol in panel.symbols:
        report = examined(_series(panel, symbol, minutes), panel.ends)
        ends_all = any(one.defect in _ENDS_THE_JOB for one in report.findings)
        if report.rows and not ends_all and not report.verdict.usable:
            refused[symbol] = "; ".join(report.verdict.reasons)
    if not refused:
        return panel, {}
    return selected(panel, [symbol for symbol in panel.symbols if symbol not in refused]), refused


def _series(panel: Panel, symbol: str, minutes: int) -> BarSeries:
    at = panel.column(symbol)
    prices = (panel.open[:, at], panel.high[:, at], panel.low[:, at], panel.close[:, at])
    rows = np.any([~np.isnan(column) for column in prices], axis=0)
    columns = (column[rows] for column in (*prices, panel.volume[:, at]))
    return BarSeries(symbol, minutes, panel.ends[rows], *columns)


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
