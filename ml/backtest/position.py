"""One position of the backtest, compiled: how large it is opened, what a bar does to it, how it is left."""

from __future__ import annotations

import math

from ml.backtest.compiled import apart, inner
from ml.backtest.grid import middle, on_lot, on_tick, touch, worst
from ml.backtest.layout import (
    AT_RISK,
    BASE,
    BOOK,
    BRAKE,
    BREAK_EVEN_R,
    CAPITAL,
    CASH,
    CHANDELIER,
    COMPOUND,
    COSTS,
    DUE,
    ENTRY,
    FEE,
    FEE_PER_UNIT,
    FEE_STEP,
    FLOW,
    GOT,
    GROSS,
    HALF_SPREAD,
    HIGH,
    HOLD_S,
    IMPACT,
    INF,
    KELLY,
    KELLY_LEAST,
    LEAST_FEE,
    LEAST_STOP,
    LEAVE,
    LEVERAGE,
    LOT,
    MARK,
    MIN_ORDER,
    MOMENTS,
    N_BRAKE,
    N_CLOSE,
    N_END,
    N_HIGH,
    N_LEAVE,
    N_LEVEL,
    N_LOW,
    N_MOVE,
    N_OPEN,
    N_OPENING,
    N_ROW,
    N_VOLUME,
    N_WISH,
    NEXT_RUNG,
    NOTHING,
    OF_STRATEGY,
    OF_SYMBOL,
    OPEN,
    OPENING,
    PAID,
    PLAN,
    PRIOR_PAYOFF,
    PRIOR_RATE,
    PRIOR_TRADES,
    QTY,
    R_LOSS_R,
    R_TRADES,
    R_WIN_R,
    R_WINS,
    REACHED,
    RESERVED,
    REST,
    RISK,
    RISK_PER_TRADE,
    ROW,
    RUNG,
    RUNG_PART,
    RUNG_R,
    RUNGS,
    SALE_FEE,
    SALE_FEE_PER_UNIT,
    SAME_CLOSE,
    SESSION,
    SIDE,
    SIGNAL,
    SINCE,
    STOP,
    STOP_MOVES,
    STOP_PCT,
    STOPPED,
    SYMBOL,
    T_COLUMN,
    T_EXIT,
    T_POSITION,
    T_REASON,
    TARGET,
    TARGET_R,
    THROUGH,
    TICK,
    TIMED,
    TOP,
    TRADES,
    TRAIL_AFTER_R,
    TRAIL_R,
    UNITS,
    VOLUME_SHARE,
    WEIGHT,
    Bars,
    Desk,
    Floats,
)


@inner
def trade_price(desk: Desk) -> float:
    """Return the price at which what is due is traded on this bar."""
    found: float = desk.now[N_OPEN] if desk.purse[SAME_CLOSE] == 0.0 else desk.now[N_CLOSE]
    return found


@inner
def _decision_price(desk: Desk, one: Floats) -> float:
    """Return the price that sizes and levels are made of: the quote's middle where there is one."""
    price = trade_price(desk)
    return middle(price, desk.purse[HALF_SPREAD], one[TICK]) if desk.purse[MOMENTS] != 0.0 else price


