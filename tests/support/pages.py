"""A web page that a real process serves, and what comes to whoever asks for its records."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from support.programs import Program, Start, Until

CHROMIUM = Path("/usr/bin/chromium")
AXE = Path(__file__).parents[1] / "node" / "node_modules" / "axe-core" / "axe.min.js"
"""What finds flaws for people who see, hear or move otherwise than most: https://github.com/dequelabs/axe-core"""
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


@dataclass(slots=True)
class Page:
    """A page, its process, and what feeds it."""

    program: Program
    url: str
    start: Start
    broker_url: str
    root: Path
    until: Until
    _shippers: list[str] = field(default_factory=list)

    def ship(self, content: bytes, host: str = "web-1", label: str = "app", name: str = "app.log") -> None:
        """Publish the lines of a file, and wait until that is done."""
        folder = self.root / f"in{len(self._shippers)}"
        folder.mkdir()
        (folder / name).write_bytes(content)
        state = self.root / f"state{len(self._shippers)}"
        self._shippers.append(host)
        flags = ("--once", "--host", host, "--label", label, "--state", state, folder / name)
        shipper = self.start("shipper", *flags, url=self.broker_url)
        assert shipper.ends() == 0, shipper.said()

    def ask(self, path: str, **cookies: str) -> httpx.Response:
        """Return what the server answers."""
        return httpx.get(self.url + path, cookies=cookies, timeout=30)

    def post(self, path: str, body: object, **headers: str) -> httpx.Response:
        """Return what the server answers to something from its own page."""
        return httpx.post(self.url + path, json=body, headers={"origin": self.url, **headers}, timeout=30)

    def events(self, path: str, **headers: str) -> Iterator[tuple[str, object, str]]:
        """Yield events as they come: name, data, id."""
        with httpx.stream("GET", self.url + path, headers=headers, timeout=30) as answer:
            assert answer.status_code == 200, answer.read()
            told = {"id": ""}
            for line in answer.iter_lines():
                if line:
                    name, _, text = line.partition(": ")
                    told[name] = text
                else:
                    yield told["event"], json.loads(told["data"]), told["id"]

    def records(self, path: str, count: int, **headers: str) -> tuple[list[dict[str, object]], str]:
        """Return so many records or a few more, and the id of the last event."""
        found: list[dict[str, object]] = []
        key = ""
        for name, data, at in self.events(path, **headers):
            key = at
            if name in {"records", "hits"}:
                assert isinstance(data, list)
                found += data
                if len(found) >= count:
                    break
        return found, key


def page_of(start: Start, broker_url: str, root: Path, until: Until, *flags: object) -> Page:
    """Return a page that is served from now on, and listens."""
    program = start("sinks", "web", "--verbose", "--listen", "127.0.0.1:0", *flags, url=broker_url)
    until(lambda: program.says("ready: listening") or program.process.poll() is not None)
    found = re.search(r"the page is at (https?://\S+[0-9])/", program.said())
    assert found, program.said()
    return Page(program, found[1], start, broker_url, root, until)
