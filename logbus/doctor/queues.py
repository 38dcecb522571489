"""How full the queues are: by the management plugin, or one at a time by AMQP."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from logbus.broker import management
from logbus.broker.management import QueueState
from logbus.broker.session import Refusal, Session
from logbus.doctor.verdicts import Check, ok, problem, unknown, warning
from logbus.errors import LogbusError, describe

if TYPE_CHECKING:
    from logbus.config.settings import Broker

AREA: Final = "queues"
NO_SINK: Final = "start its sink: until then the queue grows"


def of_all_sinks(broker: "Broker") -> Iterator[Check]:
    """Yield how full the queues of all sinks are, which a shipper may not ask by AMQP."""
    if not broker.management:
        yield unknown(AREA, "queues", "AMQP does not list them", "set management: in the section broker")
        return
    try:
        found = management.queues(broker)
    except LogbusError as error:
        yield warning(AREA, "management", f"{error.cannot}: {describe(error.cause)}", error.hint or "check management:")
        return
    if not found:
        yield problem(
            AREA, "queues", "no sink has a queue", "start a sink: until then RabbitMQ accepts nothing from us"
        )
    yield from map(of_state, found)


def of_state(queue: QueueState) -> Check:
    """Return the verdict on a queue as the management plugin describes it."""
    found = f"messages: {queue.messages:,}, bytes: {queue.bytes:,}, consumers: {queue.consumers}"
    if queue.is_full:
        return problem(
            AREA, queue.name, f"full: {found}", "shippers wait until its sink has made room: is the sink well?"
        )
    return of_depth(queue.name, found, queue.messages, consumed=queue.consumers > 0)


def by_amqp(link: Session, names: Iterable[str]) -> Iterator[Check]:
    """Yield how many messages are ready in queues; one that does not exist is left out."""
    for name in names:
        try:
            if (ready := link.depth(name)) is not None:
                yield of_depth(name, f"messages ready: {ready:,}", ready, consumed=link.is_consumed(name))
        except Refusal as refusal:
            yield unknown(AREA, name, refusal.text)


def of_depth(name: str, found: str, messages: int, *, consumed: bool) -> Check:
    """Return the verdict on a queue that is not full."""
    if consumed:
        return ok(AREA, name, found)
    if messages:
        return warning(AREA, name, f"{found}; nobody consumes from it", NO_SINK)
    return ok(AREA, name, f"{found}; nobody consumes from it now")
