"""What the arrays of the compiled code hold, by place; money is in the capital's currency.

State is in few flat arrays, and what happens on every bar touches few of them: passing many arrays to a compiled
function costs more than what it does.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# A row of `book` is a column of the signals: one strategy in one symbol. First how it trades ...
SYMBOL, PLAN, LOT, TICK, LEVERAGE, PLACES, WEIGHT, AT_RISK = range(8)
STOP_MOVES, STOP_PCT, TARGET_R, TRAIL_AFTER_R, TRAIL_R, BREAK_EVEN_R, CHANDELIER, RESTOP_R, HOLD_S = range(8, 17)
KELLY, KELLY_LEAST, PRIOR_TRADES, PRIOR_RATE, PRIOR_PAYOFF = range(17, 22)
RUNG_R, RUNGS = 22, 5
RUNG_PART = RUNG_R + RUNGS
# ... then its position. SIDE is 1 or -1, 0 = nothing held. ENTRY, STOP, TARGET, NEXT_RUNG, TOP and HIGH are prices
# times SIDE: for a sold position, too, a larger one is a better one. DUE is 0 or one more than the reason to leave.
# REST is the stop that lies at the venue, RESERVED what the entry was to cost at worst, in the row that made it.
# HELD outlives the position: one more than the last row in which it was there.
HELD, ASK = 32, 33
SIDE, DUE, QTY, MARK, ENTRY, STOP, TARGET, RISK, TOP, HIGH, SINCE = range(34, 45)
ROW, RUNG, NEXT_RUNG, UNITS, PAID, GOT, FLOW, COSTS, REST, RESERVED = range(45, 55)
BOOK = 55
# What is known of the account, then its terms: `purse`.
CASH, EQUITY, PEAK, DAY, DAY_START, QUIET_DAY, STATE, OPEN, TRADES = range(9)
CAPITAL, COMPOUND, SAME_CLOSE, MOMENTS, SHORT, LEAST_STOP, BASE = range(9, 16)
FEE, FEE_PER_UNIT, LEAST_FEE, HALF_SPREAD, IMPACT, BORROW = range(16, 22)
SALE_FEE, SALE_FEE_PER_UNIT, FEE_STEP, THROUGH = range(22, 26)
RISK_PER_TRADE, OF_STRATEGY, OF_SYMBOL, GROSS, MIN_ORDER, VOLUME_SHARE = range(26, 32)
DAILY_LOSS, DRAWDOWN_REDUCING, DRAWDOWN_HALTED = range(32, 35)
PURSE = 35
ACTIVE, REDUCING, HALTED = 0.0, 1.0, 2.0
# The bar that a symbol is in: `now`. Then the brake, the next row with a wish, and whether the only column is all there
# is to look at (no sessions, no corporate actions).
N_ROW, N_END, N_OPEN, N_HIGH, N_LOW, N_CLOSE, N_VOLUME, N_MOVE, N_WISH, N_LEAVE, N_BRAKE, N_AHEAD, N_ALONE = range(13)
# Whether the row is a session's open only, and whether a price is a level that was agreed: no spread is added.
N_OPENING, N_LEVEL = 13, 14
NOW = 15
# What a strategy's closed trades say: the second axis of `record`.
R_TRADES, R_WINS, R_WIN_R, R_LOSS_R = range(4)
RECORD = 4
# One row of `trades`: column, row of the exit, why; then the position from SIDE on as it was left.
T_COLUMN, T_EXIT, T_REASON, T_POSITION = range(4)
TRADE = T_POSITION + BOOK - SIDE
# Why a position was left: not whole numbers, for each of which compiled functions would be compiled once more.
SIGNAL, STOPPED, REACHED, TIMED, SESSION, BRAKE, ENDED = (float(place) for place in range(7))
NOTHING = -1.0
# What ASK says of a symbol that was asked for and got no size in this row.
REFUSED = -2.0
# One row of `actions`, and the bits of `flags`.
A_ROW, A_SYMBOL, A_SPLIT, A_DIVIDEND = range(4)
ACTION = 4
NO_ENTRY, LEAVE, OPENING = 1, 2, 4

INF = math.inf
YEAR_S = 365.25 * 86_400
DAY_S = 86_400


class Lane(NamedTuple):
    """What the bars of an only symbol did and its only column wants, (T,); of several, nothing that makes sense."""

    low: Floats
    high: Floats
    close: Floats
    wish: Floats


class Bars(NamedTuple):
    """What the market did and the strategies want: `ends` and `flags` (T,), prices (T, S), wishes (T, C).

    `move`, `weight` and the wishes are what was known at a row's end; `actions` is (N, ACTION), rows ascending.
    """

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
    lane: Lane


class Desk(NamedTuple):
    """Where a run stands: (C, BOOK), (PURSE,), (G, RECORD), (NOW,), and what it has written so far."""

    book: Floats
    purse: Floats
    record: Floats
    now: Floats
    trades: Floats
