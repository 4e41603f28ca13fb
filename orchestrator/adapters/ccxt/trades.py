"""Executions in Kraken's words, and what they alone prove of an order. Pure translation, no calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.adapters.ccxt.fees import Charge, charge_of
from orchestrator.adapters.ccxt.orders import SIDES, instant
from orchestrator.adapters.rows import Row, choice, fields, maybe_word, number, said, word
from orchestrator.domain.base import ZERO
from orchestrator.domain.errors import MalformedDataError
from orchestrator.domain.orders import Fill, Order, OrderState
from orchestrator.ports import VenueOrder

_AHEAD = timedelta(days=1)
"""How far ahead of our clock a time may lie; a cursor that went further would never see anything again."""


@dataclass(frozen=True, slots=True)
class Execution:
    """A fill without its fee, the fee as it was charged (None: it cannot be read), and Kraken's id of the order."""

    fill: Fill
    charge: Charge | None
    order_id: str


@dataclass(frozen=True, slots=True)
class TradeReader:
    """Reads rows of TradesHistory.

    Parameters
    ----------
    names
        The desk's symbols by Kraken's names of pairs.
    code_of
        The plain code of a currency: BTC for XXBT.
    prefix
        What stands in front of every client order id at this venue.
    """

    names: Mapping[str, str]
    code_of: Callable[[str], str]
    now: datetime
    prefix: str = ""

    def read(self, trade_id: str, raw: object) -> Execution:
        """Return an execution.

        The fee is in the pair's quote currency, as Kraken documents it, unless the row names another in `fee_currency`.

        Raises
        ------
        MalformedDataError
            A field is missing or absurd.
        """
        row = fields(raw)
        pair, at = word(row, "pair"), instant(number(row, "time", above=ZERO))
        if pair not in self.names:
            raise MalformedDataError(f"pair is {pair}, which is not listed")
        if at > self.now + _AHEAD:
            raise MalformedDataError(f"its time {at} has not come yet")
        fill = Fill(
            trade_id=trade_id,
            client_order_id=maybe_word(row, "cl_ord_id").removeprefix(self.prefix),
            symbol=self.names[pair],
            side=choice(row, "type", SIDES),
            qty=number(row, "vol", above=ZERO),
            price=number(row, "price", above=ZERO),
            ts_event=at,
        )
        return Execution(fill, self._charge(row, fill.symbol.partition("/")[2]), word(row, "ordertxid"))

    def _charge(self, row: Row, quote: str) -> Charge | None:
        """Return the fee, None if it cannot be read: what was traded counts, whatever it cost."""
        try:
            name = maybe_word(row, "fee_currency")
            return charge_of({"cost": row.get("fee"), "currency": name and self.code_of(name)}, otherwise=quote)
        except MalformedDataError:
            return None


def seconds_of(raw: object, name: str, now: datetime) -> float | None:
    """Return the epoch seconds in a field of a row, None if there are none that can have come."""
    try:
        seconds = float(number(fields(raw), name, above=ZERO))
    except MalformedDataError:
        return None
    return seconds if seconds <= (now + _AHEAD).timestamp() else None


def order_of_trades(order: Order, trades: Mapping[str, object], *, prefix: str = "") -> VenueOrder | None:
    """Return what executions alone prove of an order, None if none of them is its own.

    Raises
    ------
    MalformedDataError
        A trade that is its own, or may be, cannot be read.
    """
    own = [fields(raw) for raw in trades.values() if _may_be_of(order, raw, prefix)]
    if not own:
        return None
    filled = sum((number(row, "vol", above=ZERO) for row in own), ZERO)
    state = OrderState.FILLED if filled >= order.intent.qty else OrderState.PARTIALLY_FILLED
    return VenueOrder(order.id, word(own[0], "ordertxid"), state, filled_qty=filled, note="known by its trades")


def _may_be_of(order: Order, raw: object, prefix: str) -> bool:
    client_id, broker_id = said(raw, "cl_ord_id"), said(raw, "ordertxid")
    if not broker_id:
        raise MalformedDataError("a trade does not say which order it is of")
    return client_id == prefix + order.id or broker_id == order.broker_order_id
