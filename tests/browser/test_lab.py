"""The lab in a real browser: kept backtests, how sure each is, and what it does not prove."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from typer.testing import CliRunner

from orchestrator.cli import app
from scripts.demo_users import USERS
from tests.backtest_files import write_stocks
from tests.browser.sample_backtests import backtests
from tests.browser.site import DESKTOP, PHONE, Site, Visit, fixture_path, visiting
from tests.browser.test_screens import faults

pytestmark = [pytest.mark.suite, pytest.mark.browser]

VIEWER = USERS[2]


@pytest.fixture
def stocked(site: Site) -> Site:
    for path, model in backtests().items():
        site.put(path, model)
    return site


def test_a_kept_backtest_says_how_sure_it_is(stocked: Site, visit: Visit) -> None:
    visit.sign_in(VIEWER)
    visit.page.get_by_role("button", name="Lab", exact=True).click()
    expect(visit.page.locator("[data-backtest]")).to_have_count(2)
    unsure = visit.page.locator(f"[data-backtest='{'a' * 20}']")
    expect(unsure).to_contain_text("Sharpe 0.64, between \u22120.85 and 2.14")
    expect(unsure.locator(".unsure")).to_be_visible()
    expect(visit.page.locator(f"[data-backtest='{'b' * 20}'] .unsure")).to_have_count(0)
    unsure.locator("summary").click()
    expect(unsure).to_contain_text("cannot be told from luck")
    expect(unsure).to_contain_text("filled at the open of the next bar")
    assert visit.console == []


def test_one_that_is_kept_while_the_lab_is_open_appears(site: Site, visit: Visit) -> None:
    visit.sign_in(VIEWER)
    visit.page.get_by_role("button", name="Lab", exact=True).click()
    expect(visit.page.locator(".backtests")).to_contain_text("None is kept")
    path, model = next(iter(backtests().items()))
    site.put(path, model)
    expect(visit.page.locator("[data-backtest]")).to_have_count(1)


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_lab_fits(browser: Browser, stocked: Site, viewport) -> None:
    with visiting(browser, stocked.url, viewport=viewport) as visit:
        visit.sign_in(VIEWER)
        visit.page.get_by_role("button", name="Lab", exact=True).click()
        expect(visit.page.locator("[data-backtest]")).to_have_count(2)
        visit.page.screenshot(path=fixture_path(f"lab-{viewport['width']}.png"))
        assert visit.page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
        assert faults(visit.page) == set()


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_report_is_read_without_a_network(browser: Browser, tmp_path: Path, viewport) -> None:
    folder, file = write_stocks(tmp_path / "bars"), tmp_path / "report.html"
    asked = [
        "backtest",
        "stocks",
        "--data",
        folder,
        "--symbols",
        "SPY,AAPL,MSFT",
        "--sweep",
        "momentum.lookback=20:40:10",
    ]
    result = CliRunner().invoke(app, [str(word) for word in (*asked, "--out", file)])
    assert result.exit_code == 0, result.output
    context = browser.new_context(viewport=viewport, offline=True)
    page, said = context.new_page(), []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: request.url.startswith("file:") or said.append(request.url))
    page.goto(file.as_uri())
    expect(page.get_by_role("heading", name="Read with care")).to_be_visible()
    page.locator("#equity").hover()
    expect(page.locator("#told")).to_contain_text("USD")
    symbols = page.locator("#symbol option").all_text_contents()
    page.select_option("#symbol", symbols[-1])
    expect(page.get_by_role("img", name=f"Price of {symbols[-1]}")).to_be_visible()
    page.screenshot(path=fixture_path(f"report-{viewport['width']}.png"), full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    assert said == []
    assert faults(page) == set()
    context.close()
