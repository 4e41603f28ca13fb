"""`python -m scripts.pictures [--data FOLDER] [--from DAY] [--to DAY]`: take the README's pictures of the dashboard.

Replays recorded days in this process, copies what the desk then has in its store into the emulators, and photographs
the built page in Chromium: `docs/images/dashboard-desktop.png`, `dashboard-risk.png` and `dashboard-phone.png`.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import date, datetime
from pathlib import Path

from google.cloud import firestore
from playwright.sync_api import Browser, ViewportSize, sync_playwright

from orchestrator.cli.replay.driver import drive
from orchestrator.cli.replay.stacks import Window, memory_stack
from orchestrator.ports import Json, Store
from scripts import dashboard, suite, tools
from scripts.demo_users import USERS, create_demo_users
from scripts.steps import ROOT, say

IMAGES = ROOT / "docs" / "images"
LARGEST = 300_000
COLLECTIONS = (
    *("desk", "books", "orders", "cycles", "trades", "equity", "events", "notifications", "parameters"),
    "risk_reports",
)
_DESKTOP: ViewportSize = {"width": 1440, "height": 900}
_PHONE: ViewportSize = {"width": 390, "height": 844}


def documents_after(window: Window) -> dict[str, Json]:
    """Return every document of the desk at the window's last moment, before the replay halts it."""
    kept: dict[str, Json] = {}
    with memory_stack(window) as stack:

        def progress(done: int, total: int, _at: datetime) -> None:
            if done == total:
                kept.update(_documents(stack.store))

        drive(stack, progress)
    return kept


def _documents(store: Store) -> dict[str, Json]:
    found = (store.query(collection, limit=1_000_000) for collection in COLLECTIONS)
    return {snapshot.path: snapshot.data for snapshots in found for snapshot in snapshots}


def photograph(emulators: suite.Suite) -> list[Path]:
    """Take the pictures and return their files."""
    with sync_playwright() as playwright:
        pictures = []
        for name, size, scale in (("desktop", _DESKTOP, 1), ("risk", _DESKTOP, 1), ("phone", _PHONE, 2)):
            browser = playwright.chromium.launch(
                executable_path=str(tools.install_chromium()), args=[f"--force-device-scale-factor={scale}"]
            )
            pictures.append(_picture(browser, emulators.url("hosting"), name=name, size=size, scale=scale))
            browser.close()
        return pictures


def _picture(browser: Browser, url: str, *, name: str, size: ViewportSize, scale: int) -> Path:
    page = browser.new_page(
        viewport=size, device_scale_factor=scale, timezone_id="America/New_York", color_scheme="light"
    )
    page.goto(url)
    page.get_by_label("E-mail").fill(USERS[0].email)
    page.get_by_label("Password").fill(USERS[0].password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector(".canvas canvas", state="attached")
    if name == "risk":
        page.get_by_role("button", name="Risk", exact=True).click()
    page.wait_for_timeout(1_500)
    target = IMAGES / f"dashboard-{name}.png"
    IMAGES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=target)
    return target


def main(arguments: list[str]) -> int:
    """Replay, photograph, and say how large the pictures are; 1 when one is above 300 kB."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of market data")
    parser.add_argument("--from", dest="first", type=date.fromisoformat, default=date(2026, 7, 16))
    parser.add_argument("--to", dest="last", type=date.fromisoformat, default=date(2026, 8, 14))
    chosen = parser.parse_args(arguments)
    dashboard.build()
    say("replaying")
    documents = documents_after(Window(chosen.data, chosen.first, chosen.last))
    with suite.running(project="demo-pictures", only=("firestore", "auth", "hosting")) as emulators:
        create_demo_users(emulators.url("auth"), emulators.project)
        os.environ.update(emulators.environment)
        database = firestore.Client(project=emulators.project)
        for path, data in documents.items():
            database.document(path).set(data)
        pictures = photograph(emulators)
    for picture in pictures:
        say(f"{picture.relative_to(ROOT)}: {picture.stat().st_size / 1000:.0f} kB")
    return 1 if any(picture.stat().st_size > LARGEST for picture in pictures) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
