"""The search of the page in a real browser: bars by time, which lead into a stretch of it and back, and how it ends."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from playwright.sync_api import Page as Tab

from support.pages import CHROMIUM, Page, page_of
from support.programs import Start, Until
from support.tabs import counts, shows

pytestmark = [
    pytest.mark.broker,
    pytest.mark.system,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed: see .ci/setup"),
]

BEGAN = datetime(2026, 11, 24, 10, tzinfo=UTC)
MINUTES = 100
A_MINUTE = 6
LEVELS = ("INFO", "INFO", "WARNING", "ERROR", "DEBUG", "INFO")
HOUR = "since=2026-11-24+10:00Z&until=2026-11-24+11:40Z"
HEIGHT_MIN = 20


def lines() -> bytes:
    """Return six lines a minute: more than a search shows."""
    moments = [(BEGAN + timedelta(minutes=minute), minute) for minute in range(MINUTES)]
    return "".join(
        f"{moment:%Y-%m-%d %H:%M}:{10 * number:02d}Z {level} shop - order {minute}.{number}\n"
        for moment, minute in moments
        for number, level in enumerate(LEVELS)
    ).encode()


@pytest.fixture
def config(broker_url: str, tmp_path: Path) -> Path:
    """Return a sinks.yml with an archive."""
    path = tmp_path / "sinks.yml"
    archive = {"type": "file", "path": f"{tmp_path}/out/{{host}}/{{name}}"}
    state = str(tmp_path / "ledger")
    path.write_text(json.dumps({"broker": {"url": broker_url}, "state": state, "sinks": {"a": archive}}))
    return path


@pytest.fixture
def archived(start: Start, broker_url: str, tmp_path: Path, config: Path, eventually: Until) -> Page:
    """Give a page with an archive of a hundred minutes."""
    sink = start("sinks", "--verbose", "--config", config, "a")
    eventually(lambda: sink.says("ready: listening"))
    page = page_of(start, broker_url, tmp_path, eventually, "--config", config)
    page.ship(lines())
    output = tmp_path / "out" / "web-1" / "app.log"
    eventually(lambda: output.exists() and output.read_bytes() == lines())
    return page


def ended(tab: Tab, legend: str) -> None:
    """Wait until a search is over, and its bars count so many records."""
    tab.locator("#bars-legend", has_text=legend).wait_for()
    tab.locator("#cancel").wait_for(state="hidden")
    tab.locator("#found", has_text="looked into").wait_for()


def times(tab: Tab) -> tuple[str, str]:
    """Return since and until, as the form has them."""
    return tab.input_value("[name=since]"), tab.input_value("[name=until]")


def bars_of(page: Page, words: str) -> tuple[list[int], list[list[int]]]:
    """Return the edges and rows of the last bars of a search."""
    told = {name: data for name, data, _ in page.events(f"/api/search?{words}")}
    assert "done" in told
    bars = told["bars"]
    assert isinstance(bars, dict)
    return bars["edges"], bars["rows"]


@pytest.mark.parametrize("text", ["", "order 1", "order 7.3"])
def test_bars_count_what_a_search_counts(archived: Page, config: Path, text: str) -> None:
    """The bars are the counts of `sinks search --count-by hour,severity`, also where few or none are found."""
    command = [sys.executable, "-m", "sinks", "search", *([text] if text else []), "--config", str(config), "--utc"]
    done = subprocess.run(
        [*command, "--count-by", "hour,severity", "--json"], capture_output=True, check=False, timeout=120
    )
    counted = [json.loads(line) for line in done.stdout.splitlines()]
    edges, rows = bars_of(archived, f"utc=1&{HOUR}&text={text}")
    assert len(edges) == MINUTES + 1
    assert not sum([*rows[0], *rows[-1]])
    found: dict[tuple[str, str], int] = {}
    words = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
    for edge, row in zip(edges, rows[1:], strict=True):
        hour = f"{datetime.fromtimestamp(edge / 1e6, UTC):%Y-%m-%d %H:00}"
        for word, number in zip(words, row, strict=True):
            found[hour, word] = found.get((hour, word), 0) + number
    assert {key: number for key, number in found.items() if number} == {
        (each["hour"], each["severity"]): each["count"] for each in counted
    }
    assert counted


def test_a_drag_zooms_and_back_leads_out(archived: Page, tab: Tab) -> None:
    """A stretch that is dragged is searched, is in the address, and the browser's "back" shows all again."""
    tab.goto(f"{archived.url}/search?text=order&{HOUR}")
    ended(tab, f"{MINUTES * A_MINUTE} records")
    box = tab.locator("#bars-canvas").bounding_box()
    assert box
    assert box["height"] > HEIGHT_MIN
    bar = box["width"] / MINUTES
    tab.mouse.move(box["x"] + 10.5 * bar, box["y"] + 9)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 19.5 * bar, box["y"] + 12, steps=4)
    tab.mouse.up()
    ended(tab, "60 records")
    began = tab.evaluate(f"new Date({BEGAN.timestamp() + 600} * 1000).toTimeString().slice(0, 5)")
    since, until = times(tab)
    assert f" {began}" in since
    assert "text=order" in tab.url
    shows(tab, "order 19.5")
    counts(tab.locator(".row", has_text="order 20."), 0)
    tab.reload()
    ended(tab, "60 records")
    assert times(tab) == (since, until)
    tab.go_back()
    ended(tab, f"{MINUTES * A_MINUTE} records")
    assert times(tab) == ("2026-11-24 10:00Z", "2026-11-24 11:40Z")


