"""Kraken's names: `XXBTZUSD`, `XBTUSD` and `XBT/USD` for the feed's `BTC/USD`, and its words for a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from venue.feed import Asset, AssetKind
from venue.orders import Refusal, RefusedError
from venue.web.call import Reply, reply, text

_ALIASES = {"BTC": "XBT", "DOGE": "XDG"}
_OLD = frozenset({"XBT", "ETH", "LTC", "XRP", "XLM", "XMR", "ZEC", "ETC", "REP", "MLN", "XDG"})
_FIAT = frozenset({"USD", "EUR", "GBP", "CAD", "JPY"})
_WORDS = {
    Refusal.BAD_REQUEST: "EGeneral:Invalid arguments",
    Refusal.BELOW_MINIMUM: "EOrder:Order minimum not met",
    Refusal.DUPLICATE_ID: "EOrder:Duplicate client order id",
    Refusal.INSUFFICIENT_FUNDS: "EOrder:Insufficient funds",
    Refusal.INSUFFICIENT_QTY: "EOrder:Insufficient funds",
    Refusal.NOT_ALLOWED: "EGeneral:Permission denied",
    Refusal.NOT_CANCELABLE: "EOrder:Unknown order",
    Refusal.NOT_FOUND: "EOrder:Unknown order",
    Refusal.POST_ONLY: "EOrder:Post only order",
    Refusal.UNKNOWN_SYMBOL: "EQuery:Unknown asset pair",
}


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair under all its names."""

    asset: Asset
    id: str
    altname: str
    wsname: str
    base: str
    quote: str


def short(code: str) -> str:
    """Return Kraken's plain name of a currency: XBT for BTC."""
    return _ALIASES.get(code, code)


def currency(code: str) -> str:
    """Return Kraken's id of a currency: XXBT, ZUSD, SOL."""
    name = short(code)
    if name in _FIAT:
        return f"Z{name}"
    return f"X{name}" if name in _OLD else name


def pair_of(asset: Asset) -> Pair:
    """Return the names of a pair."""
    base, _, quote = asset.symbol.partition("/")
    altname = short(base) + short(quote)
    old = currency(base).startswith("X") and short(base) in _OLD and short(base) != "XDG"
    number = currency(base) + currency(quote) if old and currency(quote).startswith("Z") else altname
    return Pair(asset, number, altname, f"{short(base)}/{short(quote)}", currency(base), currency(quote))


def pairs(assets: Mapping[str, Asset]) -> dict[str, Pair]:
    """Return the pairs of the feed by each of their names."""
    found: dict[str, Pair] = {}
    for asset in assets.values():
        if asset.kind is AssetKind.CRYPTO:
            pair = pair_of(asset)
            found.update(dict.fromkeys((pair.id, pair.altname, pair.wsname, asset.symbol), pair))
    return found


def find(names: Mapping[str, Pair], name: str) -> Pair:
    """Return the pair a client names.

    Raises
    ------
    RefusedError
        If there is none.
    """
    if name not in names:
        raise RefusedError(Refusal.UNKNOWN_SYMBOL, name)
    return names[name]


def answer(result: object) -> Reply:
    """Return a result in Kraken's envelope."""
    return reply({"error": [], "result": result})


def refusal(error: RefusedError) -> Reply:
    """Return a refusal in Kraken's envelope, status 200 as Kraken does."""
    return fail(error.details.get("kraken") or _WORDS[error.refusal])


def fail(*errors: str) -> Reply:
    """Return errors in Kraken's envelope."""
    return reply({"error": list(errors)})


def decimals(step: Decimal) -> int:
    """Return the decimal places of a step: 1 for 0.1."""
    exponent = step.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def fixed(value: Decimal, step: Decimal) -> str:
    """Return a value with the decimal places of a step."""
    return f"{value:.{decimals(step)}f}"


def rate(bps: Decimal) -> float:
    """Return a fee rate in per cent."""
    return float(text(bps / 100))
