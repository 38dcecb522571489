"""The broker's topology against sinks.yml: check it, apply it, delete queues.

The arguments of an existing queue cannot be changed, and RabbitMQ names only the first that differs. So queues are
never changed here: the difference is reported, with both values and what to do.
"""

import re
import time
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from logbus.broker.declaring.new_queues import SETTLE_S, leaderless
from logbus.broker.management import QueueState
from logbus.broker.refusals import PRECONDITION_FAILED
from logbus.broker.session import Refusal, Session
from logbus.broker.topology import (
    ASKED,
    COMMON,
    FLEET,
    SELECTIVE,
    SHARED_QUEUES,
    Binding,
    Declaration,
    Exchange,
    Queue,
    in_two_stages,
    sink_plan,
)
from logbus.errors import LogbusError, visible
from sinks.settings import Plan
from sinks.sink import bindings_of
from sinks.wiring import queue_of

PATIENCE_S = 2.0
"""How long to consume from a queue before it counts as empty."""

State = Literal["ok", "missing", "differs", "refused", "made", "stuck", "orphan", "other"]

_INEQUIVALENT = re.compile(r"inequivalent arg '([^']+)' .*?: received (.+?) but current is (.+)$", re.DOTALL)
_VALUE = re.compile(r"the value '(.*)' of type '\w+'|'(.*)'", re.DOTALL)


class Finding(Struct, frozen=True):
    """An exchange or queue, its state, and details to report."""

    kind: str
    name: str
    state: State
    detail: str = ""

    def __str__(self) -> str:
        """Return the finding as a line."""
        return f"{self.state:<8} {self.kind:<9} {visible(self.name)}" + (f": {self.detail}" if self.detail else "")


def wanted(plans: list[Plan]) -> list[Declaration]:
    """Return what all sinks share, and the declarations of these, without repeats.

    A sink without state declares nothing more that lasts.
    """
    steps: dict[str, Declaration] = {repr(step): step for step in (*COMMON, *SELECTIVE, *FLEET, *ASKED)}
    for plan in plans:
        if plan.state:
            for step in sink_plan(queue_of(plan), bindings_of(plan.sink_type, plan.settings)):
                steps.setdefault(repr(step), step)
    return list(steps.values())


def check(link: Session, steps: list[Declaration]) -> Iterator[Finding]:
    """Yield a finding for each exchange and queue; nothing is changed. AMQP cannot query bindings."""
    for step in steps:
        if not isinstance(step, Binding):
            yield _declared(link, step, "ok") if _is_there(link, step) else Finding(_kind(step), step.name, "missing")


def others(link: Session, found: list[QueueState], plans: list[Plan]) -> Iterator[Finding]:
    """Yield a finding for each queue of a sink that is none of `plans`: an orphan if nobody consumes from it.

    Whether somebody does, the queue itself is asked: the management plugin's figures are seconds old, or missing.
    """
    ours = {queue_of(plan).name for plan in plans if plan.state}
    for queue in sorted(found, key=lambda queue: queue.name):
        if queue.name not in ours and link.depth(queue.name) is not None:  # it may be deleted by now
            held = f"messages: {queue.messages:,}, bytes: {queue.bytes:,}"
            if link.is_consumed(queue.name):
                yield Finding("queue", queue.name, "other", f"a sink configured elsewhere; {held}")
            else:
                name = visible(queue.name.partition(".")[2])
                hint = f"no sink has it here, and none consumes from it; to delete it: topology delete --force {name}"
                yield Finding("queue", queue.name, "orphan", f"{held}; {hint}")


def apply(link: Session, steps: list[Declaration]) -> Iterator[Finding]:
    """Declare what is missing, and yield a finding for each exchange and queue; what differs is left alone.

    New queues are bound once RabbitMQ has them on disk (see `logbus.broker.declaring.new_queues`).
    """
    made, routes = in_two_stages(steps)
    new = False
    for step in made:
        there = _is_there(link, step)
        yield _declared(link, step, "ok" if there else "made")
        new |= isinstance(step, Queue) and not there
    if new:
        time.sleep(SETTLE_S)
    for route in routes:
        if isinstance(route, Binding):
            yield from _bound(link, route)
        else:
            yield _declared(link, route, "ok" if _is_there(link, route) else "made")


def delete(link: Session, queue: str, *, force: bool) -> Finding:
    """Delete the queue of a sink. Raises LogbusError if it is in use or not empty, unless `force` is given.

    RabbitMQ itself cannot spare such a quorum queue: it refuses both conditions, if-unused and if-empty (3.10.8).
    """
    if link.depth(queue) is None:
        return Finding("queue", queue, "missing", "there is nothing to delete")
    if not force:
        _check_deletable(link, queue)
    link.delete_queue(queue)
    return Finding("queue", queue, "missing", "deleted")


def _check_deletable(link: Session, queue: str) -> None:
    cannot = f"delete the queue {queue}"
    if not link.has_leader(queue):
        raise LogbusError(cannot, leaderless(queue).cause, "start its nodes; if all are up, use --force")
    if link.is_consumed(queue):
        raise LogbusError(cannot, "its sink is consuming from it", "stop the sink first, or use --force")
    if link.gives(queue, PATIENCE_S):
        raise LogbusError(cannot, "the batches in it would be lost", "let its sink empty it, or use --force")


def _bound(link: Session, step: Binding) -> Iterator[Finding]:
    try:
        link.declare(step)
    except Refusal as refusal:
        yield Finding("binding", f"{step.source} -> {step.destination}", "refused", visible(refusal.text))


def _is_there(link: Session, step: Exchange | Queue) -> bool:
    return link.exists(step) if isinstance(step, Exchange) else link.depth(step.name) is not None


def explained(text: str, name: str) -> str:
    """Return RabbitMQ's report of a different argument in plain words, with what to do."""
    found = _INEQUIVALENT.search(text)
    if not found:
        return visible(text)
    argument, ours, theirs = found[1], _value(found[2]), _value(found[3])
    return visible(
        f"{argument} is {theirs} there and {ours} here; it cannot be changed: set it to {theirs} here, or stop the "
        f"sink when {name} is empty, delete it (topology delete), and apply"
    )


def _declared(link: Session, step: Exchange | Queue, state: State) -> Finding:
    try:
        link.declare(step)
    except Refusal as refusal:
        differs = refusal.code == PRECONDITION_FAILED
        if differs and isinstance(step, Queue) and step.name in SHARED_QUEUES:
            return Finding("queue", step.name, "ok", f"used as it is: {visible(refusal.text)}")
        return Finding(_kind(step), step.name, "differs" if differs else "refused", explained(refusal.text, step.name))
    if isinstance(step, Queue) and not link.has_leader(step.name):
        trouble = leaderless(step.name)
        return Finding("queue", step.name, "stuck", f"{trouble.cause} ({trouble.hint})")
    return Finding(_kind(step), step.name, state)


def _kind(step: Declaration) -> str:
    return type(step).__name__.lower()


def _value(text: str) -> str:
    found = _VALUE.fullmatch(text)
    return (found[1] or found[2] or "") if found else text