@inner
def enter(bars: Bars, desk: Desk, seen: int, column: int) -> None:
    """Open the position that a column wanted at the end of row `seen`, if it may have any size."""
    one, now, price = desk.book[column], desk.now, _decision_price(desk, desk.book[column])
    symbol, side = int(one[SYMBOL]), now[N_WISH]
    far = one[STOP_PCT] * price
    if far == 0.0:
        far = one[STOP_MOVES] * bars.move[seen, symbol]
    risk = max(far, desk.purse[LEAST_STOP] * price)
    entry = side * price
    one[TARGET], one[STOP] = on_tick(entry + risk * one[TARGET_R], one[TICK]), on_tick(entry - risk, one[TICK])
    risk = risk if one[TICK] == 0.0 else entry - one[STOP]
    now[N_WISH] = bars.volume[seen, symbol]
    qty = _units(desk, column, bars.weight[seen, symbol], risk)
    if qty <= 0.0:
        return
    one[SIDE], one[MARK], one[ENTRY], one[RISK] = side, trade_price(desk), entry, risk
    one[REST], one[NEXT_RUNG] = one[STOP], entry + risk * one[RUNG_R]
    one[TOP], one[HIGH], one[SINCE], one[ROW], one[UNITS] = entry, entry, now[N_END], now[N_ROW], qty
    desk.purse[OPEN] += 1.0
    one[PAID] = _fill(desk, column, side * qty, trade_price(desk))
    if desk.purse[MOMENTS] != 0.0:
        one[ENTRY] = side * one[PAID]
        one[NEXT_RUNG] = one[ENTRY] + risk * one[RUNG_R]
        one[RESERVED] = qty * one[LEVERAGE] * worst(one[PAID], desk.purse[THROUGH], one[TICK])


@inner
def _units(desk: Desk, column: int, weight: float, risk: float) -> float:
    """Return the units that volatility, loss at the stop, the strategy's own rules and every cap leave; 0 = none."""
    book, purse, one, price = desk.book, desk.purse, desk.book[column], _decision_price(desk, desk.book[column])
    worth, all_of, of_plan, of_symbol = purse[CASH], 0.0, 0.0, 0.0
    for other in range(len(book)):
        held = book[other, QTY] * book[other, MARK]
        worth += held
        exposure = abs(held) * book[other, LEVERAGE]
        if purse[MOMENTS] != 0.0:
            exposure = _exposed(book[other], purse)
        all_of += exposure
        of_plan += exposure * (book[other, PLAN] == one[PLAN])
        of_symbol += exposure * (book[other, SYMBOL] == one[SYMBOL])
    worth = purse[BASE] if purse[MOMENTS] != 0.0 else worth
    base = worth if purse[COMPOUND] != 0.0 else purse[CAPITAL]
    lost = min(purse[RISK_PER_TRADE], one[AT_RISK], _kelly_share(one, desk.record[int(one[PLAN])]))
    share = min(weight, one[WEIGHT] / one[LEVERAGE], lost * price / risk)
    room = min(purse[OF_STRATEGY] * base - of_plan, purse[OF_SYMBOL] * base - of_symbol)
    if purse[MOMENTS] != 0.0:
        ask = touch(trade_price(desk), purse[HALF_SPREAD], one[TICK], 1.0)
        room = min(room, purse[GROSS] * base - all_of) * price / worst(ask, purse[THROUGH], one[TICK])
    else:
        room = min(room, (purse[GROSS] * base - all_of) / ((1.0 + purse[FEE]) * (1.0 + purse[HALF_SPREAD])))
    qty = min(share * base, room / one[LEVERAGE]) / price
    if purse[VOLUME_SHARE] < INF:
        qty = min(qty, purse[VOLUME_SHARE] * desk.now[N_WISH]) if desk.now[N_WISH] > 0.0 else 0.0
    qty = on_lot(qty, one[LOT])
    found: float = qty if qty * price * one[LEVERAGE] >= purse[MIN_ORDER] else 0.0
    return found


@inner
def _exposed(one: Floats, purse: Floats) -> float:
    """Return a position's exposure as the desk counts it: at the quote's middle, what is just entered at its worst."""
    found: float = one[RESERVED]
    if found <= 0.0:
        found = abs(one[QTY]) * middle(one[MARK], purse[HALF_SPREAD], one[TICK]) * one[LEVERAGE]
    return found


