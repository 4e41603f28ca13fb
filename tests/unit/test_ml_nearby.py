"""A plateau keeps its gain beside the optimum, a spike does not; and search and gate on markets of a known truth."""

import json

import pytest
from typer.testing import CliRunner

from ml import selfcheck
from ml.tuning.nearby import kept_nearby, neighbours
from ml.tuning.space import Knob
from orchestrator.cli import app

KNOBS = (Knob("x", 0.0, 1.0, False, 0.2), Knob("n", 2.0, 9.0, True, 5.0))


def test_neighbours_differ_in_one_knob_and_stay_within_reach():
    found = list(neighbours({"x": 0.95}, KNOBS))
    assert found == [{"x": 0.85}, {"x": 1.0}, {"x": 0.95, "n": 4.0}, {"x": 0.95, "n": 6.0}]


def test_a_plateau_keeps_its_gain_and_a_spike_does_not():
    def plateau(values):
        return 1.0 if values.get("x", 0.2) > 0.5 else 0.0

    def spike(values):
        return 1.0 if values.get("x", 0.2) == 0.7 and values.get("n", 5.0) == 5.0 else 0.0

    assert kept_nearby(plateau, {"x": 0.7}, KNOBS) == 1.0
    assert kept_nearby(spike, {"x": 0.7}, KNOBS) == 0.0
    assert kept_nearby(plateau, {"x": 0.3}, KNOBS) == 0.0


def test_the_gate_lets_an_edge_pass_and_no_luck():
    assert selfcheck.share(2, edge=0.0, first_seed=7).activated == 0
    assert selfcheck.share(1, edge=selfcheck.EDGE, first_seed=7).activated == 1


@pytest.mark.parametrize(("lucky", "code"), [(5, 0), (6, 1)])
def test_the_self_check_says_what_it_found_and_fails_outside_its_promise(lucky, code, monkeypatch):
    def told(markets, *, edge):
        return selfcheck.Share(80 if edge else lucky, markets, 1000)

    monkeypatch.setattr(selfcheck, "share", told)
    ran = CliRunner().invoke(app, ["tune", "--selfcheck", "--json"])
    assert ran.exit_code == code
    found = json.loads(ran.stdout)
    assert found["noise"] == {"activated": lucky, "markets": 100, "share": lucky / 100, "first_seed": 1000}
    assert found["holds"] is (code == 0)
    ran = CliRunner().invoke(app, ["tune", "--selfcheck"])
    assert f"random walks: {lucky} of 100 activated ({lucky}%), seeds 1000 to 1099" in ran.stdout
