"""What is searched and how far one night may go."""

import pytest
from pydantic import Field

from ml.tuning.search import best_values
from ml.tuning.space import Knob, knob, knobs_of, rounded, with_values
from modules.crypto.strategies.session_momentum import SessionMomentum
from modules.stocks.parameters import StocksParameters
from modules.stocks.strategies.momentum import Momentum
from orchestrator.domain.errors import DomainError, ParameterOutOfBoundsError
from orchestrator.domain.parameters import Bounds, Parameters


def test_thresholds_two_own_numbers_and_the_stop_are_searched():
    assert [k.name for k in knobs_of(Momentum())] == ["min_confidence", "lookback", "min_rise", "exits.stop_moves"]
    assert [k.name for k in knobs_of(SessionMomentum())] == [
        "confidence.asia",
        "confidence.europe",
        "confidence.us",
        "lookback",
        "min_rise",
        "exits.stop_moves",
    ]


def test_no_knob_reaches_further_than_a_quarter_of_its_bounds():
    for strategy in (Momentum(), SessionMomentum()):
        limits = strategy.bounds()
        for found in knobs_of(strategy):
            reach = 0.25 * (limits[found.name].high - limits[found.name].low)
            assert limits[found.name].low <= found.low <= found.current <= found.high <= limits[found.name].high
            assert found.high - found.current <= reach + 1e-9
            assert found.current - found.low <= reach + 1e-9
            assert found.reachable(found.current)
            assert not found.reachable(found.high + 1)


def test_values_are_set_by_their_dotted_names_and_validated():
    changed = with_values(StocksParameters(), {"momentum.lookback": 30.0, "momentum.exits.stop_moves": 2.5})
    assert changed.momentum.lookback == 30
    assert changed.momentum.exits.stop_moves == 2.5
    assert changed.sector_rotation == StocksParameters().sector_rotation
    with pytest.raises(ParameterOutOfBoundsError, match=r"momentum\.lookback"):
        with_values(StocksParameters(), {"momentum.lookback": 1.0})


def test_empty_bounds_are_refused():
    with pytest.raises(DomainError, match=r"Momentum\.lookback: empty bounds 5\.\.5"):
        knob(Momentum(), "lookback", Bounds(low=5, high=5, integer=True))


def test_parameters_without_a_bounded_number_are_refused():
    class Nothing(Parameters):
        name: str = "x"

    with pytest.raises(DomainError, match="Nothing has no bounded number"):
        knobs_of(Nothing())


def test_readable_values_stay_in_reach():
    fine = Knob("x", 0.12344, 0.98765, integer=False, current=0.5)
    assert rounded(0.1234400001, fine) == 0.12344
    assert rounded(0.987651, fine) == 0.98765
    assert rounded(0.123461, fine) == 0.1235


class Peak(Parameters):
    min_confidence: float = Field(default=0.5, ge=0, le=1)
    lookback: int = Field(default=20, ge=10, le=50)


def test_the_search_finds_a_peak_and_repeats_itself():
    def score(values):
        return -((values["min_confidence"] - 0.7) ** 2) - ((values["lookback"] - 25) / 40) ** 2

    knobs = knobs_of(Peak())
    found = best_values(score, knobs, seed=1)
    assert found == best_values(score, knobs, seed=1)
    assert found["min_confidence"] == pytest.approx(0.7, abs=0.08)
    assert abs(found["lookback"] - 25) <= 4


def test_of_equals_the_champion_stays():
    knobs = knobs_of(Peak())
    assert best_values(lambda _values: 0.0, knobs, seed=1) == {k.name: k.current for k in knobs}
