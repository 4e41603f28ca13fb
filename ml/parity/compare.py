"""What the desk and the backtest made of the same days, trade by trade. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from orchestrator.domain.positions import Position, Trade

_BPS = 10_000.0
_CENT = 0.01


@dataclass(frozen=True, slots=True)
class Made:
    """A position as one side made it; money in USD. `closed_at` and `exit_px` are None while it is open.

    Parameters
    ----------
    profit
        After fees, dividends left out; None while it is open.
    """

    strategy: str
    symbol: str
    qty: float
    opened_at: datetime
    entry_px: float
    closed_at: datetime | None = None
    exit_px: float | None = None
    profit: float | None = None


def of_trade(trade: Trade) -> Made:
    """Return a round trip as a position that has been left."""
    return replace(
        Made(trade.strategy, trade.symbol, float(trade.qty), trade.opened_at, float(trade.entry_px)),
        closed_at=trade.closed_at,
        exit_px=float(trade.exit_px),
        profit=float(trade.realized_pnl),
    )


def of_position(position: Position) -> Made:
    """Return a position that is held; its size is that which was entered."""
    units, px = float(position.entered_units), float(position.entry_px)
    return Made(position.strategy, position.symbol, units, position.opened_at, px)


@dataclass(frozen=True, slots=True)
class Pair:
    """A position of both sides, or of one; `why` says what does not agree, empty = all does.

    Parameters
    ----------
    gap_bps
        Largest difference of entry and exit price, of the desk's price.
    gap_usd
        Profit of the backtest less that of the desk; 0 while it is open.
    """

    desk: Made | None
    backtest: Made | None
    gap_bps: float = 0.0
    gap_usd: float = 0.0
    why: str = ""


def paired(desk: Iterable[Made], backtest: Iterable[Made], *, tolerance_bps: float, within: timedelta) -> list[Pair]:
    """Return the positions of both sides in the order of their entries, matched by strategy, symbol and time.

    Parameters
    ----------
    tolerance_bps
        Largest gap of a price that still agrees.
    within
        How far apart entries may be to be the same one, and entries and exits to agree.
    """
    left: dict[tuple[str, str], list[Made]] = defaultdict(list)
    for one in backtest:
        left[one.strategy, one.symbol].append(one)
    found = []
    for made in desk:
        near = [one for one in left[made.strategy, made.symbol] if abs(one.opened_at - made.opened_at) <= within]
        if near:
            other = min(near, key=lambda one: abs(one.opened_at - made.opened_at))
            left[made.strategy, made.symbol].remove(other)
            found.append(_pair(made, other, tolerance_bps, within))
        else:
            found.append(Pair(made, None, why="only the desk entered it"))
    found += [Pair(None, one, why="only the backtest entered it") for rest in left.values() for one in rest]
    return sorted(found, key=_when)


def _when(pair: Pair) -> tuple[datetime, str, str]:
    made = pair.desk or pair.backtest
    if made is None:
        raise ValueError("a pair of nothing")
    return made.opened_at, made.symbol, made.strategy


def _pair(desk: Made, backtest: Made, tolerance_bps: float, within: timedelta) -> Pair:
    gaps = [_gap(desk.entry_px, backtest.entry_px)]
    if desk.exit_px is not None and backtest.exit_px is not None:
        gaps.append(_gap(desk.exit_px, backtest.exit_px))
    profit = None if desk.profit is None or backtest.profit is None else backtest.profit - desk.profit
    why = list(_differences(desk, backtest, within))
    if max(gaps) > tolerance_bps:
        why.append(f"prices {max(gaps):.2f} bps apart")
    return Pair(desk, backtest, max(gaps), profit or 0.0, "; ".join(why))


def _gap(desk: float, backtest: float) -> float:
    """Return how far apart two prices are, in basis points of the desk's; of one below a cent, of a cent."""
    return abs(backtest - desk) / max(abs(desk), _CENT) * _BPS


def _differences(desk: Made, backtest: Made, within: timedelta) -> Iterable[str]:
    if abs(desk.qty - backtest.qty) > 1e-9 * max(desk.qty, backtest.qty):
        yield f"{desk.qty:g} units against {backtest.qty:g}"
    if (desk.closed_at is None) != (backtest.closed_at is None):
        yield "left by the backtest only" if desk.closed_at is None else "left by the desk only"
    elif desk.closed_at and backtest.closed_at and abs(desk.closed_at - backtest.closed_at) > within:
        yield "left at another time"


def agreeing(pairs: Sequence[Pair]) -> int:
    """Return how many positions agree."""
    return sum(not pair.why for pair in pairs)
