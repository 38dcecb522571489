"""The web sink under measurement, and those who look at it without a browser."""

import http.client
import json
import re
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import Stage, await_that, finish, start
from logbus.devbroker.processes import free_ports

CHUNK_BYTES = 1 << 16
_RECORD = b',"stream":"'
"""Once in each record as the page is sent it: in a message, its quotes would be escaped."""


@dataclass(frozen=True, slots=True)
class Served:
    """A page that everybody on this host may see: its process, its URL, its metrics, and what it says."""

    pid: int
    url: str
    metrics_url: str
    messages: Path

    def queue_messages(self) -> int:
        """Return how many messages wait in its queue, as of some seconds ago."""
        with urllib.request.urlopen(self.metrics_url) as answer:  # noqa: S310 - our own process
            found = re.search(rb"^logbus_queue_messages(?:\{.*\})? ([0-9.e+]+)$", answer.read(), re.MULTILINE)
        return int(float(found[1])) if found else 0

    def bytes_skipped(self) -> int:
        """Return how many bytes it said that it missed, because RabbitMQ keeps a bounded amount for it."""
        found = re.findall(r"([0-9,]+) bytes skipped: the reader was too slow", self.messages.read_text())
        return sum(int(each.replace(",", "")) for each in found)


@contextmanager
def served(stage: Stage, folder: Path) -> Iterator[Served]:
    """Give a page that listens; it is stopped afterwards."""
    (port,) = free_ports(1)
    config, messages = folder / "sinks.yml", folder / "page.txt"
    config.write_text(
        f'broker: {{url: "{stage.broker.url}"}}\nstate: {folder}/state\nsinks:\n'
        f'  page: {{type: web, listen: "127.0.0.1:0", metrics: "127.0.0.1:{port}"}}\n'
    )
    pid = start(["sinks", "--config", config, "page", "-v"], messages=messages)
    try:
        await_that(lambda: re.search("ready: listening|CRITICAL", messages.read_text()))
        yield Served(pid, url_in(messages), f"http://127.0.0.1:{port}/metrics", messages)
    finally:
        finish(pid, stop=True)


def url_in(messages: Path) -> str:
    """Return where a page says that it is, without the last slash. Raises RuntimeError."""
    found = re.search(r"the page is at (http://[^\s/]+)/", messages.read_text())
    if not found:
        raise RuntimeError(f"there is no page: {messages.read_text()}")
    return found[1]


class Looker(threading.Thread):
    """Reads the live records as a browser does, and counts those that are shown and skipped, until the page is gone."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.shown = self.skipped = 0
        self.ready = threading.Event()
        self._url = url

    @property
    def accounted(self) -> int:
        """Shown and skipped records."""
        return self.shown + self.skipped

    def run(self) -> None:
        """Count."""
        connection = http.client.HTTPConnection(self._url.removeprefix("http://"))
        connection.request("GET", "/api/live")
        answer, rest = connection.getresponse(), b""
        with suppress(OSError, http.client.HTTPException):
            while piece := answer.read1(CHUNK_BYTES):
                whole, end, rest = (rest + piece).rpartition(b"\n\n")
                self._count(whole + end)
        connection.close()

    def _count(self, events: bytes) -> None:
        self.shown += events.count(_RECORD)
        for data in re.findall(rb"event: skipped\ndata: (.*)\n", events):
            self.skipped += json.loads(data)["total"]
        if b"event: hello" in events:
            self.ready.set()
