"""Other ways to bring the same lines to the same broker, one message a line: they are done when the queue has them all.

    per line    ours: pika, persistent messages, pipelined confirms, 1,000 in flight; the best that such a design can do
    syslog-ng   Debian's, its amqp() destination with flow-control (without, it drops most lines); no confirms

syslog-ng is not installed (that would replace the system's logger): its packages are unpacked into a folder. Where apt
has none it is left out. Neither rsyslog's omrabbitmq nor omamqp1, nor Fluent Bit, is packaged in Debian 12.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pika
from pika.adapters.select_connection import IOLoop

from benchmarks.backlog import Source
from benchmarks.processes import Stage, await_that

QUEUE = "peers"
IN_FLIGHT = 1_000
PACKAGES = ("syslog-ng-core", "syslog-ng-mod-amqp", "libivykis0", "librabbitmq4", "libnet1", "libpcre3")
CONFIG = """\
@version: 3.38
options {{ keep-hostname(yes); stats-freq(0); threaded(yes); }};
source s {{ file("{source}" flags(no-parse) follow-freq(0.1)); }};
destination d {{ amqp(host("127.0.0.1") port({port}) exchange("peers") exchange-type("fanout") exchange-declare(no)
    routing-key("x") body("${{MESSAGE}}\\n") persistent(yes) username("guest") password("guest")); }};
log {{ source(s); destination(d); flags(flow-control); }};
"""


@contextmanager
def queue(url: str) -> Iterator["pika.adapters.blocking_connection.BlockingChannel"]:
    """Give a channel with a durable quorum queue behind the exchange `peers`."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.exchange_declare(QUEUE, "fanout", durable=True)
        channel.queue_declare(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
        channel.queue_bind(QUEUE, QUEUE)
        yield channel
        channel.queue_delete(QUEUE)


def per_line(stage: Stage, source: Source) -> float:
    """Return million lines a second, each line a message that is confirmed."""
    with queue(stage.broker.url), source.path.open("rb") as lines:
        began = time.perf_counter()
        _Pipelined(stage.broker.url, iter(lines)).run()
        return source.lines / (time.perf_counter() - began) / 1e6


class _Pipelined:
    """Publishes lines, so many in flight, until all are confirmed."""

    def __init__(self, url: str, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._sent = self._confirmed = 0
        self._properties = pika.BasicProperties(delivery_mode=2)  # type: ignore[no-untyped-call] # pika leaves it bare
        self._loop = IOLoop()
        self._connection = pika.SelectConnection(
            pika.URLParameters(url), on_open_callback=self._on_open, custom_ioloop=self._loop
        )

    def run(self) -> None:
        """Do it."""
        self._loop.start()

    def _on_open(self, connection: pika.SelectConnection) -> None:
        self._channel = connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: "pika.channel.Channel") -> None:
        channel.confirm_delivery(self._on_confirm)
        self._send()

    def _send(self) -> None:
        for line in islice(self._lines, IN_FLIGHT - (self._sent - self._confirmed)):
            self._channel.basic_publish(QUEUE, "", line, self._properties)
            self._sent += 1
        if self._confirmed == self._sent:
            self._loop.stop()

    def _on_confirm(self, frame: "pika.frame.Method[pika.spec.Basic.Ack | pika.spec.Basic.Nack]") -> None:
        tag = frame.method.delivery_tag
        self._confirmed = tag if frame.method.multiple else self._confirmed + 1
        self._send()


def syslog_ng(stage: Stage, source: Source) -> float | None:
    """Return million lines a second, None where syslog-ng cannot be had."""
    program = _unpacked(stage.root / "syslog-ng")
    if not program:
        return None
    folder = stage.folder()
    (folder / "conf").write_text(CONFIG.format(source=source.path, port=stage.broker.port))
    with queue(stage.broker.url) as channel:
        began = time.perf_counter()
        process = subprocess.Popen(
            [*program, "-F", "-f", "conf", "--persist-file", "persist", "--control", "control", "--pidfile", "pid"],
            cwd=folder,
            env=os.environ | {"LD_LIBRARY_PATH": _libraries(stage.root / "syslog-ng")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            await_that(lambda: _depth(channel) >= source.lines)
            return source.lines / (time.perf_counter() - began) / 1e6
        finally:
            process.kill()
            process.wait()


def _depth(channel: "pika.adapters.blocking_connection.BlockingChannel") -> int:
    time.sleep(0.05)
    return int(channel.queue_declare(QUEUE, passive=True).method.message_count)


def _unpacked(folder: Path) -> list[str | Path] | None:
    """Unpack syslog-ng's packages; return the command, None if apt has them not."""
    if not folder.exists():
        folder.mkdir()
        got = subprocess.run(["apt-get", "download", *PACKAGES], cwd=folder, capture_output=True, check=False)
        if got.returncode:
            return None
        for package in folder.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, folder], check=True)
    modules = next(folder.glob("usr/lib/syslog-ng/3.*"), None)
    return [folder / "usr/sbin/syslog-ng", "--module-path", modules] if modules else None


def _libraries(folder: Path) -> str:
    found = {str(path.parent) for path in folder.glob("**/*.so*")}
    return os.pathsep.join(sorted(found))
