"""What the compiled code works on: arrays of the market, and records of numbers; money is in the capital's currency.

Records, because reading a number by name is what numba compiles fastest, and a record is handed over as one address.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RUNGS = 5
ACTIVE, REDUCING, HALTED = 0.0, 1.0, 2.0
"""The account's state."""
SIGNAL, STOPPED, REACHED, TIMED, SESSION, BRAKE, ENDED = (float(place) for place in range(7))
NOTHING = -1.0
"""Why a position was left: not whole numbers, for each of which compiled functions would be compiled once more."""
REFUSED = -2.0
"""What `ask` says of a symbol that was asked for and got no size in this row."""
A_ROW, A_SYMBOL, A_SPLIT, A_DIVIDEND = range(4)
ACTION = 4
"""A row of `actions`."""
NO_ENTRY, LEAVE, OPENING = 1, 2, 4
"""The bits of `flags`."""

INF = math.inf
YEAR_S = 365.25 * 86_400
DAY_S = 86_400


class Held:
    """A position. `side` is 1 or -1, 0 = nothing held.

    `entry`, `stop`, `target`, `next_rung`, `top` and `high` are prices times `side`: for a sold position, too, a
    larger one is a better one. `due` is 0 or one more than the reason to leave. `rest` is the stop that lies at the
    venue, `reserved` what the entry was to cost at worst, in the row that made it.
    """

    side: float
    due: float
    qty: float
    mark: float
    entry: float
    stop: float
    target: float
    risk: float
    top: float
    high: float
    since: float
    row: float
    rung: float
    next_rung: float
    units: float
    paid: float
    got: float
    flow: float
    costs: float
    rest: float
    reserved: float


class Column(Held):
    """A column of the signals, one strategy in one symbol: how it trades, and its position.

    `held` outlives the position: one more than the last row in which it was there.
    """

    column: float
    symbol: float
    plan: float
    lot: float
    tick: float
    leverage: float
    places: float
    max_weight: float
    at_risk: float
    stop_moves: float
    stop_pct: float
    target_r: float
    trail_after_r: float
    trail_r: float
    break_even_r: float
    chandelier: float
    restop_r: float
    hold_s: float
    kelly: float
    kelly_least: float
    prior_trades: float
    prior_rate: float
    prior_payoff: float
    rung_r: Floats
    rung_part: Floats
    held: float
    ask: float


class Trip(Held):
    """A round trip: its column, the row of the exit, why; then the position as it was left."""

    column: float
    exit: float
    reason: float


class Purse:
    """What is known of the account, then its terms; those of costs and limits are named as in `ml.backtest.account`."""

    cash: float
    equity: float
    peak: float
    day: float
    day_start: float
    quiet_day: float
    state: float
    open: float
    trips: float
    capital: float
    compound: float
    same_close: float
    moments: float
    short: float
    least_stop: float
    fee: float
    fee_per_unit: float
    least_fee: float
    half_spread: float
    impact: float
    borrow: float
    sale_fee: float
    sale_fee_per_unit: float
    fee_step: float
    through: float
    risk_per_trade: float
    strategy: float
    symbol: float
    gross: float
    min_order: float
    volume_share: float
    daily_loss: float
    drawdown_reducing: float
    drawdown_halted: float


class Now:
    """The bar that a symbol is in, and what is asked of it.

    `opening` is whether the row is a session's open only, `level` whether a price is a level that was agreed: no spread
    is added. `seen_*` was known when an entry was decided; `equity` is the account's before a moment's trades, `base`
    what sizes are fractions of, `room` what may be bought for.
    """

    row: float
    end: float
    open: float
    high: float
    low: float
    close: float
    volume: float
    move: float
    leave: float
    opening: float
    wish: float
    brake: float
    level: float
    seen_volume: float
    seen_move: float
    seen_weight: float
    equity: float
    base: float
    room: float


class Swept:
    """Where a sweep's candidate stands, and what it has earned: `row` is the next one to look at.

    `above` is whether the fast mean is above, `drawdown` that of the equity between positions.
    """

    row: int
    above: int
    equity: float
    trades: float
    wins: float
    gained: float
    lost: float
    costs: float
    peak: float
    drawdown: float


class Block:
    """Rows whose means are worked out together: from `first` to before `last`; `width` numbers are a window's.

    `longest` is the longest window.
    """

    first: int
    last: int
    longest: int
    width: int


class Tally:
    """What a strategy's closed trades say."""

    trades: float
    wins: float
    win_r: float
    loss_r: float


def _numbers(*kinds: type) -> np.dtype[np.void]:
    """Return the record that has the numbers of each kind, in their order."""
    fields = [(name, kind) for one in kinds for name, kind in one.__annotations__.items()]
    kinds_of = {"float": ("f8", ()), "Floats": ("f8", (RUNGS,)), "int": ("i8", ())}
    return np.dtype([(name, *kinds_of[kind]) for name, kind in fields])


COLUMN, TRIP = _numbers(Column, Held), _numbers(Trip, Held)
PURSE, NOW, TALLY = _numbers(Purse), _numbers(Now), _numbers(Tally)
SWEPT, BLOCK = _numbers(Swept), _numbers(Block)
# Places of a trip's numbers as the ledger has them, then those of a position's numbers among themselves.
T_COLUMN, T_EXIT, T_REASON, T_POSITION = range(4)
TRADE = T_POSITION + len(Held.__annotations__)
SIDE, RISK, HIGH, ROW, UNITS, PAID, GOT, FLOW, COSTS = (
    list(Held.__annotations__).index(name)
    for name in ("side", "risk", "high", "row", "units", "paid", "got", "flow", "costs")
)


class Bars(NamedTuple):
    """What the market did and the strategies want, row by row: `ends` and `flags` (T,), prices (T * S,).

    `move`, `weight` and the wishes (`target` and `confidence`, a number for each column) are what was known at a row's
    end; `actions` is (N * ACTION,), rows ascending.
    """

    symbols: int
    ends: Ints
    flags: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    move: Floats
    weight: Floats
    target: Floats
    confidence: Floats
    actions: Floats


class Desk(NamedTuple):
    """Where a run stands, and what it has written so far: `trips`, equity and gross exposure of each row."""

    book: Sequence[Column]
    purse: Purse
    tallies: Sequence[Tally]
    now: Now
    trips: Sequence[Trip]
    equity: Floats
    gross: Floats


class Seat(NamedTuple):
    """One column where it is looked at."""

    one: Column
    purse: Purse
    now: Now
    tally: Tally
