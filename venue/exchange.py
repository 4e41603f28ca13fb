"""The exchange: takes orders, works them as the market moves, keeps the books. Pure: no HTTP, no clock but the feed's.

Time moves only by `advance`, which stops at every moment the feed has something new and at every session's close,
so that a long step gives the same fills as many short ones.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal

from venue import acceptance, intake, settlement
from venue.accounts import DEFAULT_ACCOUNTS, Account, AccountSpec
from venue.feed import Advance, Asset, AssetKind, Feed, MarketBar, MarketQuote, Moment, Session
from venue.fees import FeeSchedule
from venue.hours import Hours
from venue.ids import kraken_id, uuid_of
from venue.matching import Match, TouchSizes, at_quote, floor_to, in_bar, package, stops_first, traded, worse_tick
from venue.occ import MULTIPLIER, Contract
from venue.orders import (
    ZERO,
    Fill,
    Intent,
    Order,
    OrderClass,
    OrderRequest,
    OrderType,
    Refusal,
    RefusedError,
    Side,
    Status,
    TimeInForce,
)

FeedFactory = Callable[[], Feed]


class Exchange:
    """Accounts and orders over a feed. Every method that changes something holds `lock`."""

    def __init__(
        self,
        feed: Feed,
        accounts: Sequence[AccountSpec] = DEFAULT_ACCOUNTS,
        *,
        fees: FeeSchedule | None = None,
        feed_factory: FeedFactory | None = None,
    ) -> None:
        self.lock = threading.RLock()
        self.fees = fees if fees is not None else FeeSchedule()
        self._specs = tuple(accounts)
        self._factory = feed_factory
        self._start(feed)

    def _start(self, feed: Feed) -> None:
        self.feed = feed
        self.hours = Hours(feed)
        self.assets = feed.assets()
        self.accounts = {spec.name: Account(spec, feed.now) for spec in self._specs}
        self.orders: dict[str, Order] = {}
        self.halted: set[str] = set()
        self._working: dict[str, Order] = {}
        self._touch = TouchSizes()
        self._sequence = 0

    @property
    def now(self) -> datetime:
        """Return the venue's time."""
        return self.feed.now

    def reset(self) -> None:
        """Forget every order and start again, from the feed's beginning if the exchange was given a feed factory."""
        with self.lock:
            self._start(self._factory() if self._factory is not None else self.feed)

    def asset(self, symbol: str) -> Asset | None:
        """Return a stock or pair, None for anything else."""
        return self.assets.get(symbol)

    def quote(self, symbol: str) -> MarketQuote | None:
        """Return the latest quote of a stock, pair or contract."""
        return self.feed.quote(symbol)

    def is_open(self, kind: AssetKind) -> bool:
        """Tell whether that kind of asset trades now; crypto always does."""
        return kind is AssetKind.CRYPTO or self.hours.current(self.now) is not None

    def expiring(self, contract: Contract) -> bool:
        """Tell whether contracts of that expiry may no longer be opened."""
        return self.hours.expiry_cutoff_passed(contract.expiry, self.now)

    def schedule(self, start: datetime, end: datetime) -> list[Moment]:
        """Return the feed's moments in [start, end]."""
        with self.lock:
            return self.feed.schedule(start, end)

    def advance(self, to: datetime) -> None:
        """Move the clock to `to` and work every order on the way.

        Raises
        ------
        RefusedError
            If `to` lies before the venue's time.
        """
        with self.lock:
            if to < self.now:
                raise RefusedError(
                    Refusal.BAD_REQUEST,
                    f"the venue's clock is at {self.now.isoformat()} and cannot go back to {to.isoformat()}",
                )
            for stop in self._stops(to):
                self._step(stop)

    def _stops(self, to: datetime) -> list[datetime]:
        now = self.now
        moments = {m.time for m in self.feed.schedule(now, to)}
        closes = {s.close for s in self.hours.between(now.date(), to.date())}
        return sorted({time for time in moments | closes if now < time < to} | {to})

    def _step(self, to: datetime) -> None:
        advance = self.feed.advance(to)
        for action in advance.actions:
            settlement.apply_action(self, action)
        self._work_bars(advance)
        for session in advance.sessions_closed:
            self._close(session)
        for order in list(self._working.values()):
            order.hold_moments = max(0, order.hold_moments - 1)
        self._work_all()

    def _close(self, session: Session) -> None:
        """End a session: expire day orders and contracts, remember the closing values."""
        for order in list(self._working.values()):
            if order.is_open and order.expires is not None and order.expires <= session.close:
                self.finish(order, Status.EXPIRED, "the session closed")
        settlement.expire(self, session)
        for account in self.accounts.values():
            account.last_equity = self.equity(account)
            account.last_prices = {p.symbol: self.mark(p.symbol) for p in account.held()}

    def submit(self, account: Account, request: OrderRequest) -> Order:
        """Take an order and work it at once."""
        with self.lock:
            order = self.accept(account, request)
            self.work(order)
            return order

    def accept(self, account: Account, request: OrderRequest) -> Order:
        """Take an order without working it yet.

        Raises
        ------
        RefusedError
            If a rule of `venue.acceptance` is broken; nothing has changed then.
        """
        with self.lock:
            acceptance.check(self, account, request)
            order = self._build(account, request)
            if request.order_class is not OrderClass.OCO:
                order.reserve = max(ZERO, acceptance.cash_need(self, account, request)) / order.qty
            self._refuse_crossing(order)
            self._register(account, order)
            return order

    def _refuse_crossing(self, order: Order) -> None:
        quote = self.quote(order.symbol) if order.post_only else None
        if quote is not None and at_quote(order, quote) is not None:
            raise RefusedError(Refusal.POST_ONLY, "a post-only order would have taken liquidity")

    def _build(self, account: Account, request: OrderRequest) -> Order:
        self._sequence += 1
        return intake.build(self, account, request, self._sequence)

    def liquidate(self, account: Account, request: OrderRequest, price: Decimal) -> None:
        """Close a position on the venue's own decision, at that price, whatever the hour."""
        order = self._build(account, request)
        self._register(account, order)
        self._fill(order, order.qty, price, maker=False)

    def _register(self, account: Account, order: Order) -> None:
        account.client_ids.setdefault(order.client_order_id, []).append(order)
        account.orders[order.id] = order
        for one in [order, *order.legs]:
            self.orders[one.id] = one
            if not one.is_leg:
                account.open[one.id] = one
                self._working[one.id] = one

    def cancel(self, order: Order) -> None:
        """Cancel an order and what hangs on it.

        Raises
        ------
        RefusedError
            If the order is finished already.
        """
        with self.lock:
            target = order.root if order.is_leg else order
            if not target.is_open:
                raise RefusedError(Refusal.NOT_CANCELABLE, f'order is already in "{target.status}" state')
            self.finish(target, Status.CANCELED, "User requested")

    def finish(self, order: Order, status: Status, reason: str = "") -> None:
        """End an order, its legs, and the exits that share its quantity."""
        if not order.is_open:
            return
        order.status, order.updated, order.finished, order.reason = status, self.now, self.now, reason
        self.accounts[order.account].open.pop(order.id, None)
        self._working.pop(order.id, None)
        if status is not Status.FILLED or order.is_mleg or order.order_class is OrderClass.OCO:
            for leg in order.legs:
                self.finish(leg, status if leg.is_leg else Status.CANCELED, reason)
        for other in order.exits():
            self.finish(other, status if status is Status.EXPIRED else Status.CANCELED, reason)

    def work(self, order: Order) -> None:
        """Match an order against the market as it stands; end it if it must not rest."""
        with self.lock:
            self._work(order)
            for other in order.legs:
                self._work(other)
            if order.tif in {TimeInForce.IOC, TimeInForce.FOK} and order.is_open:
                self.finish(order, Status.CANCELED, "not filled at once")

    def _work_all(self) -> None:
        for order in stops_first(self._working.values()):
            self._work(order)

    def _work(self, order: Order) -> None:
        if not order.is_open or order.is_leg or order.live_since is None or not self.is_open(order.kind):
            return
        if self.halted and not self.halted.isdisjoint(traded(order)):
            return
        if order.status in {Status.PENDING_NEW, Status.ACCEPTED}:
            self._set_status(order, Status.NEW)
        if order.hold_moments:
            return
        if order.is_mleg:
            self._work_package(order)
            return
        quote = self.quote(order.symbol)
        match = at_quote(order, quote) if quote is not None else None
        if quote is not None and match is not None and order.side is not None:
            size = self._touch.left(order.symbol, order.side, quote)
            qty = self._execute(order, Match(match.price, size), maker=order.live_since < self.now)
            self._touch.take(order.symbol, order.side, quote, qty)

    def _set_status(self, order: Order, status: Status) -> None:
        for one in [order, *(leg for leg in order.legs if leg.is_leg)]:
            one.status, one.updated = status, self.now

    def _work_bars(self, advance: Advance) -> None:
        if not self._working:
            return
        for symbol, bar in advance.bars:
            for order in stops_first(o for o in self._working.values() if o.symbol == symbol):
                self._work_bar(symbol, order, bar)

    def _work_bar(self, symbol: str, order: Order, bar: MarketBar) -> None:
        live = order.live_since is not None and order.live_since <= bar.start
        if not order.is_open or not live or order.hold_moments or order.is_mleg or symbol in self.halted:
            return
        match = in_bar(order, bar)
        if match is not None:
            price = worse_tick(match.price, acceptance.tick_of(self, order.symbol, match.price), order.side)
            self._execute(order, Match(price, match.size), maker=order.type is OrderType.LIMIT)

    def _execute(self, order: Order, match: Match, *, maker: bool) -> Decimal:
        """Fill what size, cash and lot allow, and return the quantity filled."""
        step = acceptance.lot_of(self, order.symbol)
        qty = order.leaves_qty if match.size is None else min(order.leaves_qty, floor_to(match.size, step))
        if order.first_fill_cap is not None:
            qty, order.first_fill_cap = min(qty, floor_to(order.first_fill_cap, step)), None
            order.hold_moments = 1
        if order.tif is TimeInForce.FOK and qty < order.leaves_qty:
            return ZERO
        affordable = self._affordable(order, qty, match.price)
        if affordable > 0:
            self._fill(order, affordable, match.price, maker=maker)
        if affordable < qty and order.is_open:
            self.finish(order, Status.CANCELED, "insufficient buying power")
        return max(affordable, ZERO)

    def _affordable(self, order: Order, qty: Decimal, price: Decimal) -> Decimal:
        """Return how much of a purchase the cash pays; a sale and a closing trade are always affordable."""
        if order.side is not Side.BUY or qty <= 0 or order.intent is Intent.BUY_TO_CLOSE:
            return qty
        account = self.accounts[order.account]
        free = acceptance.buying_power(account) + order.reserve * order.leaves_qty
        multiplier = MULTIPLIER if order.kind is AssetKind.OPTION else 1
        fee = self.fees.fee(order.kind, Side.BUY, qty, price)
        if qty * price * multiplier + fee <= free:
            return qty
        unit = price * multiplier + fee / qty
        return max(ZERO, floor_to(free / unit, acceptance.lot_of(self, order.symbol)))

    def _work_package(self, order: Order) -> None:
        """Fill all legs of a multi-leg order together, in ratio, or none."""
        legs = [(leg, self.quote(leg.symbol)) for leg in order.legs]
        quoted = [(leg, quote) for leg, quote in legs if quote is not None]
        match = package(quoted) if len(quoted) == len(legs) else None
        if match is None or (order.limit is not None and match.price > order.limit):
            return
        units = order.leaves_qty
        for leg, quote in quoted:
            left = self._touch.left(leg.symbol, leg.side or Side.BUY, quote)
            units = min(units, floor_to(left / leg.ratio, Decimal(1)))
        if order.first_fill_cap is not None:
            units, order.first_fill_cap = min(units, floor_to(order.first_fill_cap, Decimal(1))), None
            order.hold_moments = 1
        if units > 0 and self._package_affordable(order, units, match.price):
            self._fill_package(order, quoted, units)

    def _package_affordable(self, order: Order, units: Decimal, net: Decimal) -> bool:
        free = acceptance.buying_power(self.accounts[order.account]) + order.reserve * order.leaves_qty
        if max(ZERO, net) * units * MULTIPLIER <= free:
            return True
        self.finish(order, Status.CANCELED, "insufficient buying power")
        return False

    def _fill_package(self, order: Order, legs: Sequence[tuple[Order, MarketQuote]], units: Decimal) -> None:
        net = ZERO
        for leg, quote in legs:
            side = leg.side or Side.BUY
            price = (quote.ask if side is Side.BUY else quote.bid) or ZERO
            self._touch.take(leg.symbol, side, quote, units * leg.ratio)
            self._fill(leg, units * leg.ratio, price, maker=False)
            net += side.sign * leg.ratio * price
        order.filled_qty += units
        order.filled_cost += units * net
        order.updated = self.now
        if order.leaves_qty:
            order.status = Status.PARTIALLY_FILLED
        else:
            self.finish(order, Status.FILLED)

    def _fill(self, order: Order, qty: Decimal, price: Decimal, *, maker: bool) -> None:
        account = self.accounts[order.account]
        side = order.side or Side.BUY
        in_coins = account.rules.fee_in_coin and order.kind is AssetKind.CRYPTO and side is Side.BUY
        fee = ZERO if in_coins else self.fees.fee(order.kind, side, qty, price, maker=maker)
        fill = Fill(
            self._trade_id(order), order.id, order.root.id, order.root.client_order_id, account.name, order.symbol,
            order.kind, side, qty, price, MULTIPLIER if order.kind is AssetKind.OPTION else 1, fee, self.now, maker,
            tuple(leg.symbol for leg in order.root.legs) if order.is_leg else (),
            fee_coins=self.fees.fee_in_coins(qty, maker=maker) if in_coins else ZERO,
        )  # fmt: skip
        order.fills.append(fill)
        order.filled_qty += qty
        order.filled_cost += qty * price
        order.fees += fee
        order.updated = self.now
        account.book(fill)
        self._after_fill(order, qty)
        settlement.note_fill(account, order, fill)

    def _trade_id(self, order: Order) -> str:
        parts = (order.id, "trade", len(order.fills))
        return kraken_id("T", *parts) if order.kind is AssetKind.CRYPTO else uuid_of(*parts)

    def _after_fill(self, order: Order, qty: Decimal) -> None:
        if order.leaves_qty:
            order.status = Status.PARTIALLY_FILLED
            for other in order.exits():
                other.qty -= qty
            return
        if order.is_leg:
            order.status, order.finished = Status.FILLED, self.now
            return
        self.finish(order, Status.FILLED)
        if order.order_class in {OrderClass.BRACKET, OrderClass.OTO} and order.parent is None:
            self._arm(order)

    def _arm(self, order: Order) -> None:
        """Set the exits of a filled entry to work, for what no other order is selling already."""
        account = self.accounts[order.account]
        free = abs(account.qty(order.symbol)) - account.held_for_orders(order.symbol)
        if free <= 0:
            self.finish(order.legs[0], Status.CANCELED, "another order sells the position")
        else:
            intake.arm(order, free)

    def mark(self, symbol: str) -> Decimal:
        """Return the price a position is valued at: the middle of an option's quote, else the last trade."""
        quote = self.quote(symbol)
        if quote is None:
            return ZERO
        if symbol not in self.assets and quote.bid is not None and quote.ask is not None:
            return (quote.bid + quote.ask) / 2
        return quote.last

    def equity(self, account: Account) -> Decimal:
        """Return cash plus positions at their mark, in USD."""
        return account.cash + sum((p.qty * self.mark(p.symbol) * p.multiplier for p in account.held()), ZERO)

    def today(self) -> date:
        """Return the exchange's date in New York."""
        return settlement.new_york_day(self.now)
