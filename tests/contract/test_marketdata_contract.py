"""What every source of prices owes the desk: run on the fake and on the real clients against the local venue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest

from orchestrator.domain.errors import BrokerUnavailableError
from orchestrator.domain.market import DataRequest
from tests.contract.market_stage import MARKETS, MarketStage
from tests.contract.venue_market import HOUR, OPEN


@pytest.fixture(params=MARKETS)
def stage(request: pytest.FixtureRequest) -> Iterator[MarketStage]:
    with MARKETS[request.param]() as found:
        yield found


def daily(*symbols: str) -> DataRequest:
    return DataRequest(bars={1440: symbols}, lookback_days={1440: 30})


def test_a_quote_has_the_time_it_was_made_and_two_sides(stage: MarketStage) -> None:
    quote = stage.data.snapshot(DataRequest(quotes=(stage.symbol,)), stage.now()).quotes[stage.symbol]
    assert quote.two_sided
    assert quote.ts <= OPEN
    assert quote.symbol == stage.symbol


def test_a_side_that_is_not_there_is_none(stage: MarketStage) -> None:
    quote = stage.data.snapshot(DataRequest(quotes=(stage.one_sided,)), stage.now()).quotes[stage.one_sided]
    assert quote.bid is None
    assert quote.ask is not None
    assert quote.mid is None


def test_what_was_not_asked_for_is_not_told(stage: MarketStage) -> None:
    snapshot = stage.data.snapshot(DataRequest(), stage.now())
    assert not snapshot.quotes
    assert not snapshot.panels
    assert not snapshot.chains
    assert not snapshot.missing


def test_a_symbol_nobody_knows_is_named_as_missing_and_the_others_come(stage: MarketStage) -> None:
    request = DataRequest(quotes=(stage.symbol, "NOPE"), bars={1440: (stage.symbol, "NOPE")})
    snapshot = stage.data.snapshot(request, stage.now())
    assert set(snapshot.quotes) == {stage.symbol}
    assert snapshot.panels[1440].symbols == (stage.symbol,)
    assert set(snapshot.missing) == {"NOPE"}
    assert snapshot.missing["NOPE"]


def test_bars_are_floats_in_time_order_and_complete(stage: MarketStage) -> None:
    panel = stage.data.snapshot(daily(stage.symbol), stage.now()).panels[1440]
    assert len(panel) >= 5
    assert (np.diff(panel.ends) > 0).all()
    assert panel.ends[-1] <= stage.now().timestamp()
    for column in (panel.open, panel.high, panel.low, panel.close, panel.volume):
        assert column.dtype == np.float64
        assert column.shape == (len(panel), 1)
        assert np.isfinite(column).all()


def test_daily_bars_end_one_second_before_the_close(stage: MarketStage) -> None:
    panel = stage.data.snapshot(daily(stage.symbol), stage.now()).panels[1440]
    assert set(panel.ends % 60) == {59}


def test_two_symbols_share_one_axis(stage: MarketStage) -> None:
    panel = stage.data.snapshot(daily(stage.symbol, stage.one_sided), stage.now()).panels[1440]
    assert panel.symbols == (stage.symbol, stage.one_sided)
    assert panel.close.shape == (len(panel), 2)


def test_no_bar_is_told_before_it_ended(stage: MarketStage) -> None:
    moment = stage.now() - timedelta(days=3)
    panel = stage.data.snapshot(daily(stage.symbol), moment).panels[1440]
    assert len(panel)
    assert panel.ends[-1] <= moment.timestamp()


def test_the_lookback_is_respected(stage: MarketStage) -> None:
    request = DataRequest(bars={1440: (stage.symbol,)}, lookback_days={1440: 4})
    panel = stage.data.snapshot(request, stage.now()).panels[1440]
    if stage.live is not None:
        assert panel.ends[0] >= (stage.now() - timedelta(days=4)).timestamp()


def test_the_session_is_open_at_the_open(stage: MarketStage) -> None:
    assert stage.data.snapshot(DataRequest(), stage.now()).session.is_open


def test_a_source_that_does_not_listen_is_an_error(stage: MarketStage) -> None:
    with pytest.raises(BrokerUnavailableError):
        stage.unreachable().snapshot(DataRequest(quotes=(stage.symbol,)), stage.now())


def test_asking_again_gives_the_same(stage: MarketStage) -> None:
    first = stage.data.snapshot(daily(stage.symbol), stage.now()).panels[1440]
    second = stage.data.snapshot(daily(stage.symbol), stage.now()).panels[1440]
    assert (first.ends == second.ends).all()
    assert (first.close == second.close).all()


def test_time_that_goes_back_shows_no_later_bar(stage: MarketStage) -> None:
    stage.data.snapshot(daily(stage.symbol), stage.now())
    earlier = stage.now() - timedelta(days=4)
    panel = stage.data.snapshot(daily(stage.symbol), earlier).panels[1440]
    assert panel.ends[-1] <= earlier.timestamp()


def test_a_new_day_brings_its_bar(stage: MarketStage) -> None:
    before = stage.data.snapshot(daily(stage.symbol), stage.now() - 36 * HOUR).panels[1440]
    after = stage.data.snapshot(daily(stage.symbol), stage.now()).panels[1440]
    assert after.ends[-1] > before.ends[-1]
