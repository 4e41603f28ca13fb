"""A symbol whose bars fail is not tuned on, and the others are; why is said in the outcome and in the record."""

import json

import numpy as np
import pytest

from ml.evidence import BarSource
from ml.job import Status
from ml.validation.panels import check_panel, sound
from orchestrator.cli.tune import told
from orchestrator.domain.errors import MalformedDataError
from orchestrator.domain.market import Bars, Panel, panel_of
from tests.tuning_stage import SYMBOLS, Stage, bars

DAILY = 1440


def scaled(one: Bars, row: int, factor: float) -> Bars:
    by = np.where(np.arange(len(one)) >= row, factor, 1.0)
    return Bars(one.ends, one.open * by, one.high * by, one.low * by, one.close * by, one.volume)


def without(one: Bars, rows: slice) -> Bars:
    names = ("ends", "open", "high", "low", "close", "volume")
    return Bars(*(np.delete(getattr(one, name), rows) for name in names))


def panel(**changed: Bars) -> Panel:
    return panel_of({**bars(200, 3, edge=0.0), **changed})


SOUND = bars(200, 3, edge=0.0)


def test_a_sound_panel_is_the_same_panel() -> None:
    given = panel()
    kept, refused = sound(given, DAILY)
    assert kept is given
    assert refused == {}


@pytest.mark.parametrize(
    ("spoilt", "why"),
    [
        (scaled(SOUND["B"], 100, 0.5), "of the size of a split that nothing tells of"),
        (scaled(SOUND["B"], 100, 10.0), "moves that no market makes"),
        (without(SOUND["B"], slice(50, 90)), "no bars from"),
        (without(SOUND["B"], slice(3, 197, 3)), "is below 0.80"),
    ],
)
def test_a_symbol_that_fails_is_left_out_with_the_reason(spoilt: Bars, why: str) -> None:
    kept, refused = sound(panel(B=spoilt), DAILY)
    assert kept.symbols == ("A", "C", "D")
    assert list(refused) == ["B"]
    assert why in refused["B"]
    check_panel(kept, where="kept")


def test_a_true_fall_keeps_its_symbol() -> None:
    kept, _ = sound(panel(B=scaled(SOUND["B"], 100, 0.6)), DAILY)
    assert kept.symbols == SYMBOLS


def test_a_symbol_that_came_later_is_measured_from_its_own_first_bar() -> None:
    kept, _ = sound(panel(B=without(SOUND["B"], slice(0, 120))), DAILY)
    assert kept.symbols == SYMBOLS


def test_what_contradicts_itself_still_ends_the_job_with_time_and_column() -> None:
    given = panel()
    given.close[20, 1] = np.nan
    kept, refused = sound(given, DAILY)
    assert refused == {}
    with pytest.raises(MalformedDataError, match=r"B at .* close is not a positive number"):
        check_panel(kept, where="bars")


def test_an_empty_panel_stays_one() -> None:
    empty = panel_of({})
    assert sound(empty, DAILY) == (empty, {})


def test_the_job_tunes_on_the_others_and_says_what_it_left_out() -> None:
    stage = Stage()
    series = bars(stage.rows, stage.seed, edge=stage.edge)
    stage.market.put_bars(DAILY, "B", scaled(series["B"], 200, 0.5))
    outcome = stage.tune()
    assert outcome.status in {Status.ACTIVATED, Status.REJECTED}
    (line,) = outcome.left_out
    assert line.startswith("B, 1440-minute bars: 1 moves of the size of a split")
    assert outcome.version is not None
    version = stage.document(f"parameters/stocks/versions/{outcome.version}")
    assert version.provenance["evidence"]["bars_left_out"] == [line]
    assert json.dumps(told(outcome)["bars_left_out"]) == json.dumps([line])


def test_with_nothing_left_the_job_has_not_enough_and_says_why() -> None:
    stage = Stage()
    for symbol, series in bars(stage.rows, stage.seed, edge=stage.edge).items():
        stage.market.put_bars(DAILY, symbol, scaled(series, 200, 12.0))
    before = stage.active()
    outcome = stage.tune()
    assert outcome.status is Status.NOT_ENOUGH
    assert "no 1440-minute bars of what it trades; A: 1 moves that no market makes" in outcome.reason
    assert stage.active() == before


def test_a_source_that_was_not_asked_has_left_nothing_out() -> None:
    assert BarSource(tunable=None, data=None, now=None).refusals() == ()  # type: ignore[arg-type]
