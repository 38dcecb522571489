"""The pictures of the page in docs/pictures: `make screenshots`, a minute and a half.

A demo of its own: a private RabbitMQ node, a shipper for each of four hosts, a file sink, the web page, and Debian's
Chromium, which sees in turn what somebody sees: the login, nothing yet, records, a stack trace, what a search finds,
the fleet with a host that is silent, a telephone, and a page whose server is gone.
"""

import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import BrowserContext
from playwright.sync_api import Page as Tab

from benchmarks.applications import Generator
from benchmarks.chromium import chromium, log_in
from benchmarks.demo_programs import PAGE, Page, Process, await_page, await_that, configure, messages_of, start
from benchmarks.scenes import HOSTS, SCENES, SILENT, TICK_S, TICKS, Name, written
from logbus.devbroker import DevBroker

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
MAX_BYTES = 200_000
NAMED = "benchmarks.named"
DIES_AT = 30
"""In which tick the shipper of the silent host is killed."""
INPUT = '  - {{paths: ["{root}/{host}/{name}.log"], label: {name}, multiline: {{preset: java}}}}\n'
SINKS_YML = """\
broker: {{url: "{url}"}}
state: {root}/state/sinks
sinks:
  archive: {{type: file, path: "{root}/archive/{{host}}/{{label}}.log"}}
  page: {{type: web, listen: "127.0.0.1:0", token_file: {root}/token, config: {root}/sinks.yml}}
"""
SHIPPER_YML = 'broker: {{url: "{url}"}}\nhost: {host}\nstate: {root}/state/{host}\ninputs:\n'


@dataclass(slots=True)
class World:
    """Whatever runs, and where: the sinks, and the shippers by their host."""

    root: Path
    url: str
    sinks: list[Process] = field(default_factory=list)
    shippers: dict[str, Process] = field(default_factory=dict)

    def start_sinks(self) -> Page:
        """Start the archive and the page. Raises SystemExit if the page does not run."""
        configure(self.root, self.url)
        (self.root / "sinks.yml").write_text(SINKS_YML.format(url=self.url, root=self.root))
        for name in ("archive", PAGE):
            self.sinks.append(start(self.root, NAMED, "--config", f"{self.root}/sinks.yml", name))
        page = await_page(self.root, self.sinks[-1], NAMED)
        await_that(lambda: b"ready: listening" in messages_of(self.root, NAMED, "archive").read_bytes())
        return page if isinstance(page, Page) else sys.exit(page)

    def start_shippers(self) -> None:
        """Start a shipper for each host."""
        for host, applications in HOSTS.items():
            (self.root / host).mkdir()
            config = self.root / f"{host}.yml"
            inputs = [INPUT.format(root=self.root, host=host, name=name) for name in applications]
            config.write_text(SHIPPER_YML.format(url=self.url, root=self.root, host=host) + "".join(inputs))
            self.shippers[host] = start(self.root, "shipper", "--config", str(config))

    def write(self, tab: Tab) -> None:
        """Let the applications write, at their pace, while the tab is open."""
        generator, began = Generator(), time.monotonic()
        for tick in range(TICKS):
            for host, application, lines in written(tick, generator):
                with (self.root / host / f"{application}.log").open("ab") as file:
                    file.write(lines)
            if tick == DIES_AT:
                tab.locator(".host", has_text=SILENT).first.wait_for()
                self.shippers[SILENT].kill()
            tab.wait_for_timeout(max(0.0, began + (tick + 1) * TICK_S - time.monotonic()) * 1000)

    def end(self) -> None:
        """Stop everything."""
        processes = [*self.shippers.values(), *self.sinks]
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(timeout=30)


def take(tab: Tab, name: Name) -> None:
    """Take a picture of what the tab shows. Raises SystemExit if it is too large."""
    scene = SCENES[name]
    tab.set_viewport_size({"width": scene.width, "height": scene.height})
    tab.wait_for_timeout(300)  # a frame or two in the new size
    path = PICTURES / scene.file
    tab.screenshot(path=path, animations="disabled", caret="hide")
    size_bytes = path.stat().st_size
    print(f"docs/pictures/{scene.file}: {size_bytes:,} bytes", flush=True)
    if size_bytes > MAX_BYTES:
        sys.exit(f"{path} has more than {MAX_BYTES:,} bytes: make it smaller")


def visit(context: BrowserContext, page: Page, name: Name, awaited: str) -> Tab:
    """Open a scene in a tab of its own, and wait for the first element that a selector names."""
    scene, tab = SCENES[name], context.new_page()
    tab.set_viewport_size({"width": scene.width, "height": scene.height})
    tab.goto(page.url.rstrip("/") + scene.path)
    tab.locator(awaited).first.wait_for()
    return tab


def take_all(world: World, context: BrowserContext) -> None:
    """Take the pictures, in the order in which they can be taken."""
    page = world.start_sinks()
    live = visit(context, page, "login", "#login[open]")
    take(live, "login")
    log_in(live, page.token)
    live.locator("#live .empty:visible").wait_for()
    take(live, "empty")
    trace, phone = (visit(context, page, name, "#live .empty:visible") for name in ("trace", "phone"))
    world.start_shippers()
    world.write(live)
    take(phone, "phone")
    take(live, "live")
    live.emulate_media(color_scheme="dark")
    take(live, "live-dark")
    live.emulate_media(color_scheme="light")
    trace.locator(".row [data-do=fold]").nth(-2).click()
    take(trace, "trace")
    take(visit(context, page, "search", "#found:has-text('looked into')"), "search")
    take(visit(context, page, "fleet", ".state-silent"), "fleet")
    world.sinks[-1].send_signal(signal.SIGTERM)
    live.locator("#connection[data-state=lost]").wait_for()
    take(live, "disconnected")


def main() -> int:
    """Take the pictures; return the exit code."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="logbus-pictures-") as root, DevBroker(Path(root) / "broker") as broker:
        world = World(Path(root), broker.url)
        try:
            with chromium() as browser:
                context = browser.new_context(
                    timezone_id="UTC", locale="en-GB", color_scheme="light", reduced_motion="reduce"
                )
                context.set_default_timeout(60_000)
                take_all(world, context)
        finally:
            world.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
