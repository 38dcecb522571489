"""What a browser shows of the web page."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, ConsoleMessage, Locator, expect, sync_playwright
from playwright.sync_api import Page as Tab

from support.pages import CHROMIUM, FLAGS

UNTIL_MS = 30_000
"""How long a browser may take to show something."""


@contextmanager
def browsers() -> Iterator[Browser]:
    """Give a browser, whose profile is new."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def faultless(browser: Browser) -> Iterator[Tab]:
    """Give a tab in which nothing may go wrong: no error, no violation of the policy, no request to another host."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    tab = context.new_page()
    wrong: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and "401" not in message.text:
            wrong.append(message.text)

    tab.on("console", hear)
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("request", lambda request: wrong.append(request.url) if "//127.0.0.1:" not in request.url else None)
    yield tab
    context.close()
    assert wrong == []


def shows(tab: Tab, text: str) -> None:
    """Wait until the records in sight have a text."""
    tab.locator(".view:not([hidden]) .row .message", has_text=text).first.wait_for()


def counts(found: Locator, number: int) -> None:
    """Wait until so many elements are found: for a moment, a view shows what was before, or nothing yet."""
    expect(found).to_have_count(number, timeout=UNTIL_MS)
