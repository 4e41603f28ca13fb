"""The lab in a real browser: the desk beside its backtest, scores, and an experiment with the owner's word on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from orchestrator.domain.documents import CommandDoc, experiment_path, score_path
from orchestrator.domain.paths import parity_path
from orchestrator.domain.trial import Stage
from scripts.demo_users import USERS
from tests.browser import sample_lab
from tests.browser.site import DESKTOP, PHONE, Site, Visit, fixture_path, visiting
from tests.browser.test_screens import faults

pytestmark = [pytest.mark.suite, pytest.mark.browser]

OWNER, OPERATOR, VIEWER = USERS
EXPERIMENT = experiment_path(sample_lab.STOCKS)
AFTER = {"promote": {"stage": Stage.CHAMPION}, "reject": {"stage": Stage.REJECTED}, "pin": {"pinned": True}}


@pytest.fixture
def lively(site: Site) -> Site:
    """A lab in which everything has something to show; the experiment is a canary."""
    doc = sample_lab.parity()
    site.put(parity_path(doc.last), doc)
    site.put(score_path(sample_lab.STOCKS), sample_lab.scores())
    site.put(EXPERIMENT, sample_lab.experiment(Stage.CANARY))
    return site


@pytest.fixture
def answering(lively: Site) -> Iterator[list[CommandDoc]]:
    """Do what the owner asks of the experiment as the desk would; yield what was asked."""

    def do(command: CommandDoc) -> str:
        lively.put(EXPERIMENT, sample_lab.experiment(**{"stage": Stage.CANARY, **AFTER[command.kind.value]}))
        return f"stocks: {command.kind.value} is done"

    with lively.answering(do) as asked:
        yield asked


def lab(visit: Visit, user: Any) -> Locator:
    visit.sign_in(user)
    visit.page.get_by_role("button", name="Lab", exact=True).click()
    expect(visit.page.locator("[data-parity]")).to_have_count(4)
    return visit.page.locator("[data-experiment=stocks]")


def test_positions_have_their_gap_or_reason_and_strategies_their_score_trend_and_advice(
    lively: Site, visit: Visit
) -> None:
    lab(visit, VIEWER)
    panel = visit.page.locator(".parity")
    expect(panel).to_contain_text("2 matched, 1 not compared, 1 only backtest; largest gap 63.5 bps")
    row = panel.locator("[data-parity*=DIA]")
    expect(row).to_contain_text("+63.5")
    expect(row).to_contain_text("\u221231.70")
    expect(row).to_have_class("unknown")
    expect(panel.locator("tr.unknown")).to_have_count(2)
    expect(panel.locator("[data-parity*=XLV]")).to_contain_text("bars are missing")
    panel.locator("summary").click()
    expect(panel.locator("details li")).to_contain_text("never published")
    expect(visit.page.locator("[data-score='stocks/stocks']")).to_contain_text("68")
    row = visit.page.locator("[data-score='stocks/mean_reversion']")
    expect(row).to_contain_text("41")
    expect(row).to_contain_text("\u22126.0")
    expect(row).to_contain_text("less, to 22.5")
    expect(visit.page.locator("[data-score='stocks/leveraged']")).to_contain_text("too few trades")
    assert visit.console == []


def test_what_was_never_made_says_so(site: Site, visit: Visit) -> None:
    visit.sign_in(VIEWER)
    visit.page.get_by_role("button", name="Lab", exact=True).click()
    expect(visit.page.locator(".parity")).to_contain_text("No night has compared them yet")
    expect(visit.page.locator(".scores")).to_contain_text("No day was scored so far")
    expect(visit.page.locator(".experiments")).to_contain_text("Nothing was tried so far")


def test_an_experiment_shows_its_evidence_in_every_stage_and_only_the_owner_has_a_say(
    lively: Site, visit: Visit
) -> None:
    one = lab(visit, OPERATOR)
    for stage in (Stage.SHADOW, Stage.CANARY, Stage.CHAMPION, Stage.ROLLED_BACK):
        lively.put(EXPERIMENT, sample_lab.experiment(stage))
        expect(one).to_contain_text(f"v2 {stage.value}")
    expect(one).to_contain_text("v2 +0.31 R in 24 against v1 +0.10 R in 60, likelihood ratio 3.1 of 20")
    expect(one.get_by_role("button")).to_have_count(0)


def test_the_owners_word_becomes_a_command_and_its_answer_is_shown(
    lively: Site, visit: Visit, answering: list[CommandDoc]
) -> None:
    one = lab(visit, OWNER)
    for label, then in (("Pin", "v2 canary, pinned"), ("Reject", "v2 rejected"), ("Promote", "v2 champion")):
        lively.put(EXPERIMENT, sample_lab.experiment(Stage.CANARY))
        one.get_by_role("button", name=label, exact=True).click()
        expect(one.get_by_role("status")).to_contain_text(f"stocks: {label.lower()} is done")
        expect(one).to_contain_text(then)
    assert [(one.kind.value, one.args["module"]) for one in answering] == [
        ("pin", "stocks"),
        ("reject", "stocks"),
        ("promote", "stocks"),
    ]
    assert visit.console == []


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_panels_fit(browser: Browser, lively: Site, viewport: Any) -> None:
    with visiting(browser, lively.url, viewport=viewport) as visit:
        lab(visit, OWNER)
        visit.page.locator(".parity").scroll_into_view_if_needed()
        visit.page.screenshot(path=fixture_path(f"lab-panels-{viewport['width']}.png"))
        assert visit.page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
        assert faults(visit.page) == set()
