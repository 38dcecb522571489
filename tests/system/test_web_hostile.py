"""What others write, in every place where the page shows it: text, and never more."""

from pathlib import Path
from urllib.parse import quote

import pytest
import yaml
from playwright.sync_api import Browser
from playwright.sync_api import Page as Tab

from support.pages import CHROMIUM, Page, page_of
from support.programs import Start, Until
from support.tabs import shows

pytestmark = [
    pytest.mark.broker,
    pytest.mark.system,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed: see .ci/setup"),
]

PAYLOADS = (
    "<script>document.title='taken'</script>",
    "<img src=x onerror=\"document.title='taken'\">",
    "javascript:document.title='taken'",
    "\"'><svg onload=document.title='taken'>",
    "__proto__",
)
NAME = "(({ name, id, textContent }) => name || id || textContent)(document.activeElement)"
PARAMETERS = ["text", "min", "severity", "host", "label", "field", "since", "until", "limit", "id", "time", "crc"]
ELEMENTS = "main :is(script, img, svg, iframe, a, object, embed, style, link), .problem > *"


def is_clean(tab: Tab) -> bool:
    """Return True if nothing became an element, or ran."""
    return tab.locator(ELEMENTS).count() == 0 and "Logbus" in tab.title()


@pytest.fixture
def page(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> Page:
    """Give a page with an archive and a fleet, where hosts, labels, paths, fields and records are hostile."""
    sinks = tmp_path / "sinks.yml"
    archive = {"type": "file", "format": "json", "path": f"{tmp_path}/out/all.log"}
    state = str(tmp_path / "ledger")
    sinks.write_text(yaml.safe_dump({"broker": {"url": broker_url}, "state": state, "sinks": {"a": archive}}))
    sink = start("sinks", "--verbose", "--config", sinks, "a")
    eventually(lambda: sink.says("ready: listening"))
    page = page_of(start, broker_url, tmp_path, eventually, "--config", sinks)
    log = tmp_path / "<b>hostile<b>.log"
    log.write_text("".join(f'{{"level": "{each!r}", "{each!r}": 1}}\n{each} end\n' for each in map(quote, PAYLOADS)))
    log.write_text(log.read_text() + "".join(f"[{each}] {each}\n" for each in PAYLOADS) + "the end\n")
    fields = {f"field_{number}": payload for number, payload in enumerate(PAYLOADS)}
    inputs = [{"paths": [str(log)], "label": PAYLOADS[3], "fields": fields}]
    shipper = tmp_path / "shipper.yml"
    keys = {"broker": {"url": broker_url}, "state": str(tmp_path / "s"), "host": PAYLOADS[0], "inputs": inputs}
    shipper.write_text(yaml.safe_dump(keys))
    program = start("shipper", "--config", shipper)
    eventually(lambda: (tmp_path / "out" / "all.log").exists() or program.process.poll() is not None)
    assert program.process.poll() is None, program.said()
    return page


def test_every_view_shows_what_is_hostile_as_text(page: Page, tab: Tab) -> None:
    """Live, search, one record with its fields, and the fleet, of a hostile host."""
    tab.goto(page.url)
    shows(tab, "the end")
    for fold in tab.locator("[data-do=fold]").all():
        fold.click()
    assert is_clean(tab)
    assert tab.locator(".host", has_text=PAYLOADS[0]).count() > 5
    [record], _ = page.records("/api/live?text=the+end", 1)
    tab.goto(f"{page.url}/record?id={record['stream']}:{record['offset']}")
    for payload in PAYLOADS:
        tab.locator("dd", has_text=payload).first.wait_for()
    assert is_clean(tab)
    tab.goto(f"{page.url}/search?text=taken")
    tab.locator("#found", has_text="looked into").wait_for()
    shows(tab, PAYLOADS[1])
    assert is_clean(tab)
    tab.goto(f"{page.url}/fleet")
    tab.locator("#fleet-rows button", has_text=PAYLOADS[0]).wait_for()
    assert is_clean(tab)
    tab.locator("#fleet-rows button", has_text=PAYLOADS[0]).click()
    shows(tab, "the end")
    assert is_clean(tab)


@pytest.mark.parametrize("path", ["/", "/search", "/record", "/fleet"])
def test_addresses_are_text(page: Page, browser: Browser, path: str) -> None:
    """A link that somebody sends, with something hostile in every parameter, shows it as text, also in an error."""
    tab = browser.new_page()  # the browser itself writes a 400 to its console
    for payload in PAYLOADS:
        for name in PARAMETERS:
            tab.goto(f"{page.url}{path}?{name}={quote(payload)}&{quote(payload)}={quote(payload)}")
            assert is_clean(tab)
    tab.goto(f"{page.url}/?min={quote(PAYLOADS[1])}")
    tab.locator("#problem", has_text="<img").wait_for()
    assert is_clean(tab)
    tab.close()


def test_the_keyboard_reaches_everything(page: Page, tab: Tab) -> None:
    """Tab leads to every control and to the list, and none keeps it; search and pause need no mouse."""
    tab.goto(page.url)
    shows(tab, "the end")
    reached: list[str] = []
    for _ in range(14):
        tab.keyboard.press("Tab")
        reached.append(tab.evaluate(NAME))
    for control in ("Search", "Fleet", "text", "min", "host", "label", "field", "pause", "clear", "live-rows"):
        assert control in reached
    tab.focus("#live-rows")
    tab.keyboard.press("p")
    tab.locator("#connection", has_text="paused").wait_for()
    tab.keyboard.press("p")
    tab.keyboard.press("2")
    tab.wait_for_url("**/search*")
    tab.keyboard.press("/")
    tab.keyboard.type("the end")
    tab.keyboard.press("Enter")
    tab.locator("#found", has_text="looked into").wait_for()
    tab.focus("#search-rows")
    for key in ("j", "Enter", "l"):
        tab.keyboard.press(key)
    tab.locator("#toast", has_text="Link copied").wait_for()
