"""A small world to break: log files that are written and rotated, a shipper, a broker, a file and a severity sink.

Everything is real, in one folder: processes, a RabbitMQ node, a TCP proxy in front of it for each process. What the
writers wrote since the last check is kept apart as the truth, and `check` compares the outputs with it.
"""

import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pika

from logbus.devbroker import DevBroker
from support import keep_new_queues, wait_until
from support.findings import Findings
from support.proxy import Proxy
from support.secret_files import put
from support.writer import LinkedWriter, MappedWriter, Writer

ROOT = Path(__file__).parents[2]
WRITERS = {"api": Writer, "web": Writer, "slow": Writer, "linked": LinkedWriter, "mapped": MappedWriter}
ROLES = ("shipper", "archive", "errors")
WRITE_EVERY_S = 0.02
QUIET_S = 0.6
PATIENCE_S = 300.0
"""How long something may take that always happens in the end: a slow machine proves nothing."""
BY_DESIGN = (
    *("stopped with unfinished work", "cannot use the state directory", "cannot open the ledger"),
    "cannot go on: too many open files",
)
"""What a process says last that ends with 1 and is to be started again."""

SHIPPER = """\
broker: {{url: {url}, password_file: {password}, heartbeat_s: {heartbeat_s}}}
host: h
state: {root}/state/shipper
scan_interval_s: 0.5
inputs: [{{paths: ["{root}/logs/*.log*"]}}]
"""
SINKS = """\
broker: {{url: {url}, password_file: {password}, heartbeat_s: {heartbeat_s}}}
state: {root}/state
sinks:
  archive: {{type: file, path: "{root}/archive/{{host}}/{{label}}.log"}}
  errors: {{type: severity, min: err, write: {{type: file, path: "{root}/errors/{{host}}/{{label}}.log"}}}}
"""


BY_DATE = {
    "inputs: [{{": "inputs: [{{fields: {{team: shop}}, ",
    "/archive/{{host}}/{{label}}.log": "/archive/{{host}}/{{fields.team}}/{{date}}/{{label}}.log",
}
"""What differs where the archive has a file for each day on which lines happened."""
PAST_S = 27 * 86_400
LINE_S = 2.0
"""So long ago the first line happened, and so much later each further one: a day has 43,200 lines."""


