"""`logbus-sinks doctor`: whether this host and RabbitMQ are ready for the sinks of a configuration. Changes nothing."""

# Paths are passed to the operating system unchanged.
# ruff: noqa: PTH120

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import click

from logbus import daemon
from logbus.broker.management import queues as managed
from logbus.broker.session import Refusal, Session
from logbus.broker.topology import DEAD, LOGS, TOPIC, Binding, Declaration, Exchange, sink_plan
from logbus.command_line import logs
from logbus.command_line.commands import Command
from logbus.command_line.completion import offer
from logbus.config.settings import Broker, load_document
from logbus.config.variables import unused_broker
from logbus.doctor import broker, disks, host, limits, page, permissions, queues
from logbus.doctor.verdicts import REFUSED, Check, ok, problem, problem_of, unknown, warning
from logbus.errors import LogbusError, UsageError, counted, describe
from sinks.commands import topology
from sinks.settings import Plan, Settings, names_in, plan_of, plans_of
from sinks.sink import bindings_of, outputs_of
from sinks.wiring import queue_of

TOPOLOGY: Final = "topology"
PERMISSIONS: Final = "permissions"
ALLOW: Final = "logbus-sinks topology permissions --config FILE prints what to allow"
FILES_WANTED: Final = 1024
EPILOG: Final = f"""
\b
Examples:
  logbus-sinks doctor --config config/sinks.yml
  sudo -u logbus logbus-sinks doctor --config /etc/logbus/sinks.yml archive
{page.EXIT_CODES}"""


@click.command("doctor", cls=Command, epilog=EPILOG)
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), required=True, help="The sinks.yml.")
@click.argument("names", nargs=-1, shell_complete=offer(names_in))
@page.options
@daemon.errors_to_exit_codes
def doctor(*, config: Path, names: tuple[str, ...], as_json: bool, strict: bool) -> int:
    """Check everything that all sinks, or those named, need: files, disks, limits, RabbitMQ, permissions, queues.

    Each check has a verdict, what was found, and what to do. Nothing is changed.
    """
    logs.configure("doctor")
    return page.show(checks(config, names), as_json=as_json, strict=strict)


def checks(config: Path, names: tuple[str, ...]) -> Iterator[Check]:
    """Yield all checks of a configuration; only the first, if it is invalid."""
    try:
        document = load_document(config)
        every = plans_of(document)
        plans = [plan_of(document, name) for name in names] or list(every.values())
        where = document.convert(Settings).broker
    except UsageError as error:
        yield problem_of("configuration", str(config), error)
        return
    yield ok("configuration", str(config), f"valid: {counted(len(every), 'sink')}")
    if unused := unused_broker(document):
        yield warning("configuration", "LOGBUS_BROKER", unused, "write ${LOGBUS_BROKER} in the file, or unset it")
    yield from host.software()
    yield host.user(next((str(plan.state) for plan in plans if plan.state), ""))
    for plan in plans:
        yield from of_files(plan)
    yield from _system(plans)
    yield from broker.checks(where, lambda link: questions(link, where, plans, list(every.values())))
    yield from broker.cluster(where)


def of_files(plan: Plan, look: disks.Measure = disks.measure) -> Iterator[Check]:
    """Yield the checks of a sink's state and outputs."""
    if plan.state:
        yield from disks.directory(f"state of {plan.name}", str(plan.state), look)
    for path in outputs_of(plan.sink_type, plan.settings):
        yield from disks.directory(f"output of {plan.name}", base_of(path), look)


def base_of(template: str) -> str:
    """Return the directory that no output of a path template leaves."""
    fixed, placeholder, _ = template.partition("{")
    return os.path.dirname(fixed) if placeholder or fixed else "."


def _system(plans: list[Plan]) -> Iterator[Check]:
    yield host.clock()
    pid = next((pid for plan in plans if plan.state and (pid := host.holder(plan.state, "sinks"))), 0)
    yield limits.open_files(FILES_WANTED, pid)
    for plan in (plan for plan in plans if plan.state):
        yield host.unit(f"logbus-sink@{plan.name}")
        if plan.state:
            yield host.daemon(plan.state, "sinks")


