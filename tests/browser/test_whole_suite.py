"""The page with the real functions: the brake is a command that the events codebase executes."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from orchestrator import bootstrap
from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import MarketDoc
from scripts.demo_users import USERS
from scripts.suite import Suite
from tests.browser import sample
from tests.browser.site import Site, fixture_path, open_site, visiting

pytestmark = [pytest.mark.suite, pytest.mark.browser, pytest.mark.slow]

OWNER = USERS[0]
COLD_MS = 30_000
"""A function that has not run yet starts a worker first."""


@pytest.fixture
def whole_site(built_page: None, full_suite: Suite, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A desk that was just set up, as `desk up` leaves it."""
    full_suite.clear_users()
    full_suite.clear_firestore()
    for name, value in full_suite.environment.items():
        monkeypatch.setenv(name, value)
    bootstrap.seed_desk(
        project=full_suite.project, now=sample.NOW, market=MarketDoc(name="Test market", synthetic=True)
    )
    return open_site(full_suite)


def test_the_owner_sees_a_fill_and_halts_the_desk_through_its_functions(browser: Browser, whole_site: Site) -> None:
    with visiting(browser, whole_site.url) as visit:
        page = visit.page
        visit.sign_in(OWNER)
        expect(page.locator("[data-state]")).to_have_attribute("data-state", "ACTIVE")
        what = sample.intent(ModuleName.STOCKS, "AMD")
        whole_site.put("orders/samd1", sample.filled(what, "172.31", sample.NOW))
        expect(page.locator("[data-fill]").first).to_contain_text("AMD")
        page.locator("[data-brake]").click()
        page.get_by_label("Reason").fill("seen enough")
        page.locator("[data-confirm]").click()
        expect(page.locator("[data-brake-answer]")).to_contain_text("HALTED", timeout=COLD_MS)
        expect(page.locator("[data-state]")).to_have_attribute("data-state", "HALTED")
        page.screenshot(path=fixture_path("whole-suite-halted.png"))
        page.get_by_role("button", name="Close").click()
        page.get_by_role("button", name="Resume", exact=True).click()
        page.locator("[data-confirm]").click()
        expect(page.locator("[data-brake-answer]")).to_contain_text("ACTIVE", timeout=COLD_MS)
        assert not [line for line in visit.console if line.startswith("error")]
    state = whole_site.db.document("desk/state").get().to_dict() or {}
    assert (state["state"], state["by"]) == ("ACTIVE", OWNER.uid)
    trail = [entry.to_dict() or {} for entry in whole_site.db.collection("audit").stream()]
    assert [entry["action"] for entry in sorted(trail, key=lambda entry: entry["n"])] == ["halt", "resume"]
