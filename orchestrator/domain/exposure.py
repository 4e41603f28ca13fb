"""Arithmetic of the desk's shared exposure: what is held and reserved, day boundaries, drawdown.

Everything returns a new document; writing it by compare-and-set is the caller's work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from orchestrator.domain.base import ZERO, ModuleName, cents, utc_day
from orchestrator.domain.documents import AccountView, BookDoc, ExposureDoc, ModuleExposure
from orchestrator.domain.foreign import risk_symbol, worth
from orchestrator.domain.greeks import BY_SYMBOL
from orchestrator.domain.history import Gains, Returns, date_of, gains
from orchestrator.domain.orders import Leg, Order, OrderIntent, OrderState, Purpose, Side
from orchestrator.domain.stakes import Stake, of_foreign, shock_table, stakes

_KEEP_TRANSFERS = 60


def module_exposure(book: BookDoc, gross: Mapping[str, Decimal]) -> ModuleExposure:
    """Return what a module holds and what its unfinished entries may still add, USD; `gross` by position id."""
    held, reserved = sum(gross.values(), ZERO), ZERO
    symbols: dict[str, Decimal] = {}
    strategies: dict[str, Decimal] = {}
    for key, position in book.positions.items():
        usd = gross[key]
        symbols[position.symbol] = symbols.get(position.symbol, ZERO) + usd
        strategies[position.strategy] = strategies.get(position.strategy, ZERO) + usd
    for order in book.orders.values():
        if usd := reservation(order):
            reserved += usd
            intent = order.intent
            symbols[intent.symbol] = symbols.get(intent.symbol, ZERO) + usd
            strategies[intent.strategy] = strategies.get(intent.strategy, ZERO) + usd
    return ModuleExposure(
        held_usd=held, reserved_usd=reserved, symbols=symbols, strategies=strategies, open_positions=len(gross)
    )


def reservation(order: Order) -> Decimal:
    """Return the USD an order may still add to exposure: its reserved amount for what its fills do not prove yet.

    Of an order that has ended that is what the venue told as filled and has shown no fill of so far.
    """
    if order.intent.purpose is not Purpose.ENTRY or order.intent.qty == 0:
        return ZERO
    return order.intent.reserved_usd * order.outstanding_qty / order.intent.qty


def book_exposure(book: BookDoc, returns: Returns | None = None) -> ModuleExposure:
    """Return what a book holds and has reserved, and what others hold and may buy in its part of the account."""
    gross = {key: position.gross_exposure for key, position in book.positions.items()}
    share = module_exposure(book, gross)
    foreign = foreign_exposure(book)
    symbols = {**share.symbols}
    for symbol, usd in foreign.items():
        symbols[symbol] = symbols.get(symbol, ZERO) + usd
    quantities = {symbol: qty for symbol, qty in held_by_symbol(book).items() if qty}
    total = sum(foreign.values(), ZERO)
    update = {"symbols": symbols, "foreign_usd": total, "quantities": quantities}
    held = [*stakes(book, gross), *(of_foreign(symbol, usd) for symbol, usd in foreign.items())]
    past = {} if returns is None or not returns.symbols else _past(gains(held, returns))
    return share.model_copy(update=update | _stakes_of(book, held) | _warnings(book) | past)


def _past(found: Gains) -> dict[str, object]:
    return {
        "gains_day": date_of(found.last),
        "gains_usd": tuple(round(usd, 2) for usd in found.usd.tolist()),
        "unseen_sigma_usd": found.unseen_sigma_usd,
    }


def _stakes_of(book: BookDoc, held: Sequence[Stake]) -> dict[str, object]:
    """Return the fields of a share that say what is at stake: at delta, by strategy, by underlying, under shocks.

    What others hold counts as bought: whether it hedges is not the desk's to say.
    """
    deltas = [stake.delta_usd for stake in held]
    sums: dict[str, dict[str, float]] = {}
    for stake in held:
        known, one = sums.get(stake.symbol), stake.greeks
        sums[stake.symbol] = one if known is None else {name: usd + one[name] for name, usd in known.items()}
    return {
        "venue": "" if book.account is None else book.account.venue,
        "long_usd": _usd(sum([delta for delta in deltas if delta > 0])),
        "short_usd": _usd(sum([-delta for delta in deltas if delta < 0])),
        "greeks": BY_SYMBOL.validate_python(sums),
        "shock_usd": shock_table(held),
        "unseen_sigma_usd": sum(stake.sigma_usd for stake in held),
    }


def _usd(value: float) -> Decimal:
    return cents(Decimal(repr(value)))


def _warnings(book: BookDoc) -> dict[str, object]:
    """Return what other modules must know: symbols in doubt, and what is being bought and sold."""
    orders = [order for order in book.orders.values() if not order.state.terminal]
    traded = {(leg.symbol, _side(order.intent, leg)) for order in orders for leg in order.intent.legs}
    return {
        "entering": sum(_opens(order, book) for order in book.orders.values()),
        "frozen": {**book.quarantine, **doubtful(book)},
        "buying": tuple(sorted(symbol for symbol, side in traded if side is Side.BUY)),
        "selling": tuple(sorted(symbol for symbol, side in traded if side is Side.SELL)),
    }


def _opens(order: Order, book: BookDoc) -> bool:
    """Whether an order may still open a position that the book does not have."""
    entry = order.intent.purpose is Purpose.ENTRY and order.outstanding_qty > 0
    return entry and order.intent.position_id not in book.positions


def doubtful(book: BookDoc) -> dict[str, str]:
    """Return the symbols with an order that nobody knows the fate of, and which order it is."""
    return {o.intent.symbol: f"{o.id} is UNKNOWN" for o in book.orders.values() if o.state is OrderState.UNKNOWN}


def _side(intent: OrderIntent, leg: Leg) -> Side:
    """Return the way a leg is traded: of a single instrument the order's own."""
    return intent.side if len(intent.legs) == 1 else leg.side


