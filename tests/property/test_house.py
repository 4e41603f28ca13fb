"""What the backtest of kept chains charges and keeps back is what the local venue does."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ml.backtest.house import UsBroker
from orchestrator.cli.backtest.chains import LocalHouse
from orchestrator.domain.instruments import OptionRight, occ_symbol
from orchestrator.domain.orders import Side

CONTRACTS = st.builds(
    occ_symbol,
    st.sampled_from(["SPY", "QQQ"]),
    st.sampled_from([date(2026, 8, 21), date(2026, 9, 18)]),
    st.sampled_from(OptionRight),
    st.integers(min_value=90, max_value=110).map(Decimal),
)
SYMBOLS = CONTRACTS | st.sampled_from(["SPY", "QQQ"])


@given(SYMBOLS, st.sampled_from(Side), st.integers(min_value=1, max_value=100_000), st.decimals(0, 2000, places=2))
def test_fees_are_the_local_venues(symbol, side, qty, price) -> None:
    asked = {"qty": Decimal(qty), "price": price}
    assert UsBroker().fee(symbol, side, **asked) == LocalHouse().fee(symbol, side, **asked)


@given(
    st.dictionaries(CONTRACTS, st.integers(min_value=-3, max_value=3).map(Decimal), max_size=6),
    st.sampled_from([0, 100, 250]).map(Decimal),
)
def test_collateral_is_the_local_venues(contracts, shares) -> None:
    held = {**contracts, "SPY": shares}
    assert UsBroker().collateral(held) == LocalHouse().collateral(held)
