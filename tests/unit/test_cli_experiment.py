"""`desk experiment`: what is tried, and the owner's word on it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner, Result

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.bootstrap import Builder
from orchestrator.cli import app
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import ExperimentDoc, experiment_path
from orchestrator.domain.trial import Arm, Stage
from orchestrator.ports import Put
from orchestrator.settings import Settings
from tests.watched_desk import new_desk, read

NOW = datetime.now(UTC)


@pytest.fixture
def built() -> Builder:
    store = new_desk(now=NOW)
    assert isinstance(store, MemoryDataLayer)
    known = {"module": ModuleName.STOCKS, "stage": Stage.SHADOW, "champion": 1, "challenger": 2}
    arm = Arm(outcomes=4, sum_r=1.0)
    doc = ExperimentDoc.model_validate({**known, "challenger_arm": arm, "since": NOW, "updated_at": NOW})
    store.commit([Put(experiment_path(ModuleName.STOCKS), encode(doc))])
    return Builder(Settings({"GCLOUD_PROJECT": "demo-watched"}), store=store)


def desk(built: Builder, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["experiment", *arguments], obj=built)


def stored(built: Builder) -> ExperimentDoc:
    return read(built.store, ExperimentDoc, experiment_path(ModuleName.STOCKS))


def test_show_tells_both_arms(built: Builder) -> None:
    shown = json.loads(desk(built, "show", "--json").stdout)
    assert shown["stocks"]["challenger_arm"]["outcomes"] == 4
    result = CliRunner().invoke(app, ["experiment", "show"], obj=built, env={"COLUMNS": "200"})
    assert "v2 +0.25 R in 4" in result.stdout


@pytest.mark.parametrize("words", [["experiment", "show"], ["scores"]])
def test_where_there_is_nothing_it_is_said_when_there_will_be(words: list[str]) -> None:
    empty = Builder(Settings({"GCLOUD_PROJECT": "demo-watched"}), store=new_desk(now=NOW))
    told = CliRunner().invoke(app, words, obj=empty, env={"COLUMNS": "200"})
    assert (told.exit_code, told.stdout.count("\n")) == (0, 1)
    assert told.stdout.startswith("no ")


def test_promote_reject_and_pin_are_commands_of_the_owner(built: Builder) -> None:
    done = desk(built, "promote", "stocks", "--wait", "0", "--reason", "seen enough")
    assert done.exit_code == 0, done.output
    assert (stored(built).stage, stored(built).verdict) == (Stage.CANARY, "seen enough")
    assert desk(built, "reject", "stocks", "--wait", "0").exit_code == 0
    assert stored(built).stage is Stage.REJECTED
    refused = desk(built, "reject", "stocks", "--wait", "0")
    assert refused.exit_code == 1
    assert "nothing to reject" in refused.stdout
    assert desk(built, "pin", "stocks", "--wait", "0").exit_code == 0
    assert stored(built).pinned
    assert desk(built, "pin", "stocks", "--off", "--wait", "0").exit_code == 0
    assert not stored(built).pinned
