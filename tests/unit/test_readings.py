"""What stands against each limit: one row for each, in USD, from the sums over all modules."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from orchestrator.domain.base import ModuleName
from orchestrator.domain.greeks import Greeks
from orchestrator.domain.readings import (
    desk_standing,
    exposure_readings,
    loss_readings,
    shock_rows,
    tail_readings,
    tail_rows,
    underlying_rows,
)
from orchestrator.domain.reports import Measure, Reading
from orchestrator.domain.risk import RiskLimits
from orchestrator.domain.shares import ModuleExposure
from orchestrator.domain.var import historical, parametric
from tests.builders import exposure

LIMITS = RiskLimits()
STOCKS, OPTIONS = ModuleName.STOCKS, ModuleName.OPTIONS
DAYS = tuple(float(value) for value in np.random.default_rng(5).normal(0, 1_000, 250).round(2))


def desk(**shares: ModuleExposure):
    return exposure(modules={ModuleName(name): share for name, share in shares.items()})


def rows(made, limits: RiskLimits = LIMITS) -> dict[str, Reading]:
    return {row.key: row for row in exposure_readings(desk_standing(made, limits), limits)}


def test_modules_that_share_a_symbol_are_added_up():
    found = rows(
        desk(
            stocks=ModuleExposure(held_usd=9_000, reserved_usd=1_000, symbols={"XLK": 10_000}),
            options=ModuleExposure(held_usd=4_000, symbols={"XLK": 4_000}),
        )
    )
    assert found["symbol concentration: XLK"].observed_usd == 14_000
    assert found["symbol concentration: XLK"].limit_usd == 15_000
    assert found["gross exposure: desk"].observed_usd == 14_000
    assert found["module allocation: stocks"].observed_usd == 10_000
    assert found["module allocation: options"].over == Decimal(4_000) / 30_000


def test_long_and_short_count_at_delta():
    found = rows(desk(stocks=ModuleExposure(long_usd=60_000, short_usd=20_000)))
    assert found["net exposure: desk"].observed_usd == 40_000
    assert found["leverage: desk"].observed_usd == 80_000
    assert found["net exposure: desk"].limit_usd == 150_000


def test_a_strategy_has_its_own_limit_or_the_common_one():
    limits = RiskLimits(strategy_allocation={"momentum": Decimal("0.1")})
    found = rows(desk(stocks=ModuleExposure(strategies={"momentum": 5_000, "other": 5_000})), limits)
    assert found["strategy allocation: momentum"].limit_usd == 10_000
    assert found["strategy allocation: other"].limit_usd == 30_000


def test_sectors_groups_and_venues_are_there():
    share = ModuleExposure(held_usd=7_000, symbols={"AAA": 7_000}, venue="alpaca")
    limits = RiskLimits(sectors={"AAA": "mines"}, groups={"metals": ("AAA",)})
    found = rows(desk(stocks=share), limits)
    assert found["sector concentration: mines"].observed_usd == 7_000
    assert found["group concentration: metals"].observed_usd == 7_000
    assert found["venue exposure: alpaca"].observed_usd == 7_000


def test_greeks_are_compared_by_size_and_gamma_for_one_per_cent():
    greeks = {"SPY": Greeks(delta_usd=-20_000, gamma_usd=-300_000, vega_usd=-100)}
    found = rows(desk(options=ModuleExposure(greeks=greeks)))
    assert found["delta: SPY"].observed_usd == 20_000
    assert found["gamma: SPY"].observed_usd == 3_000
    assert found["vega: SPY"].over == Decimal("0.2")
    assert "theta: SPY" not in found


def test_without_equity_nothing_is_measured():
    made = exposure(venue_equity={})
    standing = desk_standing(made, LIMITS)
    assert exposure_readings(standing, LIMITS) == tail_readings(standing, LIMITS) == []


@pytest.mark.parametrize(("observed", "limit", "over"), [(0, 0, 0), (-5, 10, 0), (5, 10, "0.5"), (1, 0, "Infinity")])
def test_how_far_a_limit_is_used(observed, limit, over):
    reading = Reading(name="n", subject="s", measure=Measure.LOSS, limit_usd=limit, observed_usd=observed)
    assert reading.over == Decimal(over)


def test_losses_count_from_where_they_began():
    found = loss_readings(Decimal(90_000), {"day": Decimal(89_000), "week": Decimal(95_000), "peak": 100_000}, LIMITS)
    assert [row.observed_usd for row in found] == [0, 5_000, 10_000, 10_000]
    assert [row.limit_usd for row in found] == [2_670, 5_700, 10_000, 15_000]


def test_tails_are_the_larger_of_both_methods_with_what_has_no_history():
    share = ModuleExposure(gains_day=date(2026, 7, 15), gains_usd=DAYS, unseen_sigma_usd=500.0)
    standing = desk_standing(desk(stocks=share), LIMITS)
    found = {(row.method, row.level): row for row in tail_rows(standing)}
    seen, unseen = historical(DAYS, 0.99), parametric(500.0, 0.99)
    normal = parametric(float(np.std(DAYS)) + 500.0, 0.99)
    assert float(found["historical", 0.99].var_usd) == pytest.approx(seen.var + unseen.var, abs=0.01)
    assert float(found["parametric", 0.99].cvar_usd) == pytest.approx(normal.cvar, abs=0.01)
    limit = {row.name: row for row in tail_readings(standing, LIMITS)}
    assert float(limit["VaR 99 %"].observed_usd) == pytest.approx(max(seen.var + unseen.var, normal.var), abs=0.01)


def test_what_has_no_history_is_shown_and_does_not_tighten_the_brake():
    share = ModuleExposure(unseen_sigma_usd=50_000.0)
    standing = desk_standing(desk(stocks=share), LIMITS)
    assert {row.name: row.over > 1 for row in tail_readings(standing, LIMITS)}["VaR 95 %"]
    assert all(row.observed_usd == 0 for row in tail_readings(standing, LIMITS, seen_only=True))
    assert {row.method for row in tail_rows(standing)} == {"parametric"}


def test_nothing_held_has_no_tails_and_no_shocks():
    standing = desk_standing(desk(), LIMITS)
    assert list(tail_rows(standing)) == list(shock_rows(standing)) == list(underlying_rows(standing)) == []


def test_shocks_stand_with_their_moves_and_the_worst_has_a_limit():
    losses = tuple(float(number) for number in range(18))
    standing = desk_standing(desk(stocks=ModuleExposure(shock_usd=losses)), LIMITS)
    found = list(shock_rows(standing))
    assert [(row.move, row.vol_points, row.loss_usd) for row in found[:4]] == [
        (-0.2, -5.0, 0),
        (-0.2, 0.0, 1),
        (-0.2, 10.0, 2),
        (-0.1, -5.0, 3),
    ]
    assert {row.name: row.observed_usd for row in tail_readings(standing, LIMITS)}["worst shock"] == 17


def test_underlyings_stand_by_their_delta_whatever_its_sign():
    greeks = {name: Greeks(delta_usd=delta) for name, delta in (("A", 5.0), ("B", -9.0), ("C", 1.0))}
    found = underlying_rows(desk_standing(desk(options=ModuleExposure(greeks=greeks)), LIMITS))
    assert [row.underlying for row in found] == ["B", "A", "C"]
