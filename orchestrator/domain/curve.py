"""The equity curve in monthly documents: appended to, and thinned out so that a month always fits.

The newest point of each five minutes is kept for two days, then the newest of each hour: at most about 1,300 points.
Thinning looks at the points only, so it gives the same curve whenever and however often it is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from orchestrator.domain.documents import EquityDoc, EquityPoint

FINE = timedelta(minutes=5)
COARSE = timedelta(hours=1)
FINE_FOR = timedelta(hours=48)


def extended(doc: EquityDoc | None, point: EquityPoint) -> EquityDoc:
    """Return a month with one more point: at the time of the newest it replaces it, an older one changes nothing."""
    points = () if doc is None else doc.points
    if points and points[-1].at == point.at:
        points = points[:-1]
    if not points or points[-1].at < point.at:
        points = (*points, point)
    return EquityDoc(month=f"{point.at:%Y%m}", points=thinned(points))


def thinned(points: Sequence[EquityPoint]) -> tuple[EquityPoint, ...]:
    """Return the newest point of each bucket, oldest first; `points` are in order of time."""
    if not points:
        return ()
    newest = points[-1].at
    kept = {_bucket(point.at, newest): point for point in points}
    return tuple(sorted(kept.values(), key=lambda point: point.at))


def _bucket(at: datetime, newest: datetime) -> tuple[str, float]:
    # The day border is rounded down to a whole hour, so that no hour is ever split between the two grids.
    border = (newest - FINE_FOR).replace(minute=0, second=0, microsecond=0)
    name, step = ("fine", FINE) if at >= border else ("coarse", COARSE)
    return name, at.timestamp() // step.total_seconds()
