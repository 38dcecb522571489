"""The page for everybody: axe-core finds no serious flaw in any of its states, by day, by night, and on a phone."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from playwright.sync_api import Page as Tab

from support.pages import AXE, CHROMIUM, Page, page_of
from support.programs import Start, Until
from support.tabs import shows

pytestmark = [
    pytest.mark.broker,
    pytest.mark.system,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed: see .ci/setup"),
    pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: see .ci/setup"),
]

LOOKS = [("light", 1280), ("dark", 1280), ("light", 360), ("dark", 360)]
LINES = b"".join(
    b"2026-11-24 10:00:0%d %s shop - order %d\n" % (number, level, number)
    for number, level in enumerate([b"DEBUG", b"INFO", b"NOTICE", b"WARNING", b"ERROR", b"FATAL"])
)
TOKEN = "a-token-for-a-test"  # noqa: S105 - a test's own


@pytest.fixture
def archived(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> Page:
    """Give a page with an archive and a fleet, to which records of eight hosts and all severities were shipped."""
    sinks = tmp_path / "sinks.yml"
    archive = {"type": "file", "path": f"{tmp_path}/out/{{host}}/{{name}}"}
    state = str(tmp_path / "ledger")
    sinks.write_text(json.dumps({"broker": {"url": broker_url}, "state": state, "sinks": {"a": archive}}))
    sink = start("sinks", "--verbose", "--config", sinks, "a")
    eventually(lambda: sink.says("ready: listening"))
    page = page_of(start, broker_url, tmp_path, eventually, "--config", sinks)
    for number in range(8):
        page.ship(LINES + b'{"level": "error", "msg": "deep"}\n', host=f"host-{number}")
    eventually((tmp_path / "out" / "host-7" / "app.log").exists)
    log = tmp_path / "followed.log"
    log.write_bytes(b"one\n")
    start("shipper", "--host", "web-7", "--state", tmp_path / "s", log, url=broker_url)
    return page


@pytest.fixture(params=LOOKS, ids=lambda look: f"{look[0]}-{look[1]}")
def seen(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Tab]:
    """Give a tab for each look."""
    scheme, width = request.param
    context = browser.new_context(viewport={"width": width, "height": 780}, color_scheme=scheme)
    yield context.new_page()
    context.close()


def flaws(tab: Tab) -> list[str]:
    """Return what axe-core finds to be serious or critical, and where."""
    tab.evaluate(AXE.read_text())
    found = tab.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
    worst = [each for each in found if each["impact"] in {"serious", "critical"}]
    return [f"{each['id']}: {node['html'][:90]} {node['failureSummary']}" for each in worst for node in each["nodes"]]


def test_every_view_is_accessible(archived: Page, seen: Tab) -> None:
    """Live, unfolded, paused, search with bars and times, fleet, record, disconnected and so on: no serious flaw."""
    found: dict[str, list[str]] = {}
    seen.goto(archived.url)
    shows(seen, "deep")
    shows(seen, "one")
    found["live"] = flaws(seen)
    seen.locator(".row [data-do=fold]").last.click()
    seen.locator(".row.open").wait_for()
    found["unfolded"] = flaws(seen)
    seen.click("#pause")
    archived.ship(b"meanwhile\n")
    seen.locator("#counts", has_text="1 waiting").wait_for()
    found["paused"] = flaws(seen)
    seen.goto(f"{archived.url}/?text=nothing-like-it")
    seen.locator("#live .empty").wait_for()
    found["empty"] = flaws(seen)
    seen.goto(f"{archived.url}/search?text=order")
    shows(seen, "order")
    seen.locator("#found", has_text="looked into").wait_for()
    found["search"] = flaws(seen)
    seen.focus("#bars-canvas")
    seen.keyboard.press("Shift+ArrowLeft")
    seen.locator("#zoom").wait_for()
    found["bars"] = flaws(seen)
    if seen.locator("#more").is_visible():
        seen.click("#more")
    seen.click("#time")
    seen.locator("#presets").wait_for()
    found["times"] = flaws(seen)
    seen.goto(f"{archived.url}/search?text=nothing-like-it")
    seen.locator("#search .empty", has_text="Nothing found").wait_for()
    found["nothing found"] = flaws(seen)
    seen.goto(f"{archived.url}/search?text=(")
    seen.locator("#problem:not([hidden])").wait_for()
    found["a wrong question"] = flaws(seen)
    seen.goto(f"{archived.url}/fleet")
    seen.locator("#fleet-rows", has_text="web-7").wait_for()
    found["fleet"] = flaws(seen)
    seen.goto(f"{archived.url}/record?id=nothing:1&time=1&host=a&crc=0")
    seen.locator("#record-box", has_text="not found").wait_for()
    found["no record"] = flaws(seen)
    seen.goto(archived.url)
    shows(seen, "deep")
    assert archived.program.terminate() == 0
    seen.locator("#connection", has_text="disconnected").wait_for(state="attached")
    found["disconnected"] = flaws(seen)
    assert {state: each for state, each in found.items() if each} == {}


def test_the_login_is_accessible(start: Start, broker_url: str, tmp_path: Path, eventually: Until, seen: Tab) -> None:
    """The login, also after a wrong token, has no serious flaw."""
    token = tmp_path / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    page = page_of(start, broker_url, tmp_path, eventually, "--token-file", token)
    seen.goto(page.url)
    seen.locator("#login[open]").wait_for()
    assert flaws(seen) == []
    seen.fill("[name=password]", "a wrong one")
    seen.keyboard.press("Enter")
    seen.locator("#login-problem", has_text="wrong").wait_for()
    assert flaws(seen) == []
