"""Faults at random, round after round; after each, every output must be exactly what was written.

    make chaos                                     about a minute, with a seed that is printed
    make chaos ARGS='--minutes 30 --seed 7'        longer; with --record, the report goes into docs/guarantees.md
    make chaos ARGS='--beside REVISION'            each start of a process is of this version, or of that one of git's

A round: the writers write, two to five faults begin and end in random order, everything is healed, all that was written
must arrive, and is compared byte for byte. The first inexact round ends the run; its folder is kept.
"""

import itertools
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import click
import pika
import pika.exceptions

from logbus.batch import Message
from logbus.broker.messages import properties_of
from support.findings import Findings
from support.report import Report
from support.world import PATIENCE_S, ROLES, ROOT, World, limit_file_size

Heal = Callable[[], object]
SINKS = ROLES[1:]
AT_REST = "queue deleted"
"""What is in a deleted queue is lost, and nobody promised otherwise: so that happens before anything is written."""
TIMEOUTS = (
    "application:set_env(rabbit, consumer_timeout, {timeout_ms}), "
    "application:set_env(rabbit, channel_tick_interval, {tick_ms})."
)
FULL = '{"max-length": 8, "overflow": "reject-publish"}'


class Faults:
    """What can be done to a world; each method returns how it is healed."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self._world = world
        self._chance = chance
        self.kinds = {
            "kill": self._kill,
            "terminate": self._terminate,
            "kill broker": self._kill_broker,
            "freeze": self._freeze,
            "freeze broker": self._freeze_broker,
            "cut": self._cut,
            "cut after bytes": self._cut_after_bytes,
            "unreachable": self._unreachable,
            "half open": self._half_open,
            "slow wire": self._slow,
            "disk full": self._disk_full,
            "consumer timeout": self._consumer_timeout,
            "memory alarm": self._alarm,
            "queue full": self._queue_full,
            "poison": self._poison,
            "output moved": self._move_output,
            "restart of the broker's application": self._restart_application,
            AT_REST: self._delete_queue,
        }

    def begin(self, kind: str) -> Heal:
        """Let something go wrong."""
        return self.kinds[kind]()

    def _any(self) -> str:
        return self._chance.choice(ROLES)

    def _kill(self) -> Heal:
        role = self._any()
        self._world.kill(role, signal.SIGKILL)
        self._world.processes[role].wait()
        return lambda: self._world.start(role)

    def _terminate(self) -> Heal:
        role = self._any()
        asked = self._world.processes[role]  # another fault may kill it, and start one that nobody asked
        self._world.kill(role, signal.SIGTERM)
        self._world.kill(role, signal.SIGCONT)

        def heal() -> None:
            asked.wait(PATIENCE_S)
            self._world.start(role)

        return heal

    def _kill_broker(self) -> Heal:
        self._world.broker.kill()
        return self._world.broker.start

    def _freeze(self) -> Heal:
        role = self._any()
        self._world.kill(role, signal.SIGSTOP)
        return lambda: self._world.kill(role, signal.SIGCONT)

    def _freeze_broker(self) -> Heal:
        self._world.broker.pause()
        return self._world.broker.resume

    def _cut(self) -> Heal:
        self._world.proxies[self._any()].cut()
        return lambda: None

    def _cut_after_bytes(self) -> Heal:
        proxy = self._world.proxies[self._any()]
        proxy.limit(self._chance.randrange(200, 1_000_000))
        return lambda: None

    def _unreachable(self) -> Heal:
        proxy = self._world.proxies[self._any()]
        proxy.down()
        return proxy.up

    def _half_open(self) -> Heal:
        proxy = self._world.proxies[self._any()]
        proxy.pause()
        return proxy.resume

    def _slow(self) -> Heal:
        proxy = self._world.proxies[self._any()]
        for _ in range(20):
            proxy.pause()
            time.sleep(0.05)
            proxy.resume()
            time.sleep(0.005)
        return lambda: None

    def _disk_full(self) -> Heal:
        role = self._any()
        sizes = [path.stat().st_size for path in (self._world.root / role).rglob("*.log")]
        pid = self._world.processes[role].pid
        limit_file_size(pid, max(sizes, default=0) + self._chance.randrange(100_000))
        return lambda: limit_file_size(pid, -1)

    def _consumer_timeout(self) -> Heal:
        """Let a sink hold deliveries for longer than the broker waits for their acknowledgement."""
        role = self._chance.choice(SINKS)
        self._ctl("eval", TIMEOUTS.format(timeout_ms=1_000, tick_ms=200))
        self._world.proxies[role].cut()  # a channel looks as often as it was to when it was opened
        pid = self._world.processes[role].pid
        limit_file_size(pid, 0)

        def heal() -> None:
            time.sleep(self._chance.uniform(1.0, 3.0))
            limit_file_size(pid, -1)
            self._ctl("eval", TIMEOUTS.format(timeout_ms=1_800_000, tick_ms=60_000))

        return heal

    def _alarm(self) -> Heal:
        self._ctl("set_vm_memory_high_watermark", "absolute", "1")
        return lambda: self._ctl("set_vm_memory_high_watermark", "absolute", "1GiB")

    def _queue_full(self) -> Heal:
        role = self._chance.choice(SINKS)
        self._ctl("set_policy", f"full-{role}", rf"^logs\.{role}$", FULL, "--apply-to", "queues")
        freeze = self._chance.random() < 0.5
        if freeze:
            self._world.kill(role, signal.SIGSTOP)

        def heal() -> None:
            self._world.kill(role, signal.SIGCONT)
            time.sleep(self._chance.random())
            self._ctl("clear_policy", f"full-{role}")

        return heal

    def _poison(self) -> Heal:
        if not self._world.broker.running():
            return lambda: None
        with suppress(pika.exceptions.AMQPError), ExitStack() as closing:  # it may be blocked, or about to go away
            connection = pika.BlockingConnection(
                pika.URLParameters(self._world.broker.url + "?blocked_connection_timeout=5")
            )
            closing.callback(connection.close)
            channel = connection.channel()
            lies = properties_of(Message(b"", type="logbus.batch.v1", headers={"offset": -1}))
            channel.basic_publish("logs", "", b"\0" * 100, lies)
            channel.basic_publish("logs", "", b"a line of a stranger\n")
        return lambda: None

    def _move_output(self) -> Heal:
        self._world.move_outputs(self._chance.choice(SINKS))
        return lambda: None

    def _restart_application(self) -> Heal:
        self._ctl("stop_app")
        time.sleep(self._chance.random())
        self._world.broker.ctl("start_app")  # not _ctl: it would find the node not running
        return lambda: None

    def _delete_queue(self) -> Heal:
        self._world.delete_queue(self._chance.choice(SINKS))
        return lambda: None

    def _ctl(self, *args: str) -> None:
        self._world.broker.resume()
        if not self._world.broker.running():
            self._world.broker.start()
        self._world.broker.ctl(*args)


def play(world: World, seed: int, seconds: float, say: Callable[[str], object]) -> Report:
    """Run rounds for about that long; return what happened. Raises AssertionError if a process ended by itself."""
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    report = Report(seed)
    begun = time.monotonic()
    try:
        world.begin()
        report.broker = world.broker.ctl("version").strip()
        faults = Faults(world, chance)
        order = _kinds(list(faults.kinds), chance)
        while report.findings.exact and (report.rounds == 0 or time.monotonic() - begun < seconds):
            kinds = [next(order) for _ in range(chance.randint(2, 5))]
            say(f"round {report.rounds + 1}: {', '.join(kinds)}")
            _round(world, faults, kinds, chance)
            report.findings = _added(report.findings, world.check())
            report.rounds += 1
            report.faults.update(kinds)
            report.lines = sum(writer.lines for writer in world.writers)
            report.seconds = time.monotonic() - begun
    finally:
        world.close()
    return report


def checked_out(revision: str, tree: Path) -> Path:
    """Return the source tree of a revision, put where `tree` says."""
    tree.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", revision], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", tree], input=archive, check=True)
    return tree


def _kinds(kinds: list[str], chance: random.Random) -> "itertools.chain[str]":
    """Yield kinds for ever, each once before any comes again."""
    return itertools.chain.from_iterable(chance.sample(kinds, len(kinds)) for _ in itertools.count())


def _round(world: World, faults: Faults, kinds: list[str], chance: random.Random) -> None:
    heals: list[Heal] = []
    for kind in sorted(kinds, key=lambda kind: kind != AT_REST):
        world.writing = kind != AT_REST
        time.sleep(chance.uniform(0.0, 0.8))
        heals.append(faults.begin(kind))
        time.sleep(chance.expovariate(2.0))
        while heals and chance.random() < 0.6:
            heals.pop(chance.randrange(len(heals)))()
    world.writing = True
    chance.shuffle(heals)
    for heal in heals:
        heal()
    for role in ROLES:
        world.ended_well(role)
        world.start(role)
    time.sleep(chance.uniform(0.0, 1.0))


def _added(one: Findings, other: Findings) -> Findings:
    return Findings(
        one.lost + other.lost,
        one.duplicated + other.duplicated,
        one.out_of_order + other.out_of_order,
        one.filter_out_of_order + other.filter_out_of_order,
        one.mixed_lives + other.mixed_lives,
        other.detail,
    )


@click.command()
@click.option("--seed", type=int, help="Repeat a run's choices (not its timing).")
@click.option("--minutes", type=float, default=1.0, help="How long. [default: 1]")
@click.option("--record", is_flag=True, help="Put the report of an exact run into docs/guarantees.md.")
@click.option("--beside", metavar="REVISION", help="Start processes of this version of git's, too, in turn at random.")
@click.option("--by-date", is_flag=True, help="Write an archive with a folder for each day on which lines happened.")
def main(seed: int | None, minutes: float, record: bool, beside: str | None, by_date: bool) -> None:
    """Run the fault suite."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # leave nothing running
    seed = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    root = Path(tempfile.mkdtemp(prefix="logbus-chaos-"))
    click.echo(f"seed {seed}, in {root}")
    world = World(root, seed, by_date=by_date)
    world.trees += [checked_out(beside, root / "other")] if beside else []
    report = play(world, seed, minutes * 60, click.echo)
    click.echo(report)
    if report.findings.exact:
        shutil.rmtree(root, ignore_errors=True)
        if record:
            report.record(ROOT / "docs" / "guarantees.md")
    raise SystemExit(not report.findings.exact)


if __name__ == "__main__":
    main()
