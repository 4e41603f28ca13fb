"""The venue's own endpoints: clock, schedule, ledger, reset, faults. What a driver and a test use, never the desk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from venue import corporate
from venue.accounts import Account, rules_of
from venue.orders import Fill, Refusal, RefusedError
from venue.web import alpaca_shapes as shapes
from venue.web.call import Call, Reply, cents, maybe, number, optional, reply, stamp, text, when
from venue.web.faults import FaultBook


@dataclass(slots=True)
class Pace:
    """How fast the venue moves by itself, and the stretch of time it was started for."""

    speed: float = 0.0
    start: datetime | None = None
    end: datetime | None = None


@dataclass(slots=True)
class Control:
    """The handlers of /venue, over the state they change."""

    pace: Pace
    faults: FaultBook
    forget: Callable[[], None]

    def get_clock(self, call: Call) -> Reply:
        """Tell time, speed and what kind of market this is."""
        feed = call.exchange.feed
        return reply(
            {
                "now": stamp(feed.now),
                "speed": self.pace.speed,
                "synthetic": feed.synthetic,
                "name": feed.name,
                "start": maybe(self.pace.start),
                "end": maybe(self.pace.end),
            },
        )

    def post_clock(self, call: Call) -> Reply:
        """Advance to a time, or set the speed in venue seconds per second."""
        body = call.json()
        if set(body) - {"to", "speed"} or not body:
            raise RefusedError(Refusal.BAD_REQUEST, 'post {"to": time} or {"speed": seconds a second}')
        if body.get("speed") is not None:
            speed = float(number(body["speed"], "speed"))
            if speed < 0:
                raise RefusedError(Refusal.BAD_REQUEST, "speed must be >= 0")
            self.pace.speed = speed
        if body.get("to") is not None:
            call.exchange.advance(when(str(body["to"]), "to"))
        return self.get_clock(call)

    def get_schedule(self, call: Call) -> Reply:
        """List the moments at which something new is known."""
        start, end = call.moment("from") or call.exchange.now, call.moment("to") or self.pace.end
        if end is None:
            raise RefusedError(Refusal.BAD_REQUEST, "to is required")
        moments = call.exchange.schedule(start, end)
        return reply([{"time": stamp(m.time), "kinds": sorted(kind.value for kind in m.kinds)} for m in moments])

    def get_ledger(self, call: Call) -> Reply:
        """Return every fill, every order and the cash of each account."""
        accounts = call.exchange.accounts
        return reply(
            {
                "name": call.exchange.feed.name,
                "now": stamp(call.exchange.now),
                "accounts": {name: _account(call, one) for name, one in accounts.items()},
                "fills": [_fill(fill) for one in accounts.values() for fill in one.fills],
                "orders": [
                    {"account": one.name, **shapes.order(order)}
                    for one in accounts.values()
                    for order in one.orders.values()
                ],
                "activities": [
                    {"account": one.name, **shapes.activity(one.id, activity)}
                    for one in accounts.values()
                    for activity in one.activities
                ],
            },
        )

    def post_reset(self, call: Call) -> Reply:
        """Forget orders, faults and nonces; a replay starts again at its beginning."""
        call.exchange.reset()
        self.faults.faults.clear()
        self.forget()
        return self.get_clock(call)

    def get_halts(self, call: Call) -> Reply:
        """List the symbols in which trading is halted."""
        return reply(sorted(call.exchange.halted))

    def post_halts(self, call: Call) -> Reply:
        """Halt trading in a symbol, or let it go on; orders rest meanwhile, quotes stand."""
        body = call.json()
        symbol = str(body.get("symbol") or "")
        if call.exchange.asset(symbol) is None or set(body) - {"symbol", "halted"}:
            raise RefusedError(Refusal.BAD_REQUEST, 'post {"symbol": a listed symbol, "halted": true or false}')
        change = call.exchange.halted.add if body.get("halted", True) else call.exchange.halted.discard
        change(symbol)
        return self.get_halts(call)

    def post_actions(self, call: Call) -> Reply:
        """Let a stock split, pay a dividend or take another name, now."""
        body = call.json()
        if set(body) - {"symbol", "ratio", "cash", "becomes"}:
            raise RefusedError(Refusal.BAD_REQUEST, 'an action has "symbol", and "ratio", "cash" or "becomes"')
        ratio, cash = optional(body.get("ratio"), "ratio"), optional(body.get("cash"), "cash")
        symbol, becomes = str(body.get("symbol") or ""), str(body.get("becomes") or "")
        corporate.act(call.exchange, symbol, ratio=ratio, cash=cash, becomes=becomes)
        return self.get_ledger(call)

    def post_transfers(self, call: Call) -> Reply:
        """Let the owner pay dollars into an account (> 0) or draw them out (< 0), now."""
        body = call.json()
        account, usd = call.exchange.accounts.get(str(body.get("account") or "")), optional(body.get("usd"), "usd")
        if account is None or set(body) != {"account", "usd"} or not usd or account.cash + usd < 0:
            raise RefusedError(Refusal.BAD_REQUEST, 'post {"account": its name, "usd": an amount that leaves no debt}')
        exchange = call.exchange
        account.enter("CSD" if usd > 0 else "CSW", exchange.now, exchange.today(), cash=usd)
        return self.get_ledger(call)

    def get_profiles(self, call: Call) -> Reply:
        """Tell under which venue's rules each account is."""
        return reply({name: one.rules.name for name, one in call.exchange.accounts.items()})

    def post_profiles(self, call: Call) -> Reply:
        """Put an account under another venue's rules, from now on; its API stays what it is."""
        body = call.json()
        account = call.exchange.accounts.get(str(body.get("account") or ""))
        if account is None or set(body) != {"account", "profile"}:
            raise RefusedError(Refusal.BAD_REQUEST, 'post {"account": its name, "profile": a venue}')
        account.rules = rules_of(account.spec.broker, str(body["profile"]))
        return self.get_profiles(call)

    def get_faults(self, _: Call) -> Reply:
        """List the faults that were set."""
        return reply([fault.json() for fault in self.faults.faults])

    def post_faults(self, call: Call) -> Reply:
        """Set a fault."""
        return reply(self.faults.add(call.json()).json(), 201)

    def delete_faults(self, _: Call) -> Reply:
        """Remove every fault."""
        self.faults.faults.clear()
        return Reply(status=204)