@inner
def _kelly_share(one: Floats, record: Floats) -> float:
    """Return the share of equity that Kelly's rule may lose at the stop, as `orchestrator.domain.kelly` has it."""
    if one[KELLY] == 0.0:
        return INF
    known = 1.0 if record[R_TRADES] >= one[KELLY_LEAST] else 0.0
    good = one[PRIOR_TRADES] * one[PRIOR_RATE]
    bad = one[PRIOR_TRADES] - good
    wins, losses = good + known * record[R_WINS], bad + known * (record[R_TRADES] - record[R_WINS])
    win_r = (good * one[PRIOR_PAYOFF] + known * record[R_WIN_R]) / wins
    loss_r = (bad + known * record[R_LOSS_R]) / losses
    odds = wins / (wins + losses)
    share: float = max(odds - (1.0 - odds) * loss_r / win_r, 0.0) * one[KELLY] / max(loss_r, 1.0)
    return share


@inner
def _fill(desk: Desk, column: int, qty: float, price: float) -> float:
    """Trade `qty` (negative = sell) and return the price paid: spread and impact move it against us, fees are cash.

    Impact grows with the square root of our share of the bar's volume (Almgren et al., Direct estimation of equity
    market impact, Risk 18, 2005, section 3.3, with the exponent 1/2 of the literature).
    """
    one, purse, volume, move = desk.book[column], desk.purse, desk.now[N_VOLUME], desk.now[N_MOVE]
    slip = purse[HALF_SPREAD] * price
    if purse[IMPACT] > 0.0 and volume > 0.0 and move > 0.0:
        slip += purse[IMPACT] * move * math.sqrt(abs(qty) / volume)
    paid: float = price + slip if qty > 0.0 else max(price - slip, 0.0)
    if purse[MOMENTS] != 0.0:
        paid = price if desk.now[N_LEVEL] != 0.0 else touch(price, purse[HALF_SPREAD], one[TICK], qty)
    fee = max(abs(qty) * (paid * purse[FEE] + purse[FEE_PER_UNIT]), purse[LEAST_FEE])
    if qty < 0.0:
        fee -= qty * (paid * purse[SALE_FEE] + purse[SALE_FEE_PER_UNIT])
    if purse[FEE_STEP] > 0.0:
        fee = math.ceil(fee / purse[FEE_STEP] - 1e-6) * purse[FEE_STEP]
    flow = -qty * paid - fee
    purse[CASH] += flow
    one[QTY] += qty
    one[FLOW] += flow
    one[COSTS] += abs(qty) * abs(paid - price) + fee
    return paid


@inner
def touched(one: Floats, now: Floats) -> float:
    """Return what the bar touches first, to the pessimist: STOPPED, else REACHED (target or ladder), else NOTHING."""
    long = one[SIDE] > 0.0
    worst, best = (now[N_LOW], now[N_HIGH]) if long else (-now[N_HIGH], -now[N_LOW])
    if worst <= one[STOP]:
        return STOPPED
    return REACHED if best >= min(one[TARGET], one[NEXT_RUNG]) else NOTHING


@inner
def sell_touched(desk: Desk, column: int, touched: float) -> None:
    """Leave a position at its stop, or sell what ladder and target say; a gap through a level fills at the open."""
    one, now = desk.book[column], desk.now
    side = one[SIDE]
    opened = side * now[N_OPEN]
    level, all_of = min(opened, one[STOP]), True
    if touched == REACHED:
        best = now[N_HIGH] if side > 0.0 else -now[N_LOW]
        while one[NEXT_RUNG] <= min(best, one[TARGET]) and one[QTY] != 0.0:
            climb(desk, column, side * max(opened, one[NEXT_RUNG]))
        level, all_of = max(opened, one[TARGET]), best >= one[TARGET] or one[QTY] == 0.0
    if all_of:
        leave(desk, column, side * level, touched)


