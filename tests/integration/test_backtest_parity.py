"""Recorded days through the whole desk and through the backtest: the same trades, the same equity to the cent."""

from datetime import UTC, date, datetime, timedelta

import pytest

from ml.parity.compare import Made, agreeing, paired
from orchestrator.cli.parity.recorded import by_backtest, by_desk, window_of
from orchestrator.domain.base import ModuleName

DAYS = {
    ModuleName.STOCKS: (date(2026, 7, 20), date(2026, 7, 28)),
    ModuleName.CRYPTO: (date(2026, 7, 18), date(2026, 7, 30)),
    ModuleName.OPTIONS: (date(2026, 7, 16), date(2026, 7, 30)),
}
UNIVERSE = {
    ModuleName.STOCKS: "stocks=XLF,XLK,XLV,AAPL,AMZN,NVDA,IWM,DIA",
    ModuleName.OPTIONS: "options=SPY,NVDA",
}
WITHIN = timedelta(seconds=2)


@pytest.mark.parametrize("module", DAYS)
def test_the_backtest_makes_the_trades_and_the_equity_of_the_desk(data_root, module):
    first, last = DAYS[module]
    window = window_of(data_root, first, last, UNIVERSE.get(module, ""), module)
    desk, cash = by_desk(window, module, lambda *_: None)
    backtest = by_backtest(window, module, cash)
    pairs = paired(desk.made, backtest.made, tolerance_bps=1e-6, within=WITHIN)
    assert [pair.why for pair in pairs] == [""] * len(pairs)
    assert any(made.closed_at for made in desk.made)
    assert max(abs(pair.gap_usd) for pair in pairs) < 0.005
    assert backtest.equity == pytest.approx(desk.equity, abs=0.005)


def made(symbol="A", *, day=1, qty=10.0, px=100.0, left=None, exit_px=None, profit=None):
    closed = None if left is None else datetime(2026, 7, left, tzinfo=UTC)
    return Made("momentum", symbol, qty, datetime(2026, 7, day, tzinfo=UTC), px, closed, exit_px, profit)


def compared(desk, backtest):
    return paired(desk, backtest, tolerance_bps=1.0, within=WITHIN)


def test_a_gap_is_told_in_basis_points_and_usd():
    (pair,) = compared(
        [made(left=3, exit_px=110.0, profit=100.0)], [made(px=100.02, left=3, exit_px=110.0, profit=99.8)]
    )
    assert pair.gap_bps == pytest.approx(2.0)
    assert pair.gap_usd == pytest.approx(-0.2)
    assert pair.why == "prices 2.00 bps apart"


@pytest.mark.parametrize(
    ("desk", "backtest", "why"),
    [
        ([made()], [], "only the desk entered it"),
        ([], [made()], "only the backtest entered it"),
        ([made()], [made(qty=9.0)], "10 units against 9"),
        ([made()], [made(left=3, exit_px=100.0, profit=0.0)], "left by the backtest only"),
        (
            [made(left=2, exit_px=100.0, profit=0.0)],
            [made(left=3, exit_px=100.0, profit=0.0)],
            "left at another time",
        ),
    ],
)
def test_what_does_not_agree_is_named(desk, backtest, why):
    pairs = compared(desk, backtest)
    assert [pair.why for pair in pairs] == [why]
    assert agreeing(pairs) == 0


def test_two_positions_of_a_symbol_are_matched_by_their_entries():
    pairs = compared([made(day=1), made(day=5)], [made(day=5), made(day=1)])
    assert [(pair.desk.opened_at, pair.why) for pair in pairs] == [
        (made(day=1).opened_at, ""),
        (made(day=5).opened_at, ""),
    ]
