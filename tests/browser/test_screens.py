"""Pictures of the page at two sizes, light and dark; kept under tests/artefacts for people to look at."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from scripts.demo_users import USERS
from tests.browser.site import DESKTOP, PHONE, ROOT, Site, fixture_path, visiting

pytestmark = [pytest.mark.suite, pytest.mark.browser]

OWNER = USERS[0]
AXE = ROOT / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_large_display_is_one_screen(browser: Browser, site: Site, scheme: Literal["light", "dark"]) -> None:
    with visiting(browser, site.url, viewport=DESKTOP, color_scheme=scheme) as visit:
        expect(visit.page.get_by_label("Password")).to_be_visible()
        visit.page.screenshot(path=fixture_path(f"desktop-{scheme}-door.png"))
        visit.sign_in(OWNER)
        expect(visit.page.locator("[data-position]")).to_have_count(9)
        expect(visit.page.locator(".canvas canvas").first).to_be_visible()
        visit.page.wait_for_timeout(300)
        visit.page.screenshot(path=fixture_path(f"desktop-{scheme}.png"))
        height = visit.page.evaluate("document.documentElement.scrollHeight")
        assert height <= DESKTOP["height"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_has_six_pages_without_sideways_scrolling(
    browser: Browser, risky: Site, scheme: Literal["light", "dark"]
) -> None:
    settings = {"viewport": PHONE, "color_scheme": scheme, "device_scale_factor": 2, "has_touch": True}
    with visiting(browser, risky.url, **settings) as visit:
        visit.sign_in(OWNER)
        for tab in ("Desk", "Book", "Risk", "Why", "Log", "Lab"):
            visit.page.get_by_role("button", name=tab, exact=True).click()
            expect(visit.page.get_by_role("button", name=tab, exact=True)).to_have_attribute("aria-current", "page")
            visit.page.wait_for_timeout(300)
            visit.page.screenshot(path=fixture_path(f"phone-{scheme}-{tab.lower()}.png"))
            assert visit.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_the_curve_fits_a_window_that_became_smaller(browser: Browser, site: Site) -> None:
    """The curve of a turned phone or a moved window is that of a page opened at that size, newest point included."""
    pictures = []
    for opened in (PHONE, DESKTOP):
        with visiting(browser, site.url, viewport=opened) as visit:
            visit.sign_in(OWNER)
            expect(visit.page.locator(".canvas canvas").first).to_be_visible()
            visit.page.set_viewport_size(PHONE)
            visit.page.mouse.move(0, 0)
            visit.page.wait_for_timeout(500)
            pictures.append(visit.page.locator(".canvas").screenshot())
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nobody_is_shut_out(
    browser: Browser, risky: Site, viewport: ViewportSize, scheme: Literal["light", "dark"]
) -> None:
    """No fault that axe knows of: names, roles, order, contrast; on the door, the pages and the brake's dialog."""
    with visiting(browser, risky.url, viewport=viewport, color_scheme=scheme) as visit:
        expect(visit.page.get_by_label("Password")).to_be_visible()
        found = faults(visit.page)
        visit.sign_in(OWNER)
        expect(visit.page.locator("[data-equity]")).to_be_visible()
        tabs = visit.page.locator(".tabs button")
        for number in range(6 if viewport is PHONE else 1):
            if viewport is PHONE:
                tabs.nth(number).click()
            found |= faults(visit.page)
        if viewport is DESKTOP:
            visit.page.get_by_role("button", name="Risk", exact=True).click()
            expect(visit.page.locator("[data-risk='2026-08-20']")).to_be_visible()
            found |= faults(visit.page)
        visit.page.locator("[data-brake]").click()
        found |= faults(visit.page)
    assert not found, "\n".join(sorted(found))


def faults(page: Page) -> set[str]:
    """Return what axe finds wrong, each with the first place."""
    page.add_script_tag(path=AXE)
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return {f"{one['id']}: {one['nodes'][0]['html'][:120]} {one['nodes'][0]['any'][:1]}" for one in found["violations"]}