@apart
def climb(desk: Desk, column: int, price: float) -> None:
    """Sell one rung of the ladder at `price`, and set the next."""
    one, part = desk.book[column], 0.0
    rung = int(one[RUNG])
    for below in range(rung + 1):
        part += one[RUNG_PART + below]
    left = abs(one[QTY])
    due = left if part >= 1.0 - 1e-9 else on_lot(part * one[UNITS], one[LOT]) - (one[UNITS] - left)
    if due > 0.0:
        due = min(due, left)
        one[GOT] += due * _fill(desk, column, -one[SIDE] * due, price)
        one[QTY] = 0.0 if due == left else one[QTY]
    one[RUNG] = rung + 1
    one[NEXT_RUNG] = one[ENTRY] + one[RISK] * one[RUNG_R + rung + 1] if rung + 1 < RUNGS else INF


@inner
def at_close(one: Floats, now: Floats) -> None:
    """Let the stop follow, and decide whether the position is left at the next chance."""
    side, move = one[SIDE], now[N_MOVE]
    one[MARK] = now[N_CLOSE]
    one[TOP] = max(one[TOP], side * now[N_CLOSE])
    one[HIGH] = max(one[HIGH], now[N_HIGH] if side > 0.0 else -now[N_LOW])
    follow(one, move)
    one[DUE] = _due(one, now) + 1


@inner
def follow(one: Floats, move: float) -> None:
    """Raise the stop to what trails, has broken even or hangs from the highest high; it never comes down."""
    gain = one[TOP] - one[ENTRY]
    if gain >= one[RISK] * one[TRAIL_AFTER_R]:
        one[STOP] = max(one[STOP], one[TOP] - one[RISK] * one[TRAIL_R])
    if one[BREAK_EVEN_R] > 0.0 and gain >= one[RISK] * one[BREAK_EVEN_R]:
        one[STOP] = max(one[STOP], one[ENTRY])
    if one[CHANDELIER] > 0.0 and move > 0.0:
        one[STOP] = max(one[STOP], one[HIGH] - one[CHANDELIER] * move)


@inner
def _due(one: Floats, now: Floats) -> float:
    if now[N_WISH] == 0.0 or now[N_WISH] == -one[SIDE]:
        return SIGNAL
    if now[N_END] - one[SINCE] >= one[HOLD_S]:
        return TIMED
    if now[N_LEAVE] != 0.0:
        return SESSION
    return BRAKE if now[N_BRAKE] != 0.0 else NOTHING


@inner
def leave(desk: Desk, column: int, price: float, reason: float) -> None:
    """Sell what is left of a position and write its round trip."""
    one, purse = desk.book[column], desk.purse
    qty = one[QTY]
    if qty != 0.0:
        one[GOT] += abs(qty) * _fill(desk, column, -qty, price)
    told, record = desk.trades[int(purse[TRADES])], desk.record[int(one[PLAN])]
    told[T_COLUMN], told[T_EXIT], told[T_REASON] = column, desk.now[N_ROW], reason
    gained = one[FLOW] / (one[RISK] * one[UNITS])
    record[R_TRADES] += 1.0
    if gained > 0.0:
        record[R_WINS] += 1.0
        record[R_WIN_R] += gained
    else:
        record[R_LOSS_R] -= gained
    for place in range(SIDE, BOOK):
        told[T_POSITION + place - SIDE] = one[place]
        one[place] = 0.0
    purse[TRADES] += 1.0
    purse[OPEN] -= 1.0


@inner
def look(bars: Bars, now: Floats, row: int, symbol: int) -> bool:
    """Write the symbol's bar into `now`; return whether it has one."""
    close = bars.close[row, symbol]
    now[N_ROW], now[N_END], now[N_CLOSE] = row, bars.ends[row], close
    now[N_OPEN], now[N_HIGH], now[N_LOW] = bars.open[row, symbol], bars.high[row, symbol], bars.low[row, symbol]
    now[N_VOLUME], now[N_MOVE] = bars.volume[row, symbol], bars.move[row, symbol]
    now[N_LEAVE], now[N_OPENING] = bars.flags[row] & LEAVE, bars.flags[row] & OPENING
    return math.isfinite(close)
