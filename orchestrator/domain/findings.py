"""What can be wrong with a series of bars, as values: the kinds, what each weighs, and which of them end the matter."""

from __future__ import annotations

from enum import StrEnum

from orchestrator.domain.base import Value


class Defect(StrEnum):
    """A kind of defect. Each finding of a report has one."""

    EMPTY = "empty"
    MISSING = "missing"
    """Bars that the sessions (or a market that never closes) would have."""
    HOLE = "hole"
    """More than `HOLE_DAYS` days without a bar."""
    OFF_SESSION = "off_session"
    """Bars at times at which no session has one."""
    ORDER = "order"
    """A bar that is older than the one before it."""
    DUPLICATE = "duplicate"
    """A time that comes again with the same values."""
    CONFLICT = "conflict"
    """A time that comes again with other values."""
    NOT_A_NUMBER = "not_a_number"
    """A row with a price, volume or adjusted close that is missing or infinite."""
    NOT_POSITIVE = "not_positive"
    """A price that is not above zero, or a volume below it."""
    OHLC = "ohlc"
    """A high that is not the highest or a low that is not the lowest, by more than rounding."""
    ROUNDING = "rounding"
    """The same by less than a thousandth: how some vendors adjust for splits."""
    EXPLAINED_JUMP = "explained_jump"
    """A move that a known split or dividend accounts for: true in raw prices, to be adjusted before use."""
    JUMP = "jump"
    """A large move that nothing accounts for; it may be true."""
    SPLIT_UNTOLD = "split_untold"
    """A move of the very size of a split that no action tells of."""
    BREAK = "break"
    """A move by a factor of `BREAK_FACTOR` or more that nothing accounts for: no market, another unit or holder."""
    DIVIDEND = "dividend"
    """A dividend far larger than the price's move and than any plausible yield."""
    OTHER_HOLDER = "other_holder"
    """Bars of days on which the ticker was not this holding's: before it came, or while it had another name."""
    STALE = "stale"
    """Bars in runs that repeat the same prices."""
    NO_VOLUME = "no_volume"
    """Bars without any volume."""


FATAL = frozenset(
    {
        Defect.EMPTY,
        Defect.HOLE,
        Defect.ORDER,
        Defect.DUPLICATE,
        Defect.CONFLICT,
        Defect.NOT_A_NUMBER,
        Defect.NOT_POSITIVE,
        Defect.OHLC,
        Defect.SPLIT_UNTOLD,
        Defect.BREAK,
        Defect.DIVIDEND,
        Defect.OTHER_HOLDER,
    }
)
"""One of these and a series is not used, whatever its score."""

WEIGHTS: dict[Defect, tuple[float, float]] = {
    Defect.MISSING: (0.45, 0.25),
    Defect.OFF_SESSION: (0.05, 1.0),
    Defect.ROUNDING: (0.05, 0.05),
    Defect.JUMP: (0.20, 0.01),
    Defect.STALE: (0.15, 0.50),
    Defect.NO_VOLUME: (0.10, 0.50),
}
"""Weight of each defect in the score, and the share of bars at which all of that weight is lost.

The weights are the desk's own choice and add up to one; missing bars weigh most, because every indicator reads them.
"""

LEAST_SCORE = 0.80
"""A series below this is not used."""


class Finding(Value):
    """One kind of defect in a series: how often, the first place, and one line for a person."""

    defect: Defect
    count: int
    first: str
    """Time of the first one, "" where there is none."""
    row: int
    """Row of the first one, counted from 0; -1 where it is not a row that is there."""
    text: str

    @property
    def fatal(self) -> bool:
        """Whether it ends the matter."""
        return self.defect in FATAL


class Verdict(Value):
    """Whether a series may be traded and tuned on."""

    usable: bool
    score: float
    reasons: tuple[str, ...] = ()


class QualityReport(Value):
    """What was found in one series; `score` in [0, 1] is what `WEIGHTS` leave."""

    name: str
    minutes: int
    rows: int
    expected: int | None
    """Bars that the sessions would have between the first and the last one; None = not known."""
    first: str
    last: str
    score: float
    findings: tuple[Finding, ...] = ()

    def count(self, defect: Defect) -> int:
        """Return how often a defect was found."""
        return sum(one.count for one in self.findings if one.defect is defect)

    @property
    def verdict(self) -> Verdict:
        """Whether the series may be traded and tuned on, and why not."""
        reasons = [one.text for one in self.findings if one.fatal]
        if self.score < LEAST_SCORE:
            reasons.append(f"score {self.score:.2f} is below {LEAST_SCORE:.2f}")
        return Verdict(usable=not reasons, score=self.score, reasons=tuple(reasons))
