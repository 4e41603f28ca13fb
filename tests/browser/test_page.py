"""The page in a real browser against Auth, Firestore and Hosting; the test plays the desk."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import CommandDoc, DeskStateDoc
from orchestrator.domain.risk import DeskState
from scripts.demo_users import USERS
from tests.browser import sample
from tests.browser.site import STRANGER, Site, Visit, fixture_path, visiting

pytestmark = [pytest.mark.suite, pytest.mark.browser]

OWNER, OPERATOR, VIEWER = USERS


@pytest.fixture
def desk(visit: Visit) -> Visit:
    """The owner, signed in, with the first numbers on the screen."""
    visit.sign_in(OWNER)
    expect(visit.page.locator("[data-equity]")).to_have_text("$102,071.67")
    return visit


@pytest.fixture
def playing_desk(site: Site) -> Iterator[list[CommandDoc]]:
    """Answer every command as the events function does; yield what was asked."""

    def do(command: CommandDoc) -> str:
        states = {"halt": DeskState.HALTED, "reduce": DeskState.REDUCING, "resume": DeskState.ACTIVE}
        state = states[command.kind.value]
        site.put("desk/state", DeskStateDoc(state=state, by=command.by, reason=command.reason, changed_at=sample.NOW))
        return f"The desk is {state.value}."

    with site.answering(do) as asked:
        yield asked


def errors(visit: Visit) -> list[str]:
    return [line for line in visit.console if line.startswith(("error", "warning"))]


def test_the_first_screen_says_what_the_desk_is_worth_and_how_its_modules_are(desk: Visit) -> None:
    page = desk.page
    expect(page.locator("[data-state]")).to_have_attribute("data-state", "ACTIVE")
    expect(page.locator("[data-module]")).to_have_count(3)
    expect(page.locator("[data-module=crypto] .health")).to_contain_text("1 order unknown")
    expect(page.locator("[data-module=stocks]")).to_contain_text("37,612 of 50,000")
    expect(page.locator("[data-module=stocks]")).to_contain_text("params v4")
    expect(page.locator(".figures")).to_contain_text("+418.22")
    assert errors(desk) == []


def test_a_synthetic_market_says_so_and_a_real_one_does_not(desk: Visit, site: Site) -> None:
    expect(desk.page.locator(".synthetic")).to_contain_text("Synthetic market")
    expect(desk.page.locator(".watermark")).to_be_visible()
    site.put("desk/summary", sample.summary(synthetic=False))
    expect(desk.page.locator(".synthetic")).to_have_count(0)
    expect(desk.page.locator(".watermark")).to_have_count(0)


def test_positions_show_their_stop_and_target_and_an_unknown_order_stands_first(desk: Visit) -> None:
    row = desk.page.locator("[data-position=sxlk-p]")
    for text in ("XLK", "48", "251.34", "258.12", "243.80", "266.40", "+325.44"):
        expect(row).to_contain_text(text)
    first = desk.page.locator("[data-order]").first
    expect(first).to_contain_text("ETH/USD")
    expect(first).to_contain_text("unknown")
    expect(first).to_contain_text("3 min")


def test_a_denied_opportunity_shows_its_code_in_words_with_limit_and_observation(desk: Visit) -> None:
    panel = desk.page.locator(".decisions")
    denied = panel.locator(".decision.denied").filter(has_text="KO")
    expect(denied).to_contain_text("confidence too low 0.41 against 0.55")
    expect(denied.locator(".why")).to_have_attribute("title", "CONFIDENCE_BELOW_MIN")
    panel.get_by_role("button", name="Taken").click()
    expect(panel.locator(".decision.denied")).to_have_count(0)
    expect(panel.locator(".decision.resized")).to_contain_text("sized by symbol concentration")


def test_a_fill_arrives_while_one_is_looking(desk: Visit, site: Site) -> None:
    fills = desk.page.locator("[data-fill]")
    expect(fills).to_have_count(7)
    what = sample.intent(ModuleName.STOCKS, "AMD", qty=Decimal(25))
    site.put("orders/samd1", sample.filled(what, "172.31", sample.NOW + timedelta(seconds=4)))
    expect(fills).to_have_count(8)
    expect(fills.first).to_contain_text("buy 25 AMD")
    expect(fills.first).to_contain_text("172.31")
    assert errors(desk) == []


def test_the_owner_halts_and_resumes_and_hears_the_answer(desk: Visit, playing_desk: list[CommandDoc]) -> None:
    page = desk.page
    page.get_by_role("button", name="Halt", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Halt the desk")
    page.screenshot(path=fixture_path("desktop-light-brake.png"))
    dialog.get_by_label("Reason").fill("testing the brake")
    page.locator("[data-confirm]").click()
    expect(page.locator("[data-brake-answer]")).to_have_text("The desk is HALTED.")
    expect(page.locator("[data-state]")).to_have_attribute("data-state", "HALTED")
    page.screenshot(path=fixture_path("desktop-light-halted.png"))
    dialog.get_by_role("button", name="Close").click()
    expect(page.locator("[data-answer]")).to_have_text("The desk is HALTED.")
    page.get_by_role("button", name="Resume", exact=True).click()
    page.locator("[data-confirm]").click()
    expect(page.locator("[data-state]")).to_have_attribute("data-state", "ACTIVE")
    assert [(one.kind.value, one.by, one.role) for one in playing_desk] == [
        ("halt", OWNER.uid, "owner"),
        ("resume", OWNER.uid, "owner"),
    ]
    assert playing_desk[0].reason == "testing the brake"
    assert errors(desk) == []


def test_the_brake_works_by_keyboard_alone(desk: Visit, playing_desk: list[CommandDoc]) -> None:
    page = desk.page
    page.locator("[data-brake]").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator("[data-brake]")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_label("Reason").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-brake-answer]")).to_have_text("The desk is HALTED.")
    assert len(playing_desk) == 1


def test_an_operator_may_halt_but_not_resume(visit: Visit, site: Site) -> None:
    visit.sign_in(OPERATOR)
    expect(visit.page.locator("[data-brake]")).to_have_text("Halt")
    site.put("desk/state", DeskStateDoc(state=DeskState.HALTED, changed_at=sample.NOW))
    expect(visit.page.locator("[data-state]")).to_have_attribute("data-state", "HALTED")
    expect(visit.page.locator("[data-brake]")).to_have_text("Flatten")


def test_a_viewer_sees_everything_and_no_brake(visit: Visit) -> None:
    visit.sign_in(VIEWER)
    expect(visit.page.locator("[data-position]")).to_have_count(9)
    expect(visit.page.locator("[data-state]")).to_be_visible()
    expect(visit.page.locator("[data-brake]")).to_have_count(0)
    expect(visit.page.get_by_role("button", name="Acknowledge")).to_have_count(0)
    assert errors(visit) == []


def test_a_stranger_reads_one_clear_message(visit: Visit) -> None:
    visit.enter(*STRANGER)
    expect(visit.page.get_by_role("alert")).to_contain_text("No role on this desk")
    expect(visit.page.get_by_role("alert")).to_contain_text(STRANGER[0])
    visit.page.get_by_role("button", name="Sign out").click()
    expect(visit.page.get_by_label("Password")).to_be_visible()


def test_a_wrong_password_is_told_in_words_and_the_demo_account_is_named(visit: Visit) -> None:
    expect(visit.page.locator(".hint")).to_contain_text(OWNER.email)
    visit.enter(OWNER.email, "wrong")
    expect(visit.page.get_by_role("alert")).to_have_text("No account has this e-mail and password.")
    visit.page.get_by_role("button", name="Fill in").click()
    visit.page.get_by_role("button", name="Sign in").click()
    expect(visit.page.locator("[data-equity]")).to_be_visible()


def test_an_alert_is_acknowledged_by_a_command(desk: Visit, site: Site) -> None:
    asked = threading.Event()
    found: list[dict[str, Any]] = []

    def notice(snapshots: Any, _changes: Any, _time: Any) -> None:
        found.extend(snapshot.to_dict() for snapshot in snapshots)
        if found:
            asked.set()

    watch = site.db.collection("commands").on_snapshot(notice)
    desk.page.get_by_role("button", name="Acknowledge").click()
    assert asked.wait(10)
    watch.unsubscribe()  # type: ignore[no-untyped-call]
    assert (found[0]["kind"], found[0]["args"]) == ("acknowledge", {"notification": "e1"})
    told = site.db.document("notifications/e1")
    told.update({"acknowledged_by": OWNER.uid})
    expect(desk.page.locator(".alert")).to_have_count(0)


def test_a_role_that_is_taken_away_ends_the_view_with_a_message(desk: Visit, site: Site) -> None:
    """The rules deny a listener; the page says so instead of showing old numbers as if they were live."""
    nothing = "match /nothing/{id} { allow read: if false; }"
    with site.other_rules(
        f"rules_version = '2'; service cloud.firestore {{ match /databases/{{d}}/documents {{ {nothing} }} }}"
    ):
        desk.page.reload()
        expect(desk.page.get_by_role("alert")).to_contain_text("Permission denied")


def test_losing_the_connection_shows_and_passes(desk: Visit) -> None:
    context = desk.page.context
    context.set_offline(True)
    expect(desk.page.locator(".fresh")).to_contain_text("Offline", timeout=30_000)
    context.set_offline(False)
    expect(desk.page.locator(".fresh")).to_contain_text("Live", timeout=60_000)


def test_an_empty_desk_says_what_it_waits_for(visit: Visit, site: Site) -> None:
    site.suite.clear_firestore()
    visit.sign_in(OWNER)
    expect(visit.page.locator(".standing")).to_contain_text("has not reported yet")
    expect(visit.page.locator(".positions")).to_contain_text("Nothing is held")
    expect(visit.page.locator("[data-brake]")).to_have_count(0)
    assert errors(visit) == []


def test_a_document_of_a_newer_desk_asks_for_a_reload(visit: Visit, site: Site) -> None:
    site.db.document("desk/summary").set({**encode(sample.summary()), "schema": 2})
    visit.sign_in(OWNER)
    expect(visit.page.get_by_role("alert")).to_contain_text("older than the desk")


def test_without_a_configuration_the_page_refuses_to_start(browser: Browser, site: Site) -> None:
    with visiting(browser, "about:blank", service_workers="block") as visit:
        for pattern in ("**/config.json", "**/__/firebase/init.json"):
            visit.page.route(pattern, lambda route: route.fulfill(status=404, body="gone"))
        visit.page.goto(site.url)
        expect(visit.page.get_by_role("alert")).to_contain_text("does not know its Firebase project")


def test_a_real_project_is_never_pointed_at_emulators(browser: Browser, site: Site) -> None:
    """A config.json that was left behind says emulators; Hosting of a real project has the first word."""
    with visiting(browser, "about:blank", service_workers="block") as visit:
        visit.page.route(
            "**/__/firebase/init.json", lambda route: route.fulfill(json={"projectId": "desk-of-mine", "apiKey": "k"})
        )
        visit.page.goto(site.url)
        expect(visit.page.get_by_label("Password")).to_be_visible()
        expect(visit.page.locator(".hint")).to_have_count(0)


def test_the_page_can_be_installed_and_its_shell_opens_without_a_network(visit: Visit, site: Site) -> None:
    manifest = visit.page.request.get(f"{site.url}/manifest.webmanifest").json()
    assert manifest["display"] == "standalone"
    for icon in manifest["icons"]:
        assert visit.page.request.get(site.url + icon["src"]).ok
    visit.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    visit.page.reload()
    expect(visit.page.get_by_label("Password")).to_be_visible()
    kept = visit.page.evaluate(
        "caches.keys().then(k => caches.open(k[0])).then(c => c.keys()).then(r => r.map(x => x.url))"
    )
    assert any("/assets/" in address for address in kept)
    assert not any("config.json" in address or "firestore" in address for address in kept)
    visit.page.context.set_offline(True)
    visit.page.reload()
    expect(visit.page.locator("#app")).not_to_be_empty()