def test_the_keyboard_zooms(archived: Page, tab: Tab) -> None:
    """Arrows move, with Shift they select, Enter zooms in, Escape and Backspace lead out; each is told in words."""
    tab.goto(f"{archived.url}/search?text=order&{HOUR}")
    ended(tab, f"{MINUTES * A_MINUTE} records")
    canvas = tab.locator("#bars-canvas")
    canvas.focus()
    for key in ("Home", "ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowLeft"):
        canvas.press(key)
    assert "12 records (err and worse 2, warning 2, notice, info 6, debug 2)" in str(
        canvas.get_attribute("aria-valuetext")
    )
    canvas.press("Enter")
    ended(tab, "12 records")
    shows(tab, "order 2.5")
    assert tab.evaluate("document.activeElement.id") == "bars-canvas"
    canvas.press("Home")
    canvas.press("Enter")
    ended(tab, "1 record")
    canvas.press("Escape")
    ended(tab, "12 records")
    canvas.press("Backspace")
    ended(tab, f"{MINUTES * A_MINUTE} records")
    assert tab.locator("#zoom-out").is_hidden()
    counts(tab.locator("#bars-rows tr"), MINUTES)


def test_a_time_is_chosen_from_what_is_often_wanted(archived: Page, tab: Tab) -> None:
    """A preset and the calendar are in the address, free text stays possible, and the zones are said."""
    tab.goto(f"{archived.url}/search?text=order")
    ended(tab, f"{MINUTES * A_MINUTE} records")
    tab.focus("#time")
    tab.keyboard.press("Enter")
    tab.locator("#zone", has_text="as on the server").wait_for()
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/search?text=order&since=15m")
    assert tab.inner_text("#time") == "last 15 min"
    assert tab.locator("#times").is_hidden()
    tab.click("#time")
    tab.fill("#pick-since", "2026-11-24T11:00:00")
    tab.fill("[name=until]", "now")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/search?text=order&since=2026-11-24+11%3A00*&until=now")
    assert tab.inner_text("#time").startswith("2026-11-24 11:00")
    tab.locator("#found", has_text="looked into").wait_for()


def test_a_search_that_is_cancelled_keeps_what_was_found(archived: Page, browser: Browser, tmp_path: Path) -> None:
    """While a large file is counted, hits are shown already; Cancel says that the answer is partial."""
    with (tmp_path / "out" / "web-1" / "large.log").open("wb") as file:
        for _ in range(150):
            file.write(
                b"2026-11-24 09:00:00Z INFO shop - the order of another hour, of which there are many\n" * 12_000
            )
    tab = browser.new_context().new_page()
    tab.goto(f"{archived.url}/search?text=order&since=2026-11-24")
    tab.locator("#found", has_text="counting all").wait_for()
    assert "left" in tab.inner_text("#found") or " of " in tab.inner_text("#found")
    assert tab.locator("#search-rows .row").count() > 0
    tab.click("#cancel")
    tab.locator("#found", has_text="cancelled: 200 records found so far, the answer is partial").wait_for()
    tab.locator("#bars-legend", has_text="partial").wait_for()
    tab.locator("#cancel").wait_for(state="hidden")
    tab.context.close()


def test_bars_are_dragged_by_touch(archived: Page, browser: Browser) -> None:
    """On a phone a finger chooses a stretch, and a button leads out."""
    context = browser.new_context(viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True)
    tab = context.new_page()
    tab.goto(f"{archived.url}/search?text=order&{HOUR}")
    ended(tab, f"{MINUTES * A_MINUTE} records")
    box = tab.locator("#bars-canvas").bounding_box()
    assert box
    touch = tab.context.new_cdp_session(tab)
    left, right, y = box["x"] + box["width"] * 0.25, box["x"] + box["width"] * 0.5, box["y"] + 10
    for kind, xs in (("touchStart", [left]), ("touchMove", [left + 20]), ("touchMove", [right]), ("touchEnd", [])):
        points = [{"x": x, "y": y} for x in xs]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    tab.locator("#zoom-out").wait_for()
    tab.locator("#found", has_text="looked into").wait_for()
    assert "since=" in tab.url
    assert tab.evaluate("document.documentElement.scrollWidth") == 390
    tab.click("#zoom-out")
    ended(tab, f"{MINUTES * A_MINUTE} records")
    context.close()
