"""Publishes a request to `logs.control`, and collects the answers through a queue that leaves nothing behind."""

import logging
import secrets
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from logbus.broker.session import Refusal, Session, session
from logbus.broker.topology import ANSWERS, CONTROL, Binding, own_queue
from logbus.control.messages import Answer, Request, decode_answer, encode_request
from logbus.errors import BrokerUnavailable, UsageError, WireError, visible

if TYPE_CHECKING:
    from logbus.config.settings import Broker

logger = logging.getLogger("sinks.fleet")

PREFIX: Final = f"{ANSWERS}."
QUIET_S: Final = 0.5
"""After an answer, others are awaited for so long."""
MOST: Final = 100
_NOT_FOUND: Final = 404


class Heard(Struct, frozen=True):
    """An answer, and the user of RabbitMQ who gave it, if that is stated."""

    answer: Answer
    user_id: str | None


def ask_all(broker: "Broker", key: str, request: Request, within_s: float) -> list[Heard]:
    """Return the answers of the processes that listen under a key.

    Raises UsageError for a request that cannot be sent, BrokerUnavailable if nobody listens, BrokerRefused.
    """
    token, queue = secrets.token_hex(16), own_queue(PREFIX + secrets.token_hex(16))
    user_id = (broker.endpoints()[0].username or None) if broker.user_id else None
    try:
        message = encode_request(request, key, queue.name, token, user_id)
    except WireError as error:
        raise UsageError(f"ask {key}", error.cause) from None
    with session(broker, "ask") as link:
        try:
            link.declare(queue)
            link.declare(Binding(ANSWERS, queue.name, queue.name))
            became = link.offer(CONTROL, message, within_s)
        except Refusal as refusal:
            if refusal.code != _NOT_FOUND:
                raise
            became = "returned"  # whoever answers makes the exchanges
        if became != "taken":
            raise _untaken(key, busy=became == "refused")
        return list(_answers(link, queue.name, token, within_s))


def _untaken(key: str, *, busy: bool) -> BrokerUnavailable:
    if busy:
        return BrokerUnavailable(f"ask {key}", "too many requests wait for an answer", "ask again later")
    hint = "is it running, may it answer (`topology permissions --control`), is `control` on?"
    return BrokerUnavailable(f"ask {key}", f"no process listens as {key}", hint)


def _answers(link: Session, queue: str, token: str, within_s: float) -> Iterator[Heard]:
    """Yield the answers to the request with this token, until it is quiet."""
    until_s, count = time.monotonic() + within_s, 0
    while count < MOST and (left_s := until_s - time.monotonic()) > 0:
        message = link.next_of(queue, min(left_s, QUIET_S) if count else left_s)
        if message is None:
            return
        if message.correlation_id != token:
            continue
        try:
            yield Heard(decode_answer(message), message.user_id)
            count += 1
        except WireError as error:
            logger.warning("an answer is ignored: %s", visible(error.cause))
