"""Alpaca's account endpoints: account, positions, activities, calendar, assets, contracts."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from venue.accounts import Activity
from venue.feed import AssetKind, Chain, ContractQuote
from venue.hours import NEW_YORK
from venue.orders import Refusal, RefusedError
from venue.web import alpaca_shapes as shapes
from venue.web.alpaca_orders import account_of, symbol_of
from venue.web.call import Call, Reply, optional, reply

TRADES = frozenset({"FILL"})


def get_account(call: Call) -> Reply:
    """Return the account."""
    return reply(shapes.account(call.exchange, account_of(call)))


def get_configurations(_: Call) -> Reply:
    """Return the account's settings."""
    return reply(
        {
            "dtbp_check": "entry",
            "fractional_trading": True,
            "max_margin_multiplier": "1",
            "max_options_trading_level": 3,
            "no_shorting": True,
            "pdt_check": "entry",
            "ptp_no_exception_entry": False,
            "suspend_trade": False,
            "trade_confirm_email": "none",
        },
    )


def get_positions(call: Call) -> Reply:
    """List positions."""
    account = account_of(call)
    return reply([shapes.position(call.exchange, account, held) for held in account.held()])


def get_position(call: Call) -> Reply:
    """Return one position."""
    account = account_of(call)
    held = account.positions[symbol_of(call, account)]
    return reply(shapes.position(call.exchange, account, held))


def get_activities(call: Call) -> Reply:
    """List activities by type, time and page."""
    account = account_of(call)
    listed = [one for one in account.activities if call.is_listed(one.ts)]
    found = _within(call, [one for one in listed if _of_kind(call, one)])
    if call.params.get("direction", "desc") != "asc":
        found.reverse()
    page = _after_token(found, call.params.get("page_token", ""))[: call.whole("page_size", 100, 100)]
    return reply([shapes.activity(account.id, one) for one in page])


def _of_kind(call: Call, one: Activity) -> bool:
    types, category = call.args.get("type") or call.params.get("activity_types", ""), call.params.get("category")
    if types and one.type not in types.split(","):
        return False
    return not category or (one.type in TRADES) == (category == "trade_activity")


def _within(call: Call, found: list[Activity]) -> list[Activity]:
    after, until, day = call.moment("after"), call.moment("until"), day_of(call, "date")
    if after is not None:
        found = [one for one in found if one.ts > after]
    if until is not None:
        found = [one for one in found if one.ts < until]
    return found if day is None else [one for one in found if one.ts.astimezone(NEW_YORK).date() == day]


def _after_token(found: list[Activity], token: str) -> list[Activity]:
    if not token:
        return found
    for index, one in enumerate(found):
        if one.id == token:
            return found[index + 1 :]
    raise RefusedError(Refusal.BAD_REQUEST, f"invalid page_token: {token}")


def get_calendar(call: Call) -> Reply:
    """List sessions, in New York local times."""
    today = call.exchange.today()
    start = day_of(call, "start") or today - timedelta(days=365)
    end = day_of(call, "end") or today + timedelta(days=365)
    return reply(
        [
            {
                "date": session.day.isoformat(),
                "open": f"{session.open.astimezone(NEW_YORK):%H:%M}",
                "close": f"{session.close.astimezone(NEW_YORK):%H:%M}",
                "session_open": "0400",
                "session_close": "2000",
                "settlement_date": session.day.isoformat(),
            }
            for session in call.exchange.hours.between(start, end)
        ],
    )


def day_of(call: Call, name: str) -> date | None:
    """Return a query value as a date, None if it is absent."""
    moment = call.moment(name)
    return None if moment is None else moment.date()


def get_assets(call: Call) -> Reply:
    """List stocks."""
    if call.params.get("status", "active") != "active" or call.params.get("asset_class", "us_equity") != "us_equity":
        return reply([])
    stocks = [asset for asset in call.exchange.assets.values() if asset.kind is AssetKind.STOCK]
    return reply([shapes.asset(asset) for asset in sorted(stocks, key=lambda a: a.symbol)])