def held_by_symbol(book: BookDoc) -> dict[str, Decimal]:
    """Return the signed quantity of each symbol that a book's positions hold."""
    held: dict[str, Decimal] = {}
    for position in book.positions.values():
        for leg in position.legs:
            held[leg.symbol] = held.get(leg.symbol, ZERO) + leg.qty
    return held


def foreign_exposure(book: BookDoc) -> dict[str, Decimal]:
    """Return the USD that foreign holdings and open foreign buys count, by symbol, of options by underlying.

    What has no price counts nothing here: its symbol is in quarantine instead.
    """
    found: dict[str, Decimal] = {}
    for symbol, holding in book.foreign.items():
        found[risk_symbol(symbol)] = found.get(risk_symbol(symbol), ZERO) + (holding.value_usd or ZERO)
    for order in book.foreign_orders.values():
        held = book.foreign.get(order.symbol)
        price = order.limit_price if order.limit_price is not None or held is None else held.price
        if order.symbol and order.side is Side.BUY and order.leaves is not None:
            usd = worth(order.symbol, order.leaves, price) or ZERO
            found[risk_symbol(order.symbol)] = found.get(risk_symbol(order.symbol), ZERO) + usd
    return {symbol: usd for symbol, usd in found.items() if usd}


def rolled(exposure: ExposureDoc, now: datetime) -> ExposureDoc:
    """Return the exposure with the counters of day and week started anew when the UTC day or week has changed.

    A document that knows no week yet begins it where its day began.
    """
    day, week = utc_day(now), week_of(now)
    if (exposure.day, exposure.week) == (day, week):
        return exposure
    update: dict[str, object] = {"updated_at": now}
    start = exposure.day_start_equity
    if exposure.day != day:
        start = exposure.equity
        update |= {"day": day, "day_start_equity": start, "realized_today": {}}
    if exposure.week != week:
        update |= {"week": week, "week_start_equity": start}
    return exposure.model_copy(update=update)


def week_of(now: datetime) -> date:
    """Return the Monday of the UTC week of `now`."""
    day = utc_day(now)
    return day - timedelta(days=day.weekday())


def with_account(exposure: ExposureDoc, account: AccountView | None, now: datetime) -> ExposureDoc:
    """Return the exposure with a venue's newest equity, the peak raised if it is one.

    The peak and the starts of day and week follow deposits of a venue that is seen for the first time, and deposits
    and withdrawals.
    """
    if account is None:
        return exposure
    first_seen = account.venue not in exposure.venue_equity
    moved = {key: usd for key, usd in account.transfers.items() if key not in exposure.transfers}
    if exposure.venue_equity.get(account.venue) == account.equity and not moved:
        return exposure
    equities = {**exposure.venue_equity, account.venue: account.equity}
    if moved:
        capital = ZERO if first_seen else sum(moved.values(), ZERO)
        exposure = _with_transfers(exposure, capital, keys=tuple(moved), total=sum(equities.values(), ZERO))
    total = sum(equities.values(), ZERO)
    added = account.equity if first_seen else ZERO
    update = {
        "venue_equity": equities,
        "peak_equity": max(exposure.peak_equity + added, total),
        "day_start_equity": exposure.day_start_equity + added,
        "week_start_equity": exposure.week_start_equity + added,
        "updated_at": now,
    }
    return exposure.model_copy(update=update)


