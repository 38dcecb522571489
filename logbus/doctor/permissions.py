"""Whether RabbitMQ lets us do something, asked without doing it.

RabbitMQ checks permissions before anything else, so each question is one that it then rejects for another reason, or
that has no effect (found by trial on 3.10.8): to remove a binding that does not exist; to consume with a priority that
is no number; to declare a queue whose dead letter exchange is a number.
"""

from collections.abc import Callable
from typing import Final

from logbus.broker.amqp import BlockingChannel
from logbus.broker.declaring.declarer import TRIED_FROM
from logbus.broker.refusals import ACCESS_REFUSED
from logbus.broker.session import Refusal, Session
from logbus.broker.topology import NEVER, STATUS
from logbus.doctor.verdicts import Check, ok, warning

NO_NUMBER: Final = "none"
NO_NAME: Final = 0


def may_write(link: Session, exchange: str) -> bool:
    """Return True if we may publish to an exchange. Reading from TRIED_FROM is checked after that."""
    return not refused(link, lambda channel: channel.exchange_unbind(exchange, TRIED_FROM, NEVER), besides=TRIED_FROM)


def of_status(link: Session, advice: str) -> Check:
    """Return whether a process may say how it is; without that, all else works."""
    if may_write(link, STATUS):
        return ok("permissions", f"write {STATUS}", "allowed")
    return warning("permissions", f"write {STATUS}", "refused: this process is not shown in the fleet", advice)


def may_read(link: Session, queue: str) -> bool:
    """Return True if we may consume from a queue."""
    wrong = {"x-priority": NO_NUMBER}
    return not refused(link, lambda channel: channel.basic_consume(queue, lambda *_: None, arguments=wrong))


def may_configure(link: Session, queue: str) -> bool:
    """Return True if we may declare a queue."""
    wrong = {"x-dead-letter-exchange": NO_NAME}
    return not refused(link, lambda channel: channel.queue_declare(queue, durable=True, arguments=wrong))


def may_bind(link: Session, queue: str, exchange: str) -> bool:
    """Return True if we may bind a queue to an exchange."""
    return not refused(link, lambda channel: channel.queue_unbind(queue, exchange, f"{NEVER}doctor"))


def refused(link: Session, question: Callable[[BlockingChannel], object], besides: str = "") -> bool:
    """Return True if RabbitMQ refuses access, except to the exchange `besides`."""
    try:
        link.ask(question)
    except Refusal as refusal:
        return refusal.code == ACCESS_REFUSED and not (besides and f"exchange '{besides}'" in refusal.text)
    return False
