"""How long a Firestore write takes to be on the screen of an open dashboard.

    python docs/benchmarks/dashboard_latency.py [--writes 60] [--write]

Serves the built dashboard on the Auth, Firestore and Hosting emulators, signs in as the demo owner in Chromium, and
writes one order with a new fill after the other, as the desk would. From before the write call to the moment the row
is in the page's DOM, both by the clock of this machine. Two sizes of screen. `--write` keeps the table in
dashboard_latency.md beside this file.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from orchestrator.domain.base import ModuleName  # noqa: E402
from scripts import dashboard, suite, tools  # noqa: E402
from scripts.demo_users import USERS  # noqa: E402
from scripts.processes import stopped_by_signals  # noqa: E402
from tests.browser import sample  # noqa: E402
from tests.browser.site import DESKTOP, PHONE, Site, open_site, visiting  # noqa: E402

TARGET_MS = 200
PAUSE_S = 0.15
WARM_UP = 10
"""Writes before the measured ones: emulators and browser compile while they run."""

_WATCH = """() => {
  window.seen = {};
  const note = () => document.querySelectorAll('[data-fill]').forEach((row) => {
    window.seen[row.dataset.fill] ??= Date.now();
  });
  note();
  new MutationObserver(note).observe(document.body, { childList: true, subtree: true });
}"""


@dataclass(frozen=True, slots=True)
class Row:
    """What one size of screen took, in milliseconds."""

    name: str
    writes: int
    p50: float
    p95: float
    worst: float
    open_ms: float


def measure(browser: Browser, site: Site, *, name: str, writes: int) -> Row:
    """Open the page at one size, write, and time each row."""
    phone = name == "phone"
    with visiting(browser, site.url, viewport=PHONE if phone else DESKTOP) as visit:
        visit.page.wait_for_selector("input[type=password]")
        started = time.perf_counter()
        visit.sign_in(USERS[0])
        visit.page.wait_for_selector("[data-equity]")
        open_ms = (time.perf_counter() - started) * 1000
        if phone:
            visit.page.get_by_role("button", name="Log", exact=True).click()
        visit.page.evaluate(_WATCH)
        for number in range(WARM_UP):
            _write(site, f"{name}warm{number}")
        written = [_write(site, f"{name}{number}") for number in range(writes)]
        visit.page.wait_for_selector(f"[data-fill='{written[-1][0]}']", state="attached")
        seen = visit.page.evaluate("window.seen")
        took = sorted(seen[key] - at for key, at in written)
    return Row(name, writes, statistics.median(took), took[int(len(took) * 0.95)], took[-1], open_ms)


def _write(site: Site, number: str) -> tuple[str, float]:
    """Write one filled order and return its fill's id and when that began, in milliseconds since 1970."""
    what = sample.intent(ModuleName.STOCKS, "AMD", n=number, qty=Decimal(1))
    order = sample.filled(what, "172.31", sample.NOW)
    at = time.time() * 1000
    site.put(f"orders/{what.client_order_id}", order)
    time.sleep(PAUSE_S)
    return order.order.fills[0].trade_id, at


def rows(writes: int) -> list[Row]:
    """Start everything and measure both sizes."""
    dashboard.build()
    with suite.running(project="demo-latency", only=("firestore", "auth", "hosting")) as emulators:
        site = open_site(emulators)
        for path, model in sample.documents():
            site.put(path, model)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=str(tools.install_chromium()))
            measured = [measure(browser, site, name=name, writes=writes) for name in ("desktop", "phone")]
            browser.close()
        return measured


def table(measured: list[Row]) -> str:
    """Return the report."""
    lines = [
        "# From a Firestore write to the screen",
        "",
        "Written by `python docs/benchmarks/dashboard_latency.py --write`: from before the write call to the row in",
        f"the DOM of the built dashboard, emulators and Chromium on one machine ({platform.system()}, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}). "
        f"Target: p95 at most {TARGET_MS} ms.",
        "",
        "| screen | writes | p50, ms | p95, ms | worst, ms | sign-in to first numbers, ms |",
        "|---|---|---|---|---|---|",
    ]
    for row in measured:
        times = f"{row.p50:.0f} | {row.p95:.0f} | {row.worst:.0f} | {row.open_ms:.0f}"
        lines.append(f"| {row.name} | {row.writes} | {times} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, print, and keep the table when asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--writes", type=int, default=60, help="how many writes per screen")
    parser.add_argument("--write", action="store_true", help="keep the table in dashboard_latency.md")
    chosen = parser.parse_args()
    report = table(rows(chosen.writes))
    print(report)
    if chosen.write:
        Path(__file__).with_suffix(".md").write_text(report, encoding="utf-8")
    return 0


if __name__ == "__main__":
    with stopped_by_signals():
        sys.exit(main())