def _with_transfers(exposure: ExposureDoc, capital: Decimal, *, keys: tuple[str, ...], total: Decimal) -> ExposureDoc:
    """Return the exposure with peak, day and week as if the capital that moved had always (not) been there.

    They change in the proportion in which equity did, so that a drawdown and a loss stay the fraction they were.
    """
    known = (*exposure.transfers, *keys)[-_KEEP_TRANSFERS:]
    before = total - capital
    grown = total / before if before > 0 and total > 0 else Decimal(1)
    names = ("peak_equity", "day_start_equity", "week_start_equity")
    levels = {name: cents(getattr(exposure, name) * grown) for name in names} if capital else {}
    return exposure.model_copy(update={"transfers": known, **levels})


def with_module(exposure: ExposureDoc, book: BookDoc, now: datetime, returns: Returns | None = None) -> ExposureDoc:
    """Return the exposure with a module's share taken from its book.

    Without `returns` the gains that the share told before stay while nothing but marks has changed; after that what is
    held counts by its expected volatility.
    """
    share = book_exposure(book, returns)
    if not share.gains_usd:
        share = _with_past_of(exposure.modules.get(book.module), share)
    modules = {**exposure.modules, book.module: share}
    realized = {**exposure.realized_today, book.module: book.realized_today}
    return exposure.model_copy(update={"modules": modules, "realized_today": realized, "updated_at": now})


def _with_past_of(before: ModuleExposure | None, share: ModuleExposure) -> ModuleExposure:
    """Return the share with the gains that it told before, while nothing but marks has changed."""
    if before is None or not before.gains_usd or share_moved(before, share):
        return share
    names = ("gains_day", "gains_usd", "unseen_sigma_usd")
    return share.model_copy(update={name: getattr(before, name) for name in names})


def share_moved(seen: ModuleExposure | None, share: ModuleExposure) -> bool:
    """Return whether orders or positions changed a module's share; a change of marks alone does not count."""
    if seen is None:
        return share != ModuleExposure()
    return _facts(seen) != _facts(share)


def _facts(share: ModuleExposure) -> tuple[object, ...]:
    known = (share.reserved_usd, share.open_positions, set(share.symbols), share.foreign_usd, share.quantities)
    return (*known, share.entering, share.strategies.keys(), share.frozen, set(share.buying), set(share.selling))


def drawdown(exposure: ExposureDoc) -> Decimal:
    """Return the loss from the peak as a fraction of the peak, 0 or more."""
    return _lost(exposure.equity, exposure.peak_equity)


def daily_loss(exposure: ExposureDoc) -> Decimal:
    """Return the loss since the start of the UTC day as a fraction of the equity then, 0 or more."""
    return _lost(exposure.equity, exposure.day_start_equity)


def weekly_loss(exposure: ExposureDoc) -> Decimal:
    """Return the loss since the start of the UTC week (Monday) as a fraction of the equity then, 0 or more."""
    return _lost(exposure.equity, exposure.week_start_equity)


def _lost(equity: Decimal, start: Decimal) -> Decimal:
    return max(ZERO, 1 - equity / start) if start > 0 else ZERO


def symbol_exposure(exposure: ExposureDoc, symbol: str) -> Decimal:
    """Return what all modules hold and have reserved in a symbol, USD."""
    return sum((share.symbols.get(symbol, ZERO) for share in exposure.modules.values()), ZERO)


def total_exposure(exposure: ExposureDoc) -> Decimal:
    """Return what all modules hold and have reserved, and what others hold beside them, USD."""
    shares = exposure.modules.values()
    return sum((share.held_usd + share.reserved_usd + share.foreign_usd for share in shares), ZERO)


def used_by(exposure: ExposureDoc, module: ModuleName) -> Decimal:
    """Return what one module holds and has reserved, USD."""
    share = exposure.modules.get(module)
    return ZERO if share is None else share.held_usd + share.reserved_usd
