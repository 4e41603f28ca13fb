"""Splits and dividends through alpaca-py: activities, adjusted bars, the lists of corporate actions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from alpaca.data.enums import Adjustment
from alpaca.data.historical.corporate_actions import CorporateActionsClient
from alpaca.data.requests import CorporateActionsRequest, StockBarsRequest
from alpaca.data.timeframe import TimeFrame
from alpaca.trading.enums import CorporateActionType, OrderSide, TimeInForce
from alpaca.trading.requests import GetCorporateAnnouncementsRequest, MarketOrderRequest

from tests.contract.venue_market import OPEN, Venue, market, open_venue
from venue.feed import CorporateAction

EX = date(2026, 7, 17)
AFTER = OPEN + timedelta(days=1)


@pytest.fixture
def venue() -> Iterator[Venue]:
    feed = market()
    feed.events = [
        (AFTER - timedelta(minutes=1), CorporateAction("SPY", EX, ratio=Decimal(2))),
        (AFTER - timedelta(minutes=1), CorporateAction("SPY", EX, cash=Decimal("6.31"))),
    ]
    with open_venue(feed) as found:
        yield found


def bars(venue: Venue, adjustment: Adjustment) -> Any:
    request = StockBarsRequest(
        symbol_or_symbols="SPY", timeframe=TimeFrame.Day, start=datetime(2026, 7, 15, tzinfo=UTC), adjustment=adjustment
    )
    return [(bar.close, bar.volume) for bar in venue.stocks.get_stock_bars(request)["SPY"]]


def test_bars_are_adjusted_only_when_asked_and_only_after_the_ex_date(venue: Venue) -> None:
    assert bars(venue, Adjustment.ALL) == [(631.0, 100000.0)]
    venue.advance(AFTER)
    assert bars(venue, Adjustment.RAW) == [(631.0, 100000.0)]
    assert bars(venue, Adjustment.SPLIT) == [(315.5, 200000.0)]
    assert bars(venue, Adjustment.DIVIDEND) == [(pytest.approx(624.69), 100000.0)]
    assert bars(venue, Adjustment.ALL) == [(pytest.approx(312.345), 200000.0)]


def test_holder_sees_split_and_dividend_as_activities(venue: Venue) -> None:
    venue.trading.submit_order(
        MarketOrderRequest(symbol="SPY", qty=10, side=OrderSide.BUY, time_in_force=TimeInForce.DAY)
    )
    venue.advance(AFTER)
    position = venue.trading.get_open_position("SPY")
    assert (position.qty, position.avg_entry_price) == ("20", "320.05")
    split, dividend = venue.trading.get("/account/activities", {"activity_types": "SPLIT,DIV", "direction": "asc"})
    assert (split["activity_type"], split["qty"], split["date"]) == ("SPLIT", "10", "2026-07-17")
    assert (dividend["net_amount"], dividend["per_share_amount"], dividend["qty"]) == ("126.20", "6.31", "20")


@pytest.mark.filterwarnings("ignore:get_corporate_announcements is deprecated:DeprecationWarning")
def test_actions_are_listed_once_they_happened(venue: Venue) -> None:
    client: Any = CorporateActionsClient("key", "secret", url_override=venue.url)
    asked = CorporateActionsRequest(symbols=["SPY"], start=date(2026, 7, 1), end=date(2026, 8, 1))
    assert client.get_corporate_actions(asked).data == {}
    venue.advance(AFTER)
    found = client.get_corporate_actions(asked).data
    assert [(a.new_rate, a.ex_date) for a in found["forward_splits"]] == [(2.0, EX)]
    assert [(a.rate, a.ex_date) for a in found["cash_dividends"]] == [(6.31, EX)]
    client._session.close()
    announced = venue.trading.get_corporate_announcements(
        GetCorporateAnnouncementsRequest(
            ca_types=[CorporateActionType.DIVIDEND], since=date(2026, 7, 1), until=date(2026, 8, 1)
        )
    )
    assert [(a.initiating_symbol, a.cash) for a in announced] == [("SPY", 6.31)]
