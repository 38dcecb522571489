"""Queues that did not exist: they are bound late, and probed before that if the connection broke meanwhile.

A queue that does not exist (a passive declaration asks first) is *new*: it is declared, and bound `SETTLE_S` later.

Why later: RabbitMQ 3.10.8 writes the identity of a new quorum queue to disk up to 1.0 s after its declaration. If it
is killed before that, the queue comes back without a leader: nothing can be published to it or consumed from it, and
what it had confirmed is lost. Nothing is confirmed into a queue that is not bound.

A queue that was new when the connection broke is *doubtful*, and is consumed from before it is bound. If RabbitMQ does
not answer within `PROBE_S`, the queue has no leader: it is deleted and declared again. It was never bound, so it holds
nothing.
"""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Protocol

from logbus.broker.topology import SHARED_QUEUES, Queue
from logbus.errors import BrokerUnavailable, visible

if TYPE_CHECKING:
    from pika.channel import Channel

logger = logging.getLogger("logbus.declaring")

SETTLE_S = 1.5
PROBE_S = 5.0

Then = Callable[[object], None]
"""What to call with the reply to a step."""
Step = Callable[[Then], None]


class Link(Protocol):
    """The part of the connection that is needed here."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Call `callback` once, later."""

    def give_up(self, error: BrokerUnavailable) -> None:
        """Drop the connection, and open a new one."""


class NewQueues:
    """The new, doubtful and leaderless queues, from one channel of `link` to the next."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._new: set[str] = set()
        self._doubtful: set[str] = set()
        self._leaderless: set[str] = set()

    def before(self, channel: "Channel", queue: Queue) -> Iterator[Step]:
        """Yield what to do before a queue is declared: ask whether it exists, or probe or delete a doubtful one."""
        if queue.name in self._leaderless:
            yield partial(self._delete, channel, queue.name)
        elif queue.name in self._doubtful:
            yield lambda _then: self._probe(channel, queue.name)
        elif queue.type == "quorum" and queue.name not in self._new:
            yield lambda then: channel.queue_declare(queue.name, passive=True, callback=then)

    def settle(self) -> Iterator[Step]:
        """Yield what to do before queues are bound: wait, if any of them is new."""
        if self._new:
            yield lambda then: self._link.call_later(SETTLE_S, lambda: then(None))

    def missing(self, name: str) -> bool:
        """Note that a queue does not exist; return True unless that was known."""
        known = name in self._new and name not in self._doubtful
        self._doubtful.discard(name)  # no longer doubtful: it was deleted
        self._new.add(name)
        return not known

    def declared(self) -> frozenset[str]:
        """Return the new queues, which are all declared now: they are new no longer."""
        made = frozenset(self._new)
        self._new.clear()
        return made

    def disconnected(self) -> None:
        """Doubt the queues that were new."""
        self._doubtful |= self._new

    def _delete(self, channel: "Channel", name: str, then: Then) -> None:
        logger.warning("the queue %s has no leader and was never bound: declaring it again", visible(name))
        self._leaderless.discard(name)
        channel.queue_delete(name, callback=then)

    def _probe(self, channel: "Channel", name: str) -> None:
        """Consume from a queue: an answer proves that it has a leader. Closing the channel requeues what came."""

        def answered(_reply: object) -> None:
            self._doubtful.discard(name)
            channel.close()

        def check() -> None:
            if channel.is_open and name in self._doubtful:
                self._doubtful.discard(name)
                self._leaderless.add(name)
                self._link.give_up(leaderless(name))

        channel.basic_consume(name, _ignore, callback=answered)
        self._link.call_later(PROBE_S, check)


def leaderless(name: str) -> BrokerUnavailable:
    """Return the error for a queue that does not answer."""
    ours = name in SHARED_QUEUES
    repair = f"rabbitmqctl delete_queue {name}" if ours else "logbus-sinks topology delete --force NAME"
    return BrokerUnavailable(
        f"use the queue {name!r}",
        "it does not answer, so it has no leader: most of its nodes are down, or RabbitMQ was killed right after the "
        "queue was declared",
        f"start its nodes; if all are up, delete the queue: {repair}",
    )


def _ignore(*_args: object) -> None:
    """Ignore a delivery: it is redelivered on the next channel."""
