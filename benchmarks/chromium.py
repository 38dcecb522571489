"""Chromium over the page, as its readers have it: started, logged in, and what it says of itself."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, CDPSession, sync_playwright
from playwright.sync_api import Page as Tab

from benchmarks.processes import MB

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--font-render-hinting=none", "--hide-scrollbars"),
)
LONG_TASKS = """
globalThis.longTasks = [];
new PerformanceObserver((seen) => { for (const each of seen.getEntries()) longTasks.push(each.duration); })
  .observe({ type: "longtask", buffered: true });
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Give a browser, whose profile is new."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def log_in(tab: Tab, token: str) -> None:
    """Give the token to the login that the page shows."""
    tab.fill("#login [name=password]", token)
    tab.click("#login button.primary")
    tab.locator("#login").wait_for(state="hidden")


@dataclass(frozen=True, slots=True)
class Gauge:
    """Measures one tab: its long tasks (over 50 ms), its JavaScript heap, and the memory that only its process has."""

    tab: Tab
    session: CDPSession
    renderers: tuple[int, ...]

    def heap_mb(self) -> float:
        """Return what its JavaScript holds now, before any collection."""
        return self._metric("JSHeapUsedSize") / MB

    def private_mb(self) -> float:
        """Return the memory that its process shares with nobody: what closing it would free."""
        return max(private_mb(pid) for pid in self.renderers)

    def cpu_s(self) -> float:
        """Return the processor time of its process since that started."""
        return self._metric("ProcessTime")

    def _metric(self, name: str) -> float:
        found = self.session.send("Performance.getMetrics")["metrics"]
        return next(float(each["value"]) for each in found if each["name"] == name)

    def counts(self) -> tuple[int, int]:
        """Return how many records the live view says were shown and skipped: `12 records shown \u00b7 0 skipped`."""
        shown, skipped, *_ = re.findall(r"[0-9,]+", self.tab.inner_text("#counts"))
        return int(shown.replace(",", "")), int(skipped.replace(",", ""))

    def long_tasks_ms(self) -> list[float]:
        """Return how long each long task of the main thread took."""
        return [float(each) for each in self.tab.evaluate("longTasks")]


def opened(browser: Browser, url: str, scripts: str = "", awaited: str = "#connection[data-state=live]") -> Gauge:
    """Open a page that nobody has to log in to, with more scripts; wait for what a selector names."""
    tab = browser.new_page(viewport={"width": 1280, "height": 800})
    tab.add_init_script(LONG_TASKS + scripts)
    tab.goto(url)
    tab.locator(awaited).first.wait_for()
    session = tab.context.new_cdp_session(tab)
    session.send("Performance.enable")
    return Gauge(tab, session, _renderers(browser))


def _renderers(browser: Browser) -> tuple[int, ...]:
    """Return the processes that show tabs."""
    found = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    return tuple(int(each["id"]) for each in found if each["type"] == "renderer")


def private_mb(pid: int) -> float:
    """Return the memory that a process shares with no other (Linux: smaps_rollup)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) * 1024 / MB
