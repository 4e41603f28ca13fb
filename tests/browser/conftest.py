"""Emulators with the built dashboard and one browser, for all tests of the page."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from scripts import dashboard, suite
from scripts.steps import MissingToolError, in_ci
from tests.browser import sample, sample_risk
from tests.browser.site import Site, Visit, open_site, visiting


@pytest.fixture(scope="session")
def built_page() -> None:
    """The dashboard, built from its sources of now."""
    try:
        dashboard.build()
    except MissingToolError as error:
        _miss(error)


@pytest.fixture(scope="session")
def page_suite(built_page: None) -> Iterator[suite.Suite]:
    """Firestore, Auth and Hosting with the built dashboard; no functions: a test plays the desk."""
    try:
        with suite.running(project=f"demo-page-{os.getpid()}", only=("firestore", "auth", "hosting")) as emulators:
            yield emulators
    except MissingToolError as error:
        _miss(error)


def _miss(error: MissingToolError) -> NoReturn:
    if in_ci():
        pytest.fail(str(error), pytrace=False)
    pytest.skip(str(error))


@pytest.fixture(scope="session")
def shared_site(page_suite: suite.Suite) -> Site:
    return open_site(page_suite)


@pytest.fixture
def site(shared_site: Site) -> Site:
    """The page on the sample desk, as it was written."""
    shared_site.suite.clear_firestore()
    shared_site.put_all(sample.documents())
    return shared_site


@pytest.fixture
def risky(site: Site) -> Site:
    """The sample desk with its risk."""
    site.put_all(sample_risk.documents())
    return site


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    """Chromium, ended with its module: Playwright keeps an event loop running, which other tests cannot share."""
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(chromium))
        yield launched
        launched.close()


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Visit]:
    """A desktop window on the page."""
    with visiting(browser, site.url) as opened:
        yield opened
