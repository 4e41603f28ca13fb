"""Drift of outcomes and of inputs, against worked values."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from orchestrator.domain import drift

MONTGOMERY = (
    *(9.45, 7.99, 9.29, 11.66, 12.16, 10.18, 8.04, 11.46, 9.20, 10.34, 9.03, 11.47, 10.51, 9.40, 10.08),
    *(9.37, 10.62, 10.31, 8.52, 10.84, 10.90, 9.33, 12.29, 11.50, 10.60, 11.08, 10.38, 11.62, 11.31, 10.52),
)
"""Montgomery, Introduction to Statistical Quality Control, table 9.1; the sums below are those of table 9.2."""


def lower_sums(values) -> list[float]:
    found, before = [], 0.0
    for value in values:
        before = drift.lower_cusum(before, value, mean=10, deviation=1)
        found.append(round(before, 2))
    return found


def test_the_lower_sum_is_that_of_the_textbook() -> None:
    assert lower_sums(MONTGOMERY)[:9] == [0.05, 1.56, 1.77, 0, 0, 0, 1.46, 0, 0.30]


def test_a_shift_is_noticed_where_the_textbook_notices_it() -> None:
    """The table's upper sum is the lower one of the mirrored values: above 5 at the 29th observation first."""
    sums = lower_sums([20 - value for value in MONTGOMERY])
    assert sums[-2:] == [5.28, 5.30]
    assert next(n for n, value in enumerate(sums, 1) if value > drift.CUSUM_ALARM) == 29


def test_outcomes_as_usual_raise_an_alarm_about_once_in_930() -> None:
    chance, runs = np.random.default_rng(3), []
    for _ in range(200):
        before, length = 0.0, 0
        while before <= drift.CUSUM_ALARM:
            before, length = drift.lower_cusum(before, chance.normal(), mean=0, deviation=1), length + 1
        runs.append(length)
    assert 750 < np.mean(runs) < 1150


def test_the_stability_index_is_the_sum_by_hand() -> None:
    by_hand = (0.2 - 0.5) * log(0.2 / 0.5) + (0.8 - 0.5) * log(0.8 / 0.5)
    assert drift.stability_index([50, 50], [20, 80]) == pytest.approx(by_hand)
    assert drift.stability_index([20, 80], [50, 50]) == pytest.approx(by_hand)
    assert drift.stability_index([3, 4, 5], [30, 40, 50]) == pytest.approx(0)
    assert np.isfinite(drift.stability_index([10, 0], [0, 10]))


def test_the_quantile_behind_the_limit_is_that_of_the_tables() -> None:
    """Chi-squared of 4 degrees at 0.999 is 18.467; of 30 and 30 decisions and one feature that is 1.231."""
    assert drift.index_limit(5, expected=30, observed=30, features=1) == pytest.approx(18.467 / 15, rel=0.02)
    assert drift.index_limit(5, expected=5000, observed=5000, features=1) == drift.PSI_ALARM


def binned(before, now):
    inner = {"x": drift.edges(before)}
    return {"x": drift.counted(before, inner["x"])}, {"x": drift.counted(now, inner["x"])}


def test_chance_is_no_shift_and_a_shift_is() -> None:
    chance = np.random.default_rng(5)
    alarms = [drift.shifted(*binned(chance.normal(size=60), chance.normal(size=40))) for _ in range(500)]
    assert sum(map(bool, alarms)) <= 5
    assert "x has shifted" in drift.shifted(*binned(chance.normal(size=60), chance.normal(2, 1, size=60)))


def test_few_decisions_say_nothing() -> None:
    before, now = np.arange(60.0), np.full(drift.LEAST - 1, 99.0)
    assert drift.shifted(*binned(before, now)) == ""
    assert drift.shifted(*binned(before, np.full(drift.LEAST, 99.0))) != ""


def test_a_constant_feature_has_one_edge_and_its_value_lies_above_it() -> None:
    inner = drift.edges([1.0] * 50)
    assert inner == (1.0,)
    assert [drift.bin_of(value, inner) for value in (0.9, 1.0, 1.1)] == [0, 1, 1]
    assert drift.counted([0.9, 1.0, 1.1], inner) == (1, 2)