def questions(link: Session, where: Broker, plans: list[Plan], every: list[Plan]) -> Iterator[Check]:
    """Yield what RabbitMQ has and allows, and how full the queues are."""
    steps = _steps(plans)
    for step in steps:
        yield from _standing(link, step)
    for plan in plans:
        yield from of_permissions(link, plan)
    if any(plan.state for plan in plans):
        yield _allowed(f"write {DEAD}", permissions.may_write(link, DEAD), needed=True)
        yield permissions.of_status(link, ALLOW)
    names = [queue_of(plan).name for plan in plans if plan.state]
    if not where.management:
        yield from queues.by_amqp(link, names)
        yield unknown("queues", "orphans", "AMQP does not list queues", "set management: in the section broker")
        return
    try:
        found = managed(where)
    except LogbusError as error:
        yield warning("queues", "management", f"{error.cannot}: {describe(error.cause)}", error.hint)
        yield from queues.by_amqp(link, names)
        return
    yield from (queues.of_state(each) for each in found if each.name in names)
    for orphan in topology.others(link, found, every):
        if orphan.state == "orphan":
            yield warning(
                "queues", orphan.name, orphan.detail, "until then it fills up, and at its limit shippers wait"
            )


def _steps(plans: Iterable[Plan]) -> list[Declaration]:
    """Return what the sinks declare, without bindings, which AMQP cannot query, and without repeats."""
    steps: dict[str, Declaration] = {}
    for plan in (plan for plan in plans if plan.state):
        for step in sink_plan(queue_of(plan), bindings_of(plan.sink_type, plan.settings)):
            if not isinstance(step, Binding):
                steps.setdefault(step.name, step)
    return list(steps.values())


def _standing(link: Session, step: Declaration) -> Iterator[Check]:
    """Yield the verdict on an exchange or queue. One that we may not declare is used as it is."""
    try:
        found = list(topology.check(link, [step]))
    except Refusal as refusal:
        yield unknown(TOPOLOGY, getattr(step, "name", ""), refusal.text)
        return
    yield from (of_finding(each, passing=isinstance(step, Exchange) and step.auto_delete) for each in found)


def of_finding(found: topology.Finding, *, passing: bool = False) -> Check:
    """Return the verdict on a finding; `passing`: the first sink that is bound to it makes it again."""
    name = f"{found.kind} {found.name}"
    if found.state == "ok":
        return ok(TOPOLOGY, name, found.detail or "as declared")
    if found.state == "refused":
        return ok(TOPOLOGY, name, "there, and used as it is: this user may not declare it")
    if found.state == "missing":
        say = warning if passing else problem
        return say(TOPOLOGY, name, "missing", "start the sink, or: logbus-sinks topology apply --config FILE")
    return problem(TOPOLOGY, name, f"{found.state}: {found.detail}", "logbus-sinks topology --help says how to mend it")


def of_permissions(link: Session, plan: Plan) -> Iterator[Check]:
    """Yield whether the user may do what a sink needs: less if its queue is there, made by an operator."""
    queue = queue_of(plan).name
    patterned = bool(bindings_of(plan.sink_type, plan.settings))
    source = TOPIC if patterned else LOGS
    shown = queue if plan.state else f"{LOGS}.{plan.name}.*"
    needed: bool | None
    try:
        needed = plan.state is None or link.depth(queue) is None
    except Refusal:  # RabbitMQ 4.3 does not tell a user without any permission for a queue whether it exists
        needed = None
    yield _allowed(f"read {shown}", permissions.may_read(link, queue), needed=True)
    yield _allowed(f"configure {shown}", permissions.may_configure(link, queue), needed=needed)
    yield _allowed(f"bind {shown} to {source}", permissions.may_bind(link, queue, source), needed=needed)


def _allowed(what: str, allowed: bool, *, needed: bool | None) -> Check:
    if allowed:
        return ok(PERMISSIONS, what, "allowed")
    if needed:
        return problem(PERMISSIONS, what, "refused", ALLOW, REFUSED)
    if needed is None:
        return unknown(PERMISSIONS, what, "refused; needed unless the queue is there, which this user may not ask")
    return ok(PERMISSIONS, what, "refused, and not needed: the queue is there")