def get_asset(call: Call) -> Reply:
    """Return one stock by symbol or id."""
    wanted = call.args["symbol"]
    for asset in call.exchange.assets.values():
        if asset.kind is AssetKind.STOCK and wanted in {asset.symbol, shapes.asset_id(asset.symbol)}:
            return reply(shapes.asset(asset))
    raise RefusedError(Refusal.NOT_FOUND, f"asset not found for {wanted}")


def get_contracts(call: Call) -> Reply:
    """List option contracts; without an expiration filter only those that expire before the next weekend ends."""
    params = call.params
    names = [name for name in params.get("underlying_symbols", "").split(",") if name]
    pages = [page for name in sorted(names) or _with_chain(call) if (page := call.chain(name)) is not None]
    if params.get("status", "active") != "active":
        pages = []
    wanted = ContractFilter.of(call, _expiries(call))
    found = [(page.chain, one) for page in pages for one in page.contracts if wanted.passes(one)]
    start = bisect_right([one.symbol for _, one in found], params.get("page_token", ""))
    limit = call.whole("limit", 100, 10_000)
    shown = found[start : start + limit]
    more = shown[-1][1].symbol if start + limit < len(found) else None
    return reply({"option_contracts": [_contract(chain, one) for chain, one in shown], "next_page_token": more})


def _with_chain(call: Call) -> list[str]:
    stocks = [a.symbol for a in call.exchange.assets.values() if a.kind is AssetKind.STOCK]
    return [symbol for symbol in sorted(stocks) if call.exchange.feed.chain(symbol) is not None]


def _contract(chain: Chain, one: ContractQuote) -> dict[str, object]:
    return shapes.contract(chain.underlying, one, chain.ts.astimezone(NEW_YORK).date().isoformat())


def get_contract(call: Call) -> Reply:
    """Return one contract by symbol."""
    wanted = call.args["symbol"]
    for name in _with_chain(call):
        chain = call.exchange.feed.chain(name)
        if chain is not None and wanted in chain.contracts:
            return reply(_contract(chain, chain.contracts[wanted]))
    raise RefusedError(Refusal.NOT_FOUND, f"option contract not found for {wanted}")


def _expiries(call: Call) -> tuple[date, date]:
    today = call.exchange.today()
    exact, first, last = (day_of(call, f"expiration_date{end}") for end in ("", "_gte", "_lte"))
    if exact is not None:
        return exact, exact
    weekend = today + timedelta(days=6 - today.weekday())
    return first or today, last or (date.max if first is not None else weekend)


@dataclass(frozen=True, slots=True)
class ContractFilter:
    """Which contracts a call asks for."""

    right: str
    expiries: tuple[date, date]
    strikes: tuple[Decimal, Decimal]

    @classmethod
    def of(cls, call: Call, expiries: tuple[date, date]) -> ContractFilter:
        """Return the filter of a call's type and strike fields, with the expirations given."""
        low = optional(call.params.get("strike_price_gte"), "strike_price_gte")
        high = optional(call.params.get("strike_price_lte"), "strike_price_lte")
        right = {"call": "C", "put": "P"}.get(call.params.get("type", ""), "")
        return cls(right, expiries, (low or Decimal(0), high or Decimal("Infinity")))

    def passes(self, one: ContractQuote) -> bool:
        """Tell whether a contract is asked for."""
        if self.right and one.right != self.right:
            return False
        first, last = self.expiries
        return first <= one.expiry <= last and self.strikes[0] <= one.strike <= self.strikes[1]


def any_expiry(call: Call) -> tuple[date, date]:
    """Return the range of expirations a call asks for, all by default."""
    exact, first, last = (day_of(call, f"expiration_date{end}") for end in ("", "_gte", "_lte"))
    return (exact, exact) if exact is not None else (first or date.min, last or date.max)
