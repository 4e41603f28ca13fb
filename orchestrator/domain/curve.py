"""The equity curve in monthly documents: appended to, and thinned out so that a month always fits.

The newest point of each five minutes is kept for two days, then the newest of each hour: at most about 1,300 points.
Thinning looks at the times only, so it gives the same curve whenever and however often it is done. Points stay in
their stored form (`EquityPoint`), because the curve is long and only its end changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from orchestrator.domain.codec import encode
from orchestrator.domain.documents import EquityDoc, EquityPoint
from orchestrator.domain.errors import MalformedDataError

FINE = timedelta(minutes=5)
COARSE = timedelta(hours=1)
FINE_FOR = timedelta(hours=48)

Stored = dict[str, Any]


def extended(month: Stored | None, point: EquityPoint) -> Stored:
    """Return a stored month with one more point; one at the newest's time replaces it, an older one changes nothing.

    Raises
    ------
    MalformedDataError
        The stored month is damaged.
    """
    points = [] if month is None else _points(month)
    if points and points[-1]["at"] == point.at:
        points = points[:-1]
    if not points or points[-1]["at"] < point.at:
        points = [*points, encode(point)]
    return {**encode(EquityDoc(month=f"{point.at:%Y%m}")), "points": thinned(points)}


def _points(month: Stored) -> list[Stored]:
    points = month.get("points")
    if not isinstance(points, list) or not all(isinstance(_time(point), datetime) for point in points):
        raise MalformedDataError(f"equity {month.get('month')}: points are not a list of points with a time")
    return points


def _time(point: Any) -> Any:
    return point.get("at") if isinstance(point, dict) else None


def thinned(points: Sequence[Stored]) -> list[Stored]:
    """Return the newest point of each bucket, oldest first; `points` are in order of time."""
    if not points:
        return []
    # The border is rounded down to a whole hour, so that no hour is ever split between the two grids.
    border = (points[-1]["at"] - FINE_FOR).replace(minute=0, second=0, microsecond=0)
    kept = {_bucket(point["at"], border): point for point in points}
    return sorted(kept.values(), key=_time)


def _bucket(at: datetime, border: datetime) -> tuple[bool, float]:
    fine = at >= border
    return fine, at.timestamp() // (FINE if fine else COARSE).total_seconds()
