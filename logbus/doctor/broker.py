"""RabbitMQ: each URL by itself, then, on the first that lets us in, whatever a program wants to ask.

A frozen node answers nothing: each question has a deadline, and the first without an answer ends the questions.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from logbus.broker import management
from logbus.broker.refusals import read_refusal
from logbus.broker.session import Refusal, Session, session
from logbus.doctor import reach
from logbus.doctor.verdicts import MISCONFIGURED, Check, ok, problem, problem_of, unknown, warning
from logbus.errors import BrokerError, LogbusError, UsageError, counted, describe

if TYPE_CHECKING:
    from logbus.config.endpoints import Endpoint
    from logbus.config.settings import Broker

LOGIN: Final = "login"
CLUSTER: Final = "cluster"
MANY: Final = 3
"""The fewest nodes of which one may fail."""

Questions = Callable[[Session], Iterator[Check]]


def checks(broker: "Broker", questions: Questions) -> Iterator[Check]:
    """Yield the checks of each URL, and of certificates; and those of `questions`, asked at the first that works."""
    try:
        broker.check()
    except UsageError as error:
        yield problem("configuration", "secrets", describe(error.cause), error.hint or error.cannot, MISCONFIGURED)
        return
    yield from reach.files(broker)
    asked = False
    for url in [broker.url] if isinstance(broker.url, str) else broker.url:
        for step in _of_url(alone(broker, url), None if asked else questions):
            asked |= step.name == LOGIN and reach.passed([step])
            yield step


def _of_url(broker: "Broker", questions: Questions | None) -> Iterator[Check]:
    """Yield the checks of the only URL of these settings."""
    area, steps = f"RabbitMQ at {broker.shown()}", []
    try:
        endpoint = broker.endpoints()[0]
    except UsageError as error:  # its password command worked a moment ago
        yield problem_of(area, LOGIN, error)
        return
    for step in reach.ways(area, endpoint, broker):
        steps.append(step)
        yield step
    if reach.passed(steps):
        yield from login(area, endpoint, broker, questions)


def alone(broker: "Broker", url: str) -> "Broker":
    """Return the settings for one URL."""
    if url.lower().startswith("amqps:"):
        return msgspec.structs.replace(broker, url=url)
    return msgspec.structs.replace(broker, url=url, ca_file=None, cert_file=None, key_file=None)


def login(area: str, endpoint: "Endpoint", broker: "Broker", questions: Questions | None) -> Iterator[Check]:
    """Yield whether RabbitMQ lets us in, its version, and the answers to `questions`."""
    try:
        with session(broker, "doctor") as link:
            yield ok(area, LOGIN, f"as {endpoint.username or 'the certificate says'}, virtual host {endpoint.vhost}")
            yield ok(area, "version", _version(link.server()))
            if questions:
                yield from _asked(area, questions, link)
    except (BrokerError, UsageError) as error:
        yield problem_of(area, LOGIN, error)


def _version(told: dict[str, str]) -> str:
    """Return what a broker tells of itself, as one text."""
    name = f"{told.get('product', 'unknown product')} {told.get('version', '')}".strip()
    return ", ".join([name, *(told[key] for key in ("platform", "cluster_name") if told.get(key))])


def _asked(area: str, questions: Questions, link: Session) -> Iterator[Check]:
    """Yield the answers up to the first question that is refused or not answered."""
    try:
        yield from questions(link)
    except Refusal as refusal:
        yield problem_of(area, "questions", read_refusal(refusal.code, refusal.text, area))
    except LogbusError as error:
        yield problem_of(area, "questions", error)


def cluster(broker: "Broker") -> Iterator[Check]:
    """Yield the verdict on the nodes and on the copies of each queue, which only the management plugin knows."""
    if not broker.management:
        yield unknown(
            CLUSTER, "nodes and copies of queues", "AMQP does not tell", "set management: in the section broker"
        )
        return
    try:
        found = management.nodes(broker)
        running = sum(each.running for each in found)
        yield of_nodes(found)
        for each in found:
            if each.alarms:
                advice = (
                    "RabbitMQ lets nobody publish meanwhile" if "partitioned" not in each.alarms else "docs/cluster.md"
                )
                yield problem(CLUSTER, f"node {each.name}", ", ".join(each.alarms), advice)
        yield from (of_replicas(each, running) for each in management.replicas(broker))
    except LogbusError as error:
        yield warning(
            CLUSTER, "management", f"{error.cannot}: {describe(error.cause)}", error.hint or "check management:"
        )


def of_nodes(found: list[management.Node]) -> Check:
    """Return the verdict on the number of nodes."""
    down = [each.name for each in found if not each.running]
    if down:
        return problem(CLUSTER, "nodes", f"down: {', '.join(down)}; of {len(found)} nodes", "start them")
    if len(found) == MANY - 1:
        return warning(CLUSTER, "nodes", "two nodes: with one down, neither has a majority", "add a third")
    return ok(CLUSTER, "nodes", f"{counted(len(found), 'node')}, running" + ": no copies" * (len(found) == 1))


def of_replicas(queue: management.Replicas, nodes: int) -> Check:
    """Return the verdict on the copies of a quorum queue."""
    name, found = f"queue {queue.queue}", f"copies online: {queue.online} of {queue.members}"
    if queue.online <= queue.members // 2:
        return problem(CLUSTER, name, f"{found}: no majority", "start the nodes that have the others")
    if queue.online < queue.members:
        return warning(CLUSTER, name, found, "start the nodes that have the others")
    if queue.members < MANY <= nodes:
        return warning(CLUSTER, name, f"{found}, on a cluster of {nodes}", "rabbitmq-queues grow NODE all")
    return ok(CLUSTER, name, found)