class World:
    """Processes, files and wires beneath `root`; `writing` lets the writers write.

    `trees`: the source trees of the versions that run; each start takes one of them at random. `by_date`: the archive
    has folders for fields and for the days on which lines happened.
    """

    heartbeat_s = 4

    def __init__(self, root: Path, seed: int, *, by_date: bool = False) -> None:
        self.root = root
        self._by_date = by_date
        for folder in ("logs", "state", "said", "passwords"):
            (root / folder).mkdir(parents=True)
        self.broker = self.start_broker()
        self.proxies = self.make_proxies()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.trees = [ROOT]
        self.writers = [kind(root / "logs", name, seed) for name, kind in WRITERS.items()]
        if by_date:
            for writer in self.writers:
                writer.clock = partial(_past, writer, time.time() - PAST_S)
        self.writing = False
        self._lock = threading.Lock()
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self._ended = False
        self._moves = 0
        self._configure()
        threading.Thread(target=self._write, daemon=True).start()

    def start_broker(self) -> DevBroker:
        """Start RabbitMQ; return the node that is asked what there is."""
        broker = DevBroker(self.root / "broker")
        broker.start()
        return broker

    def make_proxies(self) -> dict[str, Proxy]:
        """Return the wires of the roles that have one."""
        return {role: Proxy(self.broker.port) for role in ROLES}

    def begin(self) -> None:
        """Start everything, and wait until the queues would survive the node."""
        for role in ROLES:
            self.start(role)
        wait_until(lambda: all(map(self._is_bound, ROLES[1:])), PATIENCE_S)
        keep_new_queues(self.broker)

    def delete_queue(self, role: str) -> None:
        """Delete a sink's queue, and wait until the sink has declared and bound it again, and a kill would leave it."""
        with closing(pika.BlockingConnection(pika.URLParameters(self.broker.url))) as connection:
            connection.channel().queue_delete(f"logs.{role}")
        wait_until(lambda: self._is_bound(role), PATIENCE_S)
        keep_new_queues(self.broker)

    def start(self, role: str) -> None:
        """Start a process, unless it runs."""
        if self.running(role):
            return
        self.ended_well(role)
        command = {"shipper": ["shipper", "--config", self.root / "shipper.yml"]}.get(
            role, ["sinks", "--config", self.root / f"{role}.yml", role]
        )
        with (self.root / "said" / role).open("ab") as said:
            self.processes[role] = subprocess.Popen(
                [sys.executable, "-m", *map(str, command)],
                cwd=random.choice(self.trees), stdin=subprocess.DEVNULL, stdout=said, stderr=said,  # noqa: S311 - any will do
            )  # fmt: skip

    def running(self, role: str) -> bool:
        """Return True if a process is there (stopped ones are)."""
        return role in self.processes and self.processes[role].poll() is None

    def ended_well(self, role: str) -> None:
        """Fail if a process ended otherwise than by a signal of ours.

        One that was asked to stop while the broker was away, or that was to start on a full disk, says so and ends
        with 1, by design; one that was asked before it had begun to listen to signals ends by the signal itself.
        """
        if role not in self.processes:
            return
        code, said = self.processes[role].poll(), self.said(role)
        last = "".join(said.splitlines()[-3:])
        by_us = code in {None, 0, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGHUP} or any(
            each in last for each in BY_DESIGN
        )
        assert by_us, f"{role} exited with {code}: {said[-2000:]}"

    def kill(self, role: str, number: int) -> None:
        """Send a signal."""
        self.processes[role].send_signal(number)

    def url(self, role: str) -> str:
        """Return the broker's URL by way of the proxy of `role`."""
        return self.broker.url.replace(f":{self.broker.port}/", f":{self.proxies[role].port}/")

    def outputs(self, role: str, name: str) -> list[Path]:
        """Return the files that hold the lines of a writer, the oldest first: those moved away, and the present one."""
        folders = [self.root / role / "h"]
        if self._by_date and role == "archive":
            folders = sorted(folders[0].glob("shop/*"))
        found: list[Path] = []
        for folder in folders:
            found += sorted(folder.glob(f"{name}.log.*"))
            found += folder.glob(f"{name}.log")
        return found

    def move_outputs(self, role: str) -> None:
        """Rename a sink's outputs, as logrotate does."""
        self._moves += 1
        for path in (self.root / role / "h").rglob("*.log"):
            path.rename(f"{path}.{self._moves:06}")

    def check(self) -> Findings:
        """Wait until all that was written has arrived, compare, and forget it: the outputs are moved away."""
        self.writing = False
        deadline = time.monotonic() + PATIENCE_S
        with self._lock:
            while not self._quiet() and time.monotonic() < deadline:
                time.sleep(QUIET_S)
            findings = Findings()
            for writer in self.writers:
                self._compare(writer, findings)
            if findings.exact:
                self._forget()
        return findings

    def said(self, role: str) -> str:
        """Return what a process wrote to standard error."""
        return (self.root / "said" / role).read_text(errors="backslashreplace")

    def close(self) -> None:
        """End everything."""
        self.writing, self._ended = False, True
        with self._lock:
            for writer in self.writers:
                writer.close()
        for process in self.processes.values():
            process.kill()
            process.wait()
        for proxy in self.proxies.values():
            proxy.close()
        self.kill_broker()

    def kill_broker(self) -> None:
        """End RabbitMQ."""
        self.broker.kill()

    def _configure(self) -> None:
        for role in ROLES:
            self.put_password(role)
            self.configure(role, self.url(role))

    def configure(self, role: str, url: str) -> None:
        """Write the configuration of a role."""
        text = SHIPPER if role == "shipper" else SINKS
        for plain, by_date in BY_DATE.items() if self._by_date else ():
            text = text.replace(plain, by_date)
        keys = {"url": url.replace(":guest@", "@"), "password": self._password(role), "heartbeat_s": self.heartbeat_s}
        put(self.root / f"{role}.yml", text.format(root=self.root, **keys).encode())

    def change_configuration(self, role: str) -> None:
        """Write a configuration that differs from the present one."""
        path = self.root / f"{role}.yml"
        old, new = f"heartbeat_s: {self.heartbeat_s}}}", f"heartbeat_s: {self.heartbeat_s + 1}}}"
        text = path.read_text()
        put(path, (text.replace(old, new) if old in text else text.replace(new, old)).encode())

    def put_password(self, role: str) -> None:
        """Replace the file of a role's password by one that says the same."""
        put(self._password(role), b"guest\n")

    def _password(self, role: str) -> Path:
        return self.root / "passwords" / role

    def _is_bound(self, role: str) -> bool:
        rows = self.broker.ctl("list_bindings", "source_name", "destination_name", "routing_key").splitlines()
        source, key = ("logs", "") if role == "archive" else ("logs.topic", "*.*.#.err.#")  # its last one
        return [source, f"logs.{role}", key] in [row.split("\t") for row in rows]

    def _write(self) -> None:
        while not self._ended:
            with self._lock:
                if self.writing:
                    for writer in self.writers:
                        writer.write()
                        if self._random.random() < 0.01 and self._may_rotate(writer):
                            writer.rotate()
            time.sleep(WRITE_EVERY_S)

    def _may_rotate(self, writer: Writer) -> bool:
        """Return True if no promise is broken: what no input names, and no shipper has ever seen, would be lost."""
        if not isinstance(writer, LinkedWriter):
            return True
        registry = self.root / "state" / "shipper" / "registry.sqlite"
        with suppress(sqlite3.Error), closing(sqlite3.connect(f"{registry.as_uri()}?mode=ro", uri=True)) as db:
            seen = "SELECT 1 FROM streams WHERE inode = ? AND generation IS ? AND NOT done AND published > 0"
            return db.execute(seen, writer.inode).fetchone() is not None
        return False

    def _expected(self, role: str, writer: Writer) -> bytes:
        if role == "archive":
            return bytes(writer.truth)
        return b"".join(line for line in bytes(writer.truth).splitlines(keepends=True) if b" ERROR " in line)

    def _sizes(self) -> dict[tuple[str, str], int]:
        places = [(role, name) for role in ROLES[1:] for name in WRITERS]
        return {place: sum(path.stat().st_size for path in self.outputs(*place)) for place in places}

    def _quiet(self) -> bool:
        """Return True if everything has arrived (or more), the queues are empty, and nothing moves any more."""
        before = self._sizes()
        for role in ROLES[1:]:
            for writer in self.writers:
                if before[role, writer.path.stem] < len(self._expected(role, writer)):
                    return False
        time.sleep(QUIET_S)
        return before == self._sizes() and not any(self.depth(f"logs.{role}") for role in ROLES[1:])

    def depth(self, queue: str) -> int:
        """Return how many messages a queue has ready."""
        with closing(pika.BlockingConnection(pika.URLParameters(self.broker.url))) as connection:
            return int(connection.channel().queue_declare(queue, passive=True).method.message_count)

    def _compare(self, writer: Writer, findings: Findings) -> None:
        for role in ROLES[1:]:
            found = b"".join(path.read_bytes() for path in self.outputs(role, writer.path.stem))
            findings.compare(found, self._expected(role, writer), f"{role} {writer.path.stem}", whole=role == "archive")

    def _forget(self) -> None:
        """Delete what is known to be right."""
        for role in ROLES[1:]:
            for writer in self.writers:
                for path in self.outputs(role, writer.path.stem):
                    path.unlink()
        for writer in self.writers:
            writer.forget()


def _past(writer: Writer, begun_s: float) -> str:
    """Return when a writer's line happened: each later than the one before, and none in the future."""
    return f"{datetime.fromtimestamp(min(begun_s + LINE_S * writer.lines, time.time()), UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def limit_file_size(pid: int, limit_bytes: int) -> None:
    """Make each file of a process end at `limit_bytes` (-1: nowhere), as on a full disk."""
    _limit(pid, resource.RLIMIT_FSIZE, limit_bytes)
    os.sched_yield()


def limit_descriptors(pid: int, most: int) -> None:
    """Let a process open only what has a descriptor below `most`."""
    _limit(pid, resource.RLIMIT_NOFILE, most)


def _limit(pid: int, what: int, most: int) -> None:
    with suppress(ProcessLookupError):
        _, hard = resource.prlimit(pid, what)
        resource.prlimit(pid, what, (most, hard))
