"""Assembles one sink from ledger, sink, queue and runner, and runs it."""

import logging
import os
import secrets
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from logbus import daemon, severity, telemetry
from logbus.broker import topology
from logbus.broker.connecting.connection import Connection
from logbus.broker.consuming.consumer import Consumer
from logbus.command_line.later import later
from logbus.control.answering import Answering
from logbus.control.orders import LogLevel, reloading
from logbus.control.verbs import Verb, Verbs
from logbus.fleet.reporting import Reporter
from sinks.delivery.depth import Depth
from sinks.delivery.runner import Runner
from sinks.delivery.skipped import watched
from sinks.fleet.hearing import Hearing
from sinks.fleet.own_status import describer, troubles
from sinks.ledger.ledger import Ledger
from sinks.settings import Plan
from sinks.sink import Context, HearingSink, PatientSink, bindings_of, gives_way, outputs_of

logger = logging.getLogger("logbus.ready")
serve = later("logbus.telemetry.serving", "serve")
"""Needs prometheus-client, which takes long to import."""
NICENESS = 10
"""Of a sink that gives way: a tenth of what others get of a busy processor."""


def run(plan: Plan, patterns: tuple[str, ...] = (), read_again: Callable[[], object] | None = None) -> int:
    """Run a sink until SIGTERM; return the exit code. `patterns` replace the bindings of its type.

    `read_again` reads the plan's configuration again, on SIGHUP.
    """
    if plan.common.metrics:
        telemetry.identify(sink=plan.name)
        serve(plan.common.metrics, "sink")
    if gives_way(plan.sink_type, plan.settings):
        os.nice(NICENESS)  # threads inherit it
    severity.prepare()
    ledger = Ledger(plan.state, plan.common.put_away_s)
    with ExitStack() as unless_open:
        unless_open.callback(ledger.close)
        sink = plan.sink_type.open_sink(plan.settings, Context(plan.name, plan.state, ledger.remember, ledger.is_new))
        unless_open.pop_all()
    prefetch = plan.common.prefetch_batches(may_wait=isinstance(sink, PatientSink))
    link = Connection(plan.broker, f"sink {plan.name}")
    patterns = patterns or bindings_of(plan.sink_type, plan.settings)
    if isinstance(sink, HearingSink):
        link.guests.invite(Hearing(sink.hear))
    if plan.state is None and not patterns:
        sink = watched(sink)
    consumer = Consumer(link, queue_of(plan), patterns, prefetch)
    if outputs := outputs_of(plan.sink_type, plan.settings):
        logger.info("writing to %s, with the ledger in %s", ", ".join(outputs), plan.state)
    runner = Runner(
        consumer,
        sink,
        ledger,
        commit_bytes=plan.common.commit_bytes,
        commit_s=plan.common.commit_ms / 1000,
        commit_batches=max(1, prefetch * 3 // 4),
        hold_batches=_hold_batches(plan, patterns, prefetch),
        arrived_max_bytes=plan.common.prefetch_bytes,
    )
    if plan.state is not None:
        _invite(plan, plan.state, link, runner, read_again)
    return daemon.run(runner, link, read_again=read_again)


def _invite(plan: Plan, state: Path, link: Connection, runner: Runner, read_again: Callable[[], object] | None) -> None:
    """Let a durable sink tell of itself, answer requests, and measure its queue and its disks."""
    about, queue = (runner, plan.name), queue_of(plan).name
    describe = describer(*about, queue)
    link.guests.invite(Reporter(link, describe, partial(troubles, *about)))
    if plan.control.mode != "off":
        orders: dict[str, Verb] = {"reload": reloading(read_again), "log-level": LogLevel(link.call_later)}
        link.guests.invite(Answering(link, Verbs(describe, plan.control, orders=orders)))
    link.guests.invite(Depth(link, queue, _directories(plan, state)))


def _directories(plan: Plan, state: Path) -> dict[str, Path]:
    """Return where a sink writes: its state, and the directory of its outputs, if it has any."""
    bases = [Path(each.partition("{")[0]) for each in outputs_of(plan.sink_type, plan.settings)]
    bases = [each if each.is_dir() else each.parent for each in bases]
    return {"state": state, **({"outputs": bases[0]} if bases else {})}


def queue_of(plan: Plan) -> topology.Queue:
    """Return the sink's durable queue; for one without state, an exclusive queue that dies with its connection."""
    if plan.state is None:
        return topology.own_queue(f"{topology.LOGS}.{plan.name}.{secrets.token_hex(4)}")
    return topology.sink_queue(plan.name, plan.common.queue.type, plan.common.queue.limits)


def _hold_batches(plan: Plan, patterns: tuple[str, ...], prefetch: int) -> int | None:
    """Return how many batches may wait for their predecessor; None if most have no predecessor."""
    if patterns or plan.state is None:
        return None
    return 0 if plan.common.queue.overflow == "drop_oldest" else prefetch // 2
