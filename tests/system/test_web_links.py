"""Links to records in a real browser, long after: the output was rotated and compressed, and no memory holds them."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page as Tab

from support.pages import CHROMIUM, Page, page_of
from support.programs import Start, Until
from support.tabs import shows

pytestmark = [
    pytest.mark.broker,
    pytest.mark.system,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed: see .ci/setup"),
]

BEFORE = b"2026-11-24 09:00:00 INFO shop - before\n" * 20
LINKED = "2026-11-24 10:00:00 ERROR shop - order 4711 für <b>jo</b> failed"


@pytest.fixture
def archived(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> Page:
    """Give a page whose archive is rotated after 100 bytes, and compressed then."""
    sinks = tmp_path / "sinks.yml"
    rotate = {"max_bytes": 100, "compress": "gzip"}
    archive = {"type": "file", "path": f"{tmp_path}/out/{{host}}/{{name}}", "rotate": rotate}
    state = str(tmp_path / "ledger")
    sinks.write_text(json.dumps({"broker": {"url": broker_url}, "state": state, "sinks": {"a": archive}}))
    sink = start("sinks", "--verbose", "--config", sinks, "a")
    eventually(lambda: sink.says("ready: listening"))
    return page_of(start, broker_url, tmp_path, eventually, "--config", sinks)


def in_memory(page: Page, record: dict[str, object]) -> bool:
    """Return True if the page has a record in its memory."""
    place = f"id={record['stream']}:{record['offset']}"
    return page.ask(f"/api/record?{place}&time=1&host=nobody&crc=0").status_code == 200


def test_a_link_leads_to_a_record_that_was_rotated_and_compressed(
    archived: Page, tab: Tab, tmp_path: Path, eventually: Until
) -> None:
    """A link that was copied from the live view opens its record, whole, when only a compressed file holds it."""
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.goto(archived.url)
    archived.ship(BEFORE + f"{LINKED}\n".encode())
    shows(tab, LINKED)
    tab.locator(".row", has_text=LINKED).hover()
    tab.locator(".row", has_text=LINKED).locator("[data-do=link]").click()
    tab.locator("#toast", has_text="Link copied").wait_for()
    link = tab.evaluate("navigator.clipboard.readText()")
    [record], _ = archived.records("/api/live?text=4711", 1)
    assert in_memory(archived, record)
    folder = tmp_path / "out" / "web-1"
    eventually((folder / "app.log").exists)
    tab.goto(f"{archived.url}?text=after|x")  # what a filter searches is read, and takes the place of what was before
    archived.ship(b"2026-11-24 11:00:00 INFO shop - after\n")
    shows(tab, "INFO shop - after")
    eventually(lambda: list(folder.glob("app.log-*.gz")) and not [*folder.glob("app.log-*Z")])
    archived.ship((b"x" * 1_000 + b"\n") * 18_000, host="web-2")
    eventually(lambda: not in_memory(archived, record))
    assert (tmp_path / "ledger" / "a" / "index.db").exists()
    tab.goto(link)
    tab.locator("dd", has_text=LINKED).wait_for()
    said = tab.inner_text(".detail")
    assert ".gz" in said
    assert "web-1" in said
