"""The risk page in a real browser: limits, tails, doubts, the way back to safety."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from orchestrator.domain.documents import CommandDoc, DeskStateDoc
from orchestrator.domain.risk import DeskState
from scripts.demo_users import USERS
from tests.browser import sample
from tests.browser.site import DESKTOP, PHONE, Site, Visit, fixture_path, visiting

pytestmark = [pytest.mark.suite, pytest.mark.browser]

OWNER, OPERATOR, VIEWER = USERS


@pytest.fixture
def desk(risky: Site, visit: Visit) -> Visit:
    """The owner on the risk page."""
    visit.sign_in(OWNER)
    visit.page.get_by_role("button", name="Risk", exact=True).click()
    expect(visit.page.locator("[data-risk='2026-08-20']")).to_be_visible()
    return visit


@pytest.fixture
def answered(risky: Site) -> Iterator[list[CommandDoc]]:
    """Answer every command with yes; yield what was asked."""
    with risky.answering(lambda command: f"{command.kind} is done") as asked:
        yield asked


def test_limits_tails_and_shocks_are_shown(desk: Visit) -> None:
    over = desk.page.locator("[data-limit='symbol concentration: XLK']")
    expect(over).to_contain_text("111 %")
    expect(over).to_contain_text("17,020 of 15,311")
    expect(over).to_contain_text("over the limit")
    expect(desk.page.locator(".limit-group").nth(2).locator("li").first).to_have_attribute(
        "data-limit", "symbol concentration: XLK"
    )
    tail = desk.page.locator("[data-tail^='historical 99']")
    expect(tail).to_contain_text("3,204")
    expect(tail).to_contain_text("4,011")
    expect(desk.page.locator(".shocks tbody tr")).to_have_count(6)
    expect(desk.page.locator(".cuts")).to_contain_text("XLK cut from 48 to 43")


def test_a_past_day_is_looked_up_and_left_again(desk: Visit) -> None:
    desk.page.locator("[data-report='2026-08-17'] button").click()
    expect(desk.page.locator("[data-risk='2026-08-17']")).to_be_visible()
    expect(desk.page.locator(".day-activity")).to_contain_text("41 confidence too low")
    expect(desk.page.locator(".day-activity")).to_contain_text("The desk is REDUCING")
    expect(desk.page.locator(".doubts")).to_have_count(0)
    desk.page.get_by_role("button", name="Back to today").click()
    expect(desk.page.locator(".doubts")).to_be_visible()


def test_an_unknown_order_is_resolved_by_the_owner_who_has_looked(desk: Visit, answered: list[CommandDoc]) -> None:
    unknown = desk.page.locator("[data-unknown]")
    expect(unknown).to_contain_text("unknown for 2 min")
    unknown.get_by_role("button", name="Resolve by hand").click()
    confirm = desk.page.locator("[data-confirm]")
    desk.page.get_by_role("button", name="Filled", exact=True).click()
    desk.page.get_by_label("I have looked at the venue").check()
    expect(confirm).to_be_disabled()
    desk.page.get_by_label("Price, USD").fill("4311.9")
    confirm.click()
    expect(desk.page.get_by_role("dialog")).to_contain_text("resolve is done")
    (asked,) = answered
    assert asked.args == {"order": "cethusd1", "outcome": "filled", "qty": "0.85", "price": "4311.9"}


def test_a_foreign_holding_is_adopted(desk: Visit, answered: list[CommandDoc]) -> None:
    desk.page.locator("[data-foreign='TSLA']").get_by_role("button", name="Adopt").click()
    desk.page.get_by_label("I have looked at the venue").check()
    desk.page.locator("[data-confirm]").click()
    expect(desk.page.get_by_role("dialog")).to_contain_text("adopt is done")
    assert [(one.kind.value, one.args) for one in answered] == [("adopt", {"symbol": "TSLA"})]


def test_everything_is_closed_only_when_the_word_was_typed(desk: Visit, answered: list[CommandDoc]) -> None:
    desk.page.locator("[data-brake]").click()
    desk.page.get_by_role("button", name="Close everything", exact=True).first.click()
    confirm = desk.page.locator("[data-confirm]")
    expect(confirm).to_be_disabled()
    desk.page.get_by_label("Type flatten to confirm").fill("flat")
    expect(confirm).to_be_disabled()
    desk.page.get_by_label("Type flatten to confirm").fill("flatten")
    confirm.click()
    expect(desk.page.locator("[data-brake-answer]")).to_contain_text("flatten is done")
    assert [(one.kind.value, one.args) for one in answered] == [("flatten", {"confirm": "flatten"})]


def test_a_reached_loss_limit_is_re_armed(desk: Visit, risky: Site, answered: list[CommandDoc]) -> None:
    breached = DeskStateDoc(
        state=DeskState.REDUCING, by="risk", reason="a loss", breach="loss of the UTC day", changed_at=sample.NOW
    )
    risky.put("desk/state", breached)
    expect(desk.page.locator("[data-state]")).to_have_attribute("data-state", "REDUCING")
    desk.page.locator("[data-brake]").click()
    desk.page.get_by_role("button", name="Re-arm the loss limits").first.click()
    expect(desk.page.get_by_role("dialog")).to_contain_text("Reached: the limit for loss of the UTC day.")
    desk.page.locator("[data-confirm]").click()
    expect(desk.page.locator("[data-brake-answer]")).to_contain_text("rearm is done")
    assert [one.kind.value for one in answered] == ["rearm"]


def test_a_viewer_sees_the_doubts_and_can_ask_for_nothing(risky: Site, visit: Visit) -> None:
    visit.sign_in(VIEWER)
    visit.page.get_by_role("button", name="Risk", exact=True).click()
    expect(visit.page.locator("[data-unknown]")).to_be_visible()
    expect(visit.page.get_by_role("button", name="Resolve by hand")).to_have_count(0)
    expect(visit.page.get_by_role("button", name="Adopt")).to_have_count(0)
    assert [line for line in visit.console if line.startswith(("error", "warning"))] == []


def test_without_a_report_the_page_says_what_it_waits_for(visit: Visit) -> None:
    visit.sign_in(OWNER)
    visit.page.get_by_role("button", name="Risk", exact=True).click()
    expect(visit.page.locator(".risk-day")).to_contain_text("No report yet")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_large_display_and_a_phone(browser: Browser, risky: Site, scheme: Any) -> None:
    for name, viewport in (("desktop", DESKTOP), ("phone", PHONE)):
        with visiting(browser, risky.url, viewport=viewport, color_scheme=scheme) as visit:
            visit.sign_in(OWNER)
            expect(visit.page.locator("[data-equity]")).to_be_visible()
            visit.page.get_by_role("button", name="Risk", exact=True).click()
            expect(visit.page.locator("[data-risk='2026-08-20']")).to_be_visible()
            visit.page.wait_for_timeout(300)
            visit.page.screenshot(path=fixture_path(f"risk-{name}-{scheme}.png"), full_page=name == "phone")
            assert visit.page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
            if name == "desktop":
                assert visit.page.evaluate("document.documentElement.scrollHeight") <= viewport["height"]
