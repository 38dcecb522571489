"""The page's fleet in a real browser: rows stay where they are, and only what has changed is written."""

import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pika
import pytest
from playwright.sync_api import Page as Tab

from logbus.broker.messages import properties_of
from logbus.broker.topology import STATUS
from logbus.fleet.status import Status, encode
from support.pages import CHROMIUM, page_of
from support.programs import Start, Until
from support.tabs import counts

pytestmark = [
    pytest.mark.broker,
    pytest.mark.system,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed: see .ci/setup"),
]


@dataclass(frozen=True, slots=True)
class Hosts:
    """Says what shippers say."""

    url: str

    def say(self, *statuses: Status) -> None:
        """Publish statuses."""
        with pika.BlockingConnection(pika.URLParameters(self.url)) as connection:
            for each in statuses:
                message = encode(each, "guest")
                properties = properties_of(message, lasting=False)
                connection.channel().basic_publish(STATUS, message.routing_key, message.body, properties)


def status(host: str, instance: str = "first") -> Status:
    """Return what the shipper of a host says first."""
    now_us = time.time_ns() // 1000
    return Status(host, "shipper", instance, now_us, now_us)


def ten_seconds_later(first: Status, records: int) -> Status:
    """Return what it says next."""
    return msgspec.structs.replace(first, at_us=first.at_us + 10_000_000, records=records)


@pytest.fixture
def hosts(broker_url: str) -> Hosts:
    """Give what makes up hosts."""
    return Hosts(broker_url)


@pytest.fixture
def fleet(start: Start, broker_url: str, tmp_path: Path, eventually: Until, tab: Tab) -> Tab:
    """Give a tab with the fleet, of which nothing was heard yet."""
    tab.goto(f"{page_of(start, broker_url, tmp_path, eventually).url}/fleet")
    tab.locator("#fleet-summary", has_text="Nothing was heard").wait_for()
    return tab


def cells(tab: Tab, host: str) -> list[str]:
    """Return the texts of the row of a host."""
    return tab.locator("#fleet-rows tr", has_text=host).locator("td").all_inner_texts()


def test_a_row_stays_and_its_figures_change(fleet: Tab, hosts: Hosts) -> None:
    """With the next status, the row, the focus in it and the order remain, and another host takes its place between."""
    third = status("web-3")
    hosts.say(status("web-1"), third)
    row = fleet.locator("#fleet-rows tr", has_text="web-3")
    row.locator("button").focus()
    row.evaluate("(row) => { row.known = true; }")
    hosts.say(ten_seconds_later(third, records=2_000), status("web-2"))
    fleet.locator("#fleet-rows tr", has_text="web-2").wait_for()
    row.locator(".state-live").wait_for()
    assert cells(fleet, "web-3")[:5] == ["web-3", "shipper", "live", cells(fleet, "web-1")[3], "200"]
    assert [cells(fleet, host)[2] for host in ("web-1", "web-2")] == ["idle", "idle"]
    assert fleet.locator("#fleet-rows button").all_inner_texts() == ["web-1", "web-2", "web-3"]
    assert row.evaluate("(row) => row.known && row.contains(document.activeElement)")


def test_a_process_that_was_started_again_has_one_row(fleet: Tab, hosts: Hosts) -> None:
    """The row of a process that stopped goes when a new one of the same host is heard."""
    first = status("web-1")
    hosts.say(first, msgspec.structs.replace(first, state="stopped"))
    fleet.locator("#fleet-rows .state-gone").wait_for()
    hosts.say(status("web-1", instance="second"))
    fleet.locator("#fleet-rows .state-idle").wait_for()
    counts(fleet.locator("#fleet-rows tr"), 1)