def _account(call: Call, one: Account) -> dict[str, object]:
    return {
        "broker": one.spec.broker,
        "profile": one.rules.name,
        "cash": cents(one.cash),
        "cash_exact": text(one.cash),
        "cash_start": cents(one.spec.cash),
        "equity": cents(call.exchange.equity(one)),
        "fees": text(sum((fill.fee for fill in one.fills), Decimal(0))),
        "positions": {held.symbol: {"qty": text(held.qty), "avg_price": text(held.avg_price)} for held in one.held()},
        "realized_pnl": text(sum((p.realized for p in one.positions.values()), Decimal(0))),
    }


def _fill(fill: Fill) -> dict[str, object]:
    return {
        "trade_id": fill.trade_id,
        "order_id": fill.order_id,
        "root_order_id": fill.root_order_id,
        "client_order_id": fill.client_order_id,
        "account": fill.account,
        "symbol": fill.symbol,
        "kind": fill.kind.value,
        "legs": list(fill.legs) or None,
        "side": fill.side.value,
        "qty": text(fill.qty),
        "price": text(fill.price),
        "multiplier": fill.multiplier,
        "fee": text(fill.fee),
        "fee_coins": text(fill.fee_coins),
        "cash": text(fill.cash),
        "maker": fill.maker,
        "ts": stamp(fill.ts),
    }
