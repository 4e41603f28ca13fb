"""One position of the backtest, compiled: how large it is opened, what a bar does to it, how it is left."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ml.backtest.compiled import apart, inner
from ml.backtest.grid import on_lot, on_tick
from ml.backtest.layout import (
    BRAKE,
    INF,
    LEAVE,
    NOTHING,
    OPENING,
    REACHED,
    RUNGS,
    SESSION,
    SIGNAL,
    STOPPED,
    TIMED,
    Bars,
    Column,
    Now,
    Purse,
    Seat,
    Trip,
)
from ml.backtest.primitive import either, least, most, move_position, whole


@inner
def look(bars: Bars, now: Now, row: int, symbol: int) -> bool:
    """Write the symbol's bar into `now`; return whether it has one."""
    place = row * bars.symbols + symbol
    flags = bars.flags[row]
    close: float = bars.close[place]
    now.row, now.end, now.close = row, bars.ends[row], close
    now.open, now.high, now.low = bars.open[place], bars.high[place], bars.low[place]
    now.volume, now.move = bars.volume[place], bars.move[place]
    now.leave, now.opening = flags & LEAVE, flags & OPENING
    return abs(close) < INF


@inner
def remember(bars: Bars, now: Now, seen: int, symbol: int) -> bool:
    """Write what was known at the end of row `seen` into `now`; return whether a size and a stop can be said of it."""
    place = seen * bars.symbols + symbol
    weight: float = bars.weight[place]
    move: float = bars.move[place]
    now.seen_weight, now.seen_move, now.seen_volume = weight, move, bars.volume[place]
    return weight > 0.0 and move > 0.0


@inner
def wants(bars: Bars, seat: Seat, place: int, seen: int) -> bool:
    """Return whether the wish at `place` is for a position that a size and a stop can be said of; `now` remembers."""
    wish = bars.target[place]
    sided = wish == 1.0 or (wish == -1.0 and seat.purse.short != 0.0)
    seat.now.wish = wish
    return sided and remember(bars, seat.now, seen, whole(seat.one.symbol))


@inner
def trade_price(seat: Seat) -> float:
    """Return the price at which what is due is traded on this bar."""
    return either(seat.purse.same_close == 0.0, seat.now.open, seat.now.close)


@apart
def enter(seat: Seat) -> None:
    """Open the position that the account's only column wants, if it may have any size."""
    purse, now, price = seat.purse, seat.now, trade_price(seat)
    now.base = either(purse.compound != 0.0, purse.cash, purse.capital)
    room = least(purse.strategy * now.base, purse.symbol * now.base)
    now.room = least(room, affordable(purse, purse.gross * now.base))
    qty = planned(seat, price)
    if qty > 0.0:
        begin(seat, qty, price, slipped(seat, now.wish * qty, price))


@inner
def affordable(purse: Purse, room: float) -> float:
    """Return what may be bought for `room` when costs are to fit in as well."""
    return room / ((1.0 + purse.fee) * (1.0 + purse.half_spread))


@inner
def planned(seat: Seat, price: float) -> float:
    """Set the levels around `price`, and return the units to open; 0 = none."""
    one, purse, now = seat.one, seat.purse, seat.now
    far = one.stop_pct * price
    risk = most(either(far == 0.0, one.stop_moves * now.seen_move, far), purse.least_stop * price)
    entry = now.wish * price
    one.entry = entry
    one.target, one.stop = on_tick(entry + risk * one.target_r, one.tick), on_tick(entry - risk, one.tick)
    one.risk = either(one.tick == 0.0, risk, entry - one.stop)
    return _units(seat, price)


@inner
def _units(seat: Seat, price: float) -> float:
    """Return the units that volatility, loss at the stop, the strategy's own rules and every cap leave; 0 = none."""
    one, purse, now = seat.one, seat.purse, seat.now
    lost = least(purse.risk_per_trade, one.at_risk)
    if one.kelly != 0.0:
        lost = least(lost, _kelly_share(seat))
    share = least(least(now.seen_weight, one.max_weight / one.leverage), lost * price / one.risk)
    qty = least(share * now.base, now.room / one.leverage) / price
    if purse.volume_share < INF:
        qty = either(now.seen_volume > 0.0, least(qty, purse.volume_share * now.seen_volume), 0.0)
    qty = on_lot(qty, one.lot)
    return either(qty * price * one.leverage >= purse.min_order, qty, 0.0)


