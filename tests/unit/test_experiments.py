"""The life of a candidate: what moves it on, what ends it, what the owner may do; each once, audited and told."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.audit import first_fault
from orchestrator.commands import execute
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import (
    AuditDoc,
    CommandKind,
    ExperimentDoc,
    ParametersDoc,
    experiment_path,
    parameters_path,
    parameters_version_path,
)
from orchestrator.domain.experiments import DRAWDOWN_R, Seen, bucketed, judged, trial_for
from orchestrator.domain.trial import Stage, Trial, Yardstick, traded
from orchestrator.ports import Put
from orchestrator.sweep import sweep
from tests.watched_desk import NOW, documents, new_desk, put_book, put_command, put_user, read

STOCKS = ModuleName.STOCKS
SHADOW, CANARY, CHAMPION = Stage.SHADOW, Stage.CANARY, Stage.CHAMPION


def outcomes(count: int, mean: float, seed: int = 1) -> list[float]:
    if count == 0:
        return []
    drawn = np.random.default_rng(seed).normal(0, 1, count)
    return [float(value) for value in drawn - drawn.mean() + mean]


def experiment(stage: Stage = CANARY, **more) -> ExperimentDoc:
    known = {"module": STOCKS, "stage": stage, "champion": 1, "challenger": 2, "since": NOW, "updated_at": NOW}
    return ExperimentDoc.model_validate({**known, **more})


def trial(stage: Stage = CANARY, *, champion: float = 0.0, challenger: float = 0.0, count: int = 60, **more) -> Trial:
    found = Trial(stage=stage, champion=1, challenger=2, **more)
    for version, mean in ((1, champion), (2, challenger)):
        for value in outcomes(count, mean, seed=version):
            found = found.with_outcome(version, value, {})
    return found


def moved_by(doc: ExperimentDoc, seen: Trial, *, trades: int | None = None, days: int = 1) -> Stage | None:
    version = trades or (doc.challenger if doc.stage is CHAMPION else doc.champion)
    move = judged(Seen(doc, seen, version, NOW + timedelta(days=days)))
    return None if move is None else move[0]


def version(number: int) -> ParametersDoc:
    values = {"threshold": number / 10}
    return ParametersDoc(module=STOCKS, version=number, values=values, activated_at=NOW, activated_by="seed")


@pytest.fixture
def store() -> MemoryDataLayer:
    desk = new_desk()
    assert isinstance(desk, MemoryDataLayer)
    put_user(desk, "olga", role="owner")
    desk.commit([Put(parameters_version_path(STOCKS, n), encode(version(n))) for n in (1, 2)])
    return desk


def stage_it(store: MemoryDataLayer, stage: Stage, seen: Trial | None = None, **more) -> None:
    store.commit(
        [
            Put(experiment_path(STOCKS), encode(experiment(stage, **more))),
            Put(parameters_path(STOCKS), encode(version(2 if stage is CHAMPION else 1))),
        ]
    )
    put_book(store, STOCKS, equity=80_000, trial=seen)


def stored(store: MemoryDataLayer) -> ExperimentDoc:
    return read(store, ExperimentDoc, experiment_path(STOCKS))


def trades(store: MemoryDataLayer) -> ParametersDoc:
    return read(store, ParametersDoc, parameters_path(STOCKS))


def kinds(store: MemoryDataLayer) -> list[str]:
    return [one["kind"] for one in documents(store, "events").values() if one["module"] == "stocks"]


@pytest.mark.parametrize(
    ("stage", "seen", "to"),
    [
        (SHADOW, {"challenger": 0.3, "count": 20}, CANARY),
        (SHADOW, {"challenger": 0.3, "count": 19}, None),
        (SHADOW, {"champion": 0.4, "challenger": 0.3}, None),
        (SHADOW, {"champion": -0.2, "challenger": -0.1}, None),
        (SHADOW, {"champion": 0.5, "challenger": -0.5}, Stage.REJECTED),
        (CANARY, {"challenger": 0.9}, CHAMPION),
        (CANARY, {"challenger": 0.2}, None),
        (CANARY, {"champion": 0.9}, Stage.REJECTED),
        (CHAMPION, {"challenger": 0.2}, None),
    ],
)
def test_outcomes_move_a_candidate_on(stage, seen, to) -> None:
    assert moved_by(experiment(stage), trial(stage, **seen)) is to


@pytest.mark.parametrize(
    ("stage", "days", "to"),
    [
        (SHADOW, 60, None),
        (SHADOW, 61, Stage.REJECTED),
        (CANARY, 121, Stage.REJECTED),
        (CHAMPION, 30, None),
        (CHAMPION, 31, Stage.KEPT),
    ],
)
def test_time_ends_what_proves_nothing(stage, days, to) -> None:
    assert moved_by(experiment(stage), trial(stage), days=days) is to


@pytest.mark.parametrize("stage", [SHADOW, CANARY, CHAMPION])
def test_a_breached_drawdown_ends_it_in_every_stage(stage) -> None:
    seen = trial(stage, count=0)
    for _ in range(int(DRAWDOWN_R / 2) - 1):
        seen = seen.with_outcome(2, -2.0, {})
    assert moved_by(experiment(stage), seen) is None
    ended = Stage.ROLLED_BACK if stage is CHAMPION else Stage.REJECTED
    assert moved_by(experiment(stage), seen.with_outcome(2, -2.0, {})) is ended


@pytest.mark.parametrize("stage", [CANARY, CHAMPION])
def test_drift_of_outcomes_and_of_inputs_ends_it(stage) -> None:
    usual = Yardstick(mean_r=0.5, deviation_r=0.5, edges={"x": (0.0,)}, counts={"x": (30, 30)})
    worse, other = trial(stage, count=0, usual=usual), trial(stage, count=0, usual=usual)
    for n in range(40):
        worse = worse.with_outcome(2, 0.0 if n < 12 else 0.5, {})
        other = other.with_outcome(2, 0.5, {"x": 1.0})
    ended = Stage.ROLLED_BACK if stage is CHAMPION else Stage.REJECTED
    assert moved_by(experiment(stage, usual=usual), worse) is ended
    assert moved_by(experiment(stage, usual=usual), other) is ended
    assert moved_by(experiment(stage), trial(stage, count=0)) is None


def test_another_version_that_trades_ends_it() -> None:
    assert moved_by(experiment(CANARY), trial(), trades=7) is Stage.REJECTED
    assert moved_by(experiment(CHAMPION), trial(CHAMPION), trades=7) is Stage.KEPT
    assert trial_for(experiment(CANARY), trial(), 7) is None


def test_buckets_take_their_share_and_never_change() -> None:
    doc = experiment(share=0.25)
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(200)]
    drawn = [bucketed(doc, "momentum", symbol, day) for symbol in ("SPY", "XLK", "BTC/USD") for day in days]
    assert 0.2 < np.mean(drawn) < 0.3
    assert drawn == [bucketed(doc, "momentum", symbol, day) for symbol in ("SPY", "XLK", "BTC/USD") for day in days]
    assert not any(bucketed(experiment(share=0.0), "momentum", "SPY", day) for day in days)


def test_real_trades_count_for_their_own_arm_and_never_for_a_shadow() -> None:
    seen = trial(CANARY, count=0)
    after = traded(traded(traded(seen, 1, 0.5, {}), 2, 9.0, {"x": 1.0}), 7, 1.0, {})
    assert (after.champion_arm.sum_r, after.challenger_arm.sum_r) == (0.5, 4.0)
    assert after.sample == ({"x": 1.0},)
    assert traded(trial(SHADOW, count=0), 1, 0.5, {}) == trial(SHADOW, count=0)
    assert traded(None, 1, 0.5, {}) is None


def test_the_sweep_promotes_once_with_parameters_audit_and_event(store: MemoryDataLayer) -> None:
    stage_it(store, CANARY, trial(challenger=0.9))
    sweep(store, NOW)
    doc = stored(store)
    assert (doc.stage, trades(store).version, trades(store).activated_by) == (CHAMPION, 2, "experiment")
    assert doc.challenger_arm.outcomes == 60
    assert doc.verdict.startswith("better: +0.90 R in 60 against +0.00 R in 60")
    assert doc.usual.mean_r == pytest.approx(0.9)
    assert kinds(store) == ["parameters_activated"]
    writes, audit = store.usage.writes, documents(store, "audit")
    sweep(store, NOW)
    assert store.usage.writes == writes
    assert [one["action"] for one in audit.values()] == ["experiment_champion"]
    assert len(documents(store, "notifications")) == 1


def test_a_champion_that_fell_goes_back_once_and_is_told(store: MemoryDataLayer) -> None:
    seen = trial(CHAMPION, count=0)
    for _ in range(5):
        seen = seen.with_outcome(2, -2.0, {})
    stage_it(store, CHAMPION, seen)
    for minutes in (0, 5):
        sweep(store, NOW + timedelta(minutes=minutes))
    assert stored(store).stage is Stage.ROLLED_BACK
    assert trades(store).values == version(1).values
    assert (trades(store).version, trades(store).activated_by) == (1, "experiment")
    [told] = (one for one in documents(store, "events").values() if one["module"] == "stocks")
    assert (told["kind"], told["severity"]) == ("parameters_rolled_back", "warning")
    assert told["text"].endswith("drawdown of 10.0 R, at most 10; version 1 trades again")
    entries = [decode(AuditDoc, one, where="audit") for one in documents(store, "audit").values()]
    assert first_fault(entries) is None
    assert [one.action for one in entries] == ["experiment_rolled_back"]


def test_without_the_version_to_go_back_to_nothing_is_written_and_it_is_named(store: MemoryDataLayer) -> None:
    seen = trial(CHAMPION, count=0)
    for _ in range(5):
        seen = seen.with_outcome(2, -2.0, {})
    stage_it(store, CHAMPION, seen, champion=9)
    swept = sweep(store, NOW)
    assert swept.problems == ["parameters/stocks/versions/9 does not exist: what trades stays version 2"]
    assert (stored(store).stage, trades(store).version) == (CHAMPION, 2)


def test_evidence_is_written_when_it_is_new_and_not_again(store: MemoryDataLayer) -> None:
    stage_it(store, SHADOW, trial(SHADOW, challenger=0.1, champion=0.2, count=5))
    sweep(store, NOW)
    assert (stored(store).stage, stored(store).challenger_arm.outcomes) == (SHADOW, 5)
    writes = store.usage.writes
    sweep(store, NOW)
    assert store.usage.writes == writes


def test_what_a_trial_of_another_stage_has_seen_decides_nothing(store: MemoryDataLayer) -> None:
    stage_it(store, CANARY, trial(SHADOW, challenger=0.9))
    sweep(store, NOW)
    assert (stored(store).stage, stored(store).challenger_arm.outcomes) == (CANARY, 0)


def ask(store: MemoryDataLayer, kind: CommandKind, by: str = "olga", role: str = "owner", **args: str) -> str:
    number = len(documents(store, "commands"))
    put_command(store, kind, by=by, role=role, args={"module": "stocks", **args}, command_id=f"c{number}")
    done = execute(store, f"c{number}", NOW)
    assert done.result is not None
    return f"{done.status}: {done.result.message}"


def test_the_owner_promotes_step_by_step_and_takes_it_back(store: MemoryDataLayer) -> None:
    stage_it(store, SHADOW)
    assert ask(store, CommandKind.PROMOTE) == "done: stocks: version 2 is canary"
    assert trades(store).version == 1
    assert ask(store, CommandKind.PROMOTE) == "done: stocks: version 2 is champion"
    assert (trades(store).version, trades(store).activated_by) == (2, "olga")
    assert ask(store, CommandKind.PROMOTE) == "refused: stocks: version 2 is champion; nothing to promote"
    assert ask(store, CommandKind.REJECT) == "done: stocks: version 2 is rolled_back"
    assert (trades(store).version, stored(store).steps[-1].by) == (1, "olga")
    assert [one["action"] for one in documents(store, "audit").values()] == ["promote"] * 3 + ["reject"]


def test_a_pin_ends_what_is_tried_and_lets_go_again(store: MemoryDataLayer) -> None:
    stage_it(store, CANARY)
    assert ask(store, CommandKind.PIN).startswith("done: stocks: what trades is pinned; version 2 is rejected")
    assert (stored(store).stage, stored(store).pinned) == (Stage.REJECTED, True)
    assert ask(store, CommandKind.PIN) == "done: stocks: what trades is pinned already"
    assert ask(store, CommandKind.PIN, pinned="no") == "done: stocks: what trades is no longer pinned"
    assert not stored(store).pinned
    for module in ("stocks", "crypto"):
        assert ask(store, CommandKind.PIN, module=module, pinned="no") == f"done: {module}: what trades was not pinned"


def test_a_pinned_champion_is_kept_and_what_was_never_tried_may_be_pinned(store: MemoryDataLayer) -> None:
    stage_it(store, CHAMPION)
    ask(store, CommandKind.PIN)
    assert (stored(store).stage, trades(store).version) == (Stage.KEPT, 2)
    assert ask(store, CommandKind.PIN, module="crypto") == "done: crypto: what trades is pinned"
    assert read(store, ExperimentDoc, "experiments/crypto").pinned


def test_only_the_owner_may_and_only_where_something_is_tried(store: MemoryDataLayer) -> None:
    put_user(store, "oscar", role="operator")
    for kind in (CommandKind.PROMOTE, CommandKind.REJECT, CommandKind.PIN):
        assert ask(store, kind, by="oscar", role="operator").startswith("refused: operator may not")
    assert ask(store, CommandKind.REJECT) == "refused: stocks: there is no experiment; nothing to reject"
    assert ask(store, CommandKind.PROMOTE, module="bonds").startswith("refused: no module 'bonds'")


class Interrupted(MemoryDataLayer):
    """A store in which the owner rejects the experiment between what the sweeper reads and what it commits."""

    armed = False

    def query(self, collection, where=(), *, order_by=None, limit=100):
        if self.armed and collection == "audit":
            self.armed = False
            ask(self, CommandKind.REJECT)
        return super().query(collection, where, order_by=order_by, limit=limit)


def test_the_owner_who_was_faster_than_the_evidence_has_the_last_word() -> None:
    store = Interrupted()
    new_desk(store)
    put_user(store, "olga", role="owner")
    store.commit([Put(parameters_version_path(STOCKS, n), encode(version(n))) for n in (1, 2)])
    stage_it(store, CANARY, trial(challenger=0.9))
    store.armed = True
    sweep(store, NOW)
    assert not store.armed
    assert (stored(store).stage, trades(store).version) == (Stage.REJECTED, 1)
    assert [one["action"] for one in documents(store, "audit").values()] == ["reject"]
    assert kinds(store) == ["experiment_moved"]
