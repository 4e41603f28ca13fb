"""What the tuning job keeps of its searches: how much was tried, and what is found so far."""

from __future__ import annotations

from orchestrator.domain.base import Document, ModuleName, UtcTime, Value


class Found(Value):
    """What the search on one training window found.

    Parameters
    ----------
    values
        The best ones by name.
    trials
        Sets of values tried.
    luck
        Variance of their Sharpe ratios that is luck, per bar.
    overfitting
        Probability that the best of them is a poor one on other bars, 0 to 1.
    """

    values: dict[str, float]
    trials: int
    luck: float
    overfitting: float


class TuningDoc(Document):
    """`tuning/{module}`: how much was ever tried, and what a night that was cut off has found already."""

    module: ModuleName
    trials: int = 0
    """Sets of values tried in all nights."""
    nights: int = 0
    finished: str = ""
    """The last slot that came to its end."""
    said: str = ""
    """What the last night that read its evidence came to, in one line."""
    slot: str = ""
    """The slot in progress, empty between two."""
    basis: str = ""
    """What its searches rest on: version of the parameters and of the code."""
    found: dict[str, tuple[Found, ...]] = {}
    """What the slot in progress has found, by what was tuned, the oldest fold first."""
    updated_at: UtcTime