@inner
def _kelly_share(seat: Seat) -> float:
    """Return the share of equity that Kelly's rule may lose at the stop, as `orchestrator.domain.kelly` has it."""
    one, tally = seat.one, seat.tally
    known = either(tally.trades >= one.kelly_least, 1.0, 0.0)
    good = one.prior_trades * one.prior_rate
    bad = one.prior_trades - good
    wins, losses = good + known * tally.wins, bad + known * (tally.trades - tally.wins)
    win_r = (good * one.prior_payoff + known * tally.win_r) / wins
    loss_r = (bad + known * tally.loss_r) / losses
    odds = wins / (wins + losses)
    return most(odds - (1.0 - odds) * loss_r / win_r, 0.0) * one.kelly / most(loss_r, 1.0)


@inner
def begin(seat: Seat, qty: float, price: float, paid: float) -> None:
    """Open a position whose levels are set."""
    one, now, entry = seat.one, seat.now, seat.one.entry
    one.side, one.mark, one.units = now.wish, price, qty
    one.rest, one.next_rung = one.stop, entry + one.risk * one.rung_r[0]
    one.top, one.high = entry, entry
    one.since, one.row, one.paid = now.end, now.row, paid
    seat.purse.open += 1.0
    settle(seat, now.wish * qty, price, paid)


@inner
def slipped(seat: Seat, qty: float, price: float) -> float:
    """Return the price paid for `qty` (negative = sell): spread and impact move it against us.

    Impact grows with the square root of our share of the bar's volume (Almgren et al., Direct estimation of equity
    market impact, Risk 18, 2005, section 3.3, with the exponent 1/2 of the literature).
    """
    purse, now = seat.purse, seat.now
    slip = purse.half_spread * price
    if purse.impact > 0.0 and now.volume > 0.0 and now.move > 0.0:
        slip += purse.impact * now.move * math.sqrt(abs(qty) / now.volume)
    return either(qty > 0.0, price + slip, most(price - slip, 0.0))


@inner
def settle(seat: Seat, qty: float, price: float, paid: float) -> None:
    """Write what was traded into position and cash; `price` is what it would have been without spread and impact."""
    one, purse = seat.one, seat.purse
    fee = most(abs(qty) * (paid * purse.fee + purse.fee_per_unit), purse.least_fee)
    fee -= either(qty < 0.0, qty * (paid * purse.sale_fee + purse.sale_fee_per_unit), 0.0)
    if purse.fee_step > 0.0:
        fee = math.ceil(fee / purse.fee_step - 1e-6) * purse.fee_step
    flow = -qty * paid - fee
    purse.cash += flow
    one.qty += qty
    one.flow += flow
    one.costs += abs(qty) * abs(paid - price) + fee


@inner
def touched(seat: Seat) -> float:
    """Return what the bar touches first, to the pessimist: STOPPED, else REACHED (target or ladder), else NOTHING."""
    one, now = seat.one, seat.now
    long = one.side > 0.0
    if either(long, now.low, -now.high) <= one.stop:
        return STOPPED
    best = either(long, now.high, -now.low)
    return either(best >= least(one.target, one.next_rung), REACHED, NOTHING)


@inner
def work_levels(seat: Seat, first: float) -> float:
    """Sell what the ladder says; return the price at which stop or target leaves all, NaN = something is left.

    A gap through a level fills at the open.
    """
    one, now, side = seat.one, seat.now, seat.one.side
    opened, level = side * now.open, one.stop
    if first == STOPPED:
        return side * least(opened, level)
    best, level = either(side > 0.0, now.high, -now.low), one.target
    while one.next_rung <= least(best, level) and one.qty != 0.0:
        climb(seat, side * most(opened, one.next_rung))
    left = best < level and one.qty != 0.0
    return either(left, math.nan, side * most(opened, level))


@inner
def sell_touched(trips: Sequence[Trip], seat: Seat) -> None:
    """Sell what the bar touches."""
    first = touched(seat)
    if first != NOTHING:
        price = work_levels(seat, first)
        if not math.isnan(price):
            close(trips, seat, price, first)


@apart
def climb(seat: Seat, price: float) -> None:
    """Sell one rung of the ladder at `price`, and set the next."""
    qty = rung_due(seat.one)
    if qty != 0.0:
        sell_part(seat, qty, price, slipped(seat, qty, price))


@inner
def rung_due(one: Column) -> float:
    """Set the next rung of the ladder, and return what the one reached is to trade: negative where it sells."""
    part, rung = 0.0, whole(one.rung)
    for below in range(rung + 1):
        part += one.rung_part[below]
    left = abs(one.qty)
    due = left if part >= 1.0 - 1e-9 else on_lot(part * one.units, one.lot) - (one.units - left)
    one.rung = rung + 1
    one.next_rung = one.entry + one.risk * one.rung_r[rung + 1] if rung + 1 < RUNGS else INF
    return -one.side * most(least(due, left), 0.0)


@inner
def sell_part(seat: Seat, qty: float, price: float, paid: float) -> None:
    """Trade a rung of the ladder; what is left of binary fractions is nothing."""
    one = seat.one
    all_of = abs(qty) == abs(one.qty)
    settle(seat, qty, price, paid)
    one.got += abs(qty) * paid
    one.qty = either(all_of, 0.0, one.qty)


@inner
def at_close(seat: Seat) -> None:
    """Let the stop follow, and decide whether the position is left at the next chance."""
    one, now, side = seat.one, seat.now, seat.one.side
    one.mark = now.close
    one.top = most(one.top, side * now.close)
    one.high = most(one.high, either(side > 0.0, now.high, -now.low))
    follow(one, now.move)
    one.due = _due(one, now) + 1.0


@inner
def follow(one: Column, move: float) -> None:
    """Raise the stop to what trails, has broken even or hangs from the highest high; it never comes down."""
    gain = one.top - one.entry
    if gain >= one.risk * one.trail_after_r:
        one.stop = most(one.stop, one.top - one.risk * one.trail_r)
    if one.break_even_r > 0.0 and gain >= one.risk * one.break_even_r:
        one.stop = most(one.stop, one.entry)
    if one.chandelier > 0.0 and move > 0.0:
        one.stop = most(one.stop, one.high - one.chandelier * move)


@inner
def _due(one: Column, now: Now) -> float:
    if now.wish == 0.0 or now.wish + one.side == 0.0:
        return SIGNAL
    if now.end - one.since >= one.hold_s:
        return TIMED
    if now.leave != 0.0:
        return SESSION
    return either(now.brake != 0.0, BRAKE, NOTHING)


@inner
def leave(seat: Seat, price: float, paid: float) -> None:
    """Sell what is left of a position, and count it; the column keeps what it was."""
    one, tally, qty = seat.one, seat.tally, seat.one.qty
    if qty != 0.0:
        settle(seat, -qty, price, paid)
        one.got += abs(qty) * paid
    gained = one.flow / (one.risk * one.units)
    won = gained > 0.0
    tally.trades += 1.0
    tally.wins += either(won, 1.0, 0.0)
    tally.win_r += either(won, gained, 0.0)
    tally.loss_r -= either(won, 0.0, gained)
    seat.purse.open -= 1.0


@inner
def tell(trips: Sequence[Trip], seat: Seat, reason: float) -> None:
    """Write the round trip just ended, and clear its column."""
    one, purse = seat.one, seat.purse
    told = trips[whole(purse.trips)]
    told.column, told.exit, told.reason = one.column, seat.now.row, reason
    move_position(told, one)
    purse.trips += 1.0


@apart
def close(trips: Sequence[Trip], seat: Seat, price: float, reason: float) -> None:
    """Leave a position at `price` and write its round trip."""
    leave(seat, price, slipped(seat, -seat.one.qty, price))
    tell(trips, seat, reason)
