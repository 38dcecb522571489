"""Declares a plan on a channel, step by step, and remembers from one channel to the next what RabbitMQ refused.

Theory of operation. RabbitMQ closes the channel on each refusal; the next attempt then knows more. What exists with
different but acceptable properties, or may not be declared by this user, is used as it is. A queue that does not exist
(a passive declaration asks first) is *new*: it is declared, and bound `SETTLE_S` later.

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

from logbus.broker import refusals
from logbus.broker.topology import (
    DEAD,
    DEAD_MAX_BYTES,
    DRAIN,
    FOREIGN,
    NEVER,
    SHARED_QUEUES,
    UNMATCHED,
    Binding,
    Declaration,
    Exchange,
    Plan,
    Queue,
    in_two_stages,
)
from logbus.errors import BrokerUnavailable, visible

if TYPE_CHECKING:
    import pika
    from pika.channel import Channel

logger = logging.getLogger("logbus.declaring")

TRIED_FROM = "amq.fanout"
"""An exchange that every virtual host has."""
SETTLE_S = 1.5
PROBE_S = 5.0

_BOUND_IT = f"""rabbitmqctl set_policy logbus-dead '^logs\\.dead$' \
'{{"max-length-bytes": {DEAD_MAX_BYTES}, "overflow": "drop-head"}}' --apply-to queues"""


class Link(Protocol):
    """The part of the connection that is needed here."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Call `callback` once, later."""

    def give_up(self, error: BrokerUnavailable) -> None:
        """Drop the connection, and open a new one."""


class Declarer:
    """Declares plans on the channels of `link`, one after the other.

    `made`: the queues that did not exist; `consumed`: those that somebody consumed from when they were declared.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._as_it_is: dict[tuple[str, str], str] = {}
        self._new: set[str] = set()
        self._doubtful: set[str] = set()
        self._leaderless: set[str] = set()
        self._trying = ""
        self._writable: set[str] = set()
        self._optional = ""
        self._left_out: set[str] = set()
        self.made: frozenset[str] = frozenset()
        self.consumed: frozenset[str] = frozenset()

    def declare(self, channel: "Channel", plan: Plan, writes_to: str, done: Callable[[], None]) -> None:
        """Declare `plan`, try to write to the exchange `writes_to` ("": to none), then call `done`.

        RabbitMQ closes the channel if it refuses: no `done` then.
        """
        self._trying = self._optional = ""
        self.consumed = frozenset()
        steps = self._steps(channel, [step for step in plan if not self._is_left_alone(step)], writes_to)

        def proceed(_reply: object = None) -> None:
            step = next(steps, None)
            if step is None:
                self.made = frozenset(self._new)
                self._new.clear()
                self._writable.clear()  # the next channel tries again: permissions change
                done()
            elif channel.is_open:
                step(proceed)

        proceed()

    def learn(self, error: BaseException) -> bool:
        """Learn why a channel was closed; return True if an immediate retry would get further."""
        if self._optional:
            self._left_out.add(self._optional)
            self._optional = ""
            return True
        if self._trying and (refused := refusals.refused_exchange(error)):
            self._writable.add(self._trying)
            self._trying = ""
            return refused == TRIED_FROM
        if missing := refusals.missing_queue(error):
            known = missing in self._new and missing not in self._doubtful
            self._doubtful.discard(missing)  # no longer doubtful: it was deleted
            self._new.add(missing)
            return not known
        found = refusals.deviating(error)
        if not found or (found.kind, found.name) in self._as_it_is or not _will_do(found):
            return False
        self._as_it_is[found.kind, found.name] = found.argument
        _report(found)
        return True

    def forget(self) -> None:
        """Forget what the broker refused: it may have changed since."""
        self._as_it_is.clear()
        self._writable.clear()
        self._left_out.clear()

    def disconnected(self) -> None:
        """Forget what the broker refused, and doubt the queues that were new."""
        self.forget()
        self._doubtful |= self._new

    def _is_left_alone(self, step: Declaration) -> bool:
        if isinstance(step, Binding):
            kind = "exchange" if step.to_exchange else "queue"
            ends = [(kind, step.destination)] + [("exchange", UNMATCHED)] * (step.source == UNMATCHED)
            return "permission" in map(self._as_it_is.get, ends)  # UNMATCHED may not exist, so it cannot be just used
        return (_kind(step), step.name) in self._as_it_is

    def _steps(
        self, channel: "Channel", plan: list[Declaration], writes_to: str
    ) -> "Iterator[Callable[[_Then], None]]":
        """Yield the steps; each takes the function to call afterwards."""
        made, routes = in_two_stages(plan)
        for step in made:
            if isinstance(step, Queue):
                yield from self._queue_steps(channel, step)
            else:
                yield partial(_declare_exchange, channel, step)
        if writes_to and writes_to not in self._writable:
            yield partial(self._try_writing, channel, writes_to)
        if self._new:
            yield lambda then: self._link.call_later(SETTLE_S, lambda: then(None))
        if any(isinstance(step, Exchange) and step.name == DRAIN for step in made) and DRAIN not in self._left_out:
            yield partial(self._unbind_old_drain, channel)
        for route in routes:
            if isinstance(route, Binding) and route.source == FOREIGN:
                yield from self._foreign_steps(channel, route)
            elif isinstance(route, Binding):
                yield partial(_bind, channel, route)
            else:
                yield partial(_declare_exchange, channel, route)

    def _try_writing(self, channel: "Channel", exchange: str, then: "_Then") -> None:
        """Remove a binding that does not exist: this needs permission to write to `exchange`, and changes nothing.

        Permission to read from TRIED_FROM is checked after that.
        """

        def may(reply: object) -> None:
            self._trying = ""
            self._writable.add(exchange)
            then(reply)

        self._trying = exchange
        channel.exchange_unbind(exchange, TRIED_FROM, NEVER, callback=may)

    def _unbind_old_drain(self, channel: "Channel", then: "_Then") -> None:
        """Unbind the classic queue `logs.drain` of older versions: while its node is down, it refuses everything.

        A missing binding is no error. A refusal (RabbitMQ 3.10 while that node is down) is ignored.
        """

        def done(reply: object) -> None:
            self._optional = ""
            self._left_out.add(DRAIN)
            then(reply)

        self._optional = DRAIN
        channel.queue_unbind(DRAIN, DRAIN, callback=done)

    def _foreign_steps(self, channel: "Channel", binding: Binding) -> "Iterator[Callable[[_Then], None]]":
        """Bind to `logs.foreign`, or do without: an operator may not have made it, or may not let us read from it."""
        if FOREIGN in self._left_out:
            logger.info("%s is missing, or unreadable: other programs' messages with a key do not arrive", FOREIGN)
            return

        def bind(then: "_Then") -> None:
            def done(reply: object) -> None:
                self._optional = ""
                then(reply)

            self._optional = FOREIGN
            _bind(channel, binding, done)

        yield bind

    def _queue_steps(self, channel: "Channel", queue: Queue) -> "Iterator[Callable[[_Then], None]]":
        if queue.name in self._leaderless:
            yield partial(self._delete, channel, queue.name)
        elif queue.name in self._doubtful:
            yield lambda _then: self._probe(channel, queue.name)
        elif queue.type == "quorum" and queue.name not in self._new:
            yield lambda then: channel.queue_declare(queue.name, passive=True, callback=then)
        yield partial(self._declare_queue, channel, queue)

    def _declare_queue(self, channel: "Channel", queue: Queue, then: "_Then") -> None:
        def declared(reply: "pika.frame.Method[pika.spec.Queue.DeclareOk]") -> None:
            if reply.method.consumer_count:
                self.consumed |= {queue.name}
            then(reply)

        channel.queue_declare(
            queue.name,
            durable=not queue.exclusive,
            exclusive=queue.exclusive,
            auto_delete=queue.exclusive,
            arguments={"x-queue-type": queue.type, **queue.arguments},
            callback=declared,
        )

    def _delete(self, channel: "Channel", name: str, then: "_Then") -> None:
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


_Then = Callable[[object], None]


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


def _will_do(found: refusals.Deviation) -> bool:
    if found.argument == "permission":
        return True
    return found.name in SHARED_QUEUES if found.kind == "queue" else found.argument != "type"


def _report(found: refusals.Deviation) -> None:
    name, argument = visible(found.name), visible(found.argument)
    if argument == "permission":
        logger.info("may not declare %s: using it as it is", name)
    elif found.kind == "queue":
        hint = f" (to bound it: {_BOUND_IT})" if found.name == DEAD else ""
        logger.info("the queue %s exists with a different %s: using it as it is%s", name, argument, hint)
    else:
        logger.warning(
            "the exchange %s exists with a different %s from Logbus's: using it as it is; a broker restart may "
            "lose it (delete it and let Logbus declare it)",
            name,
            argument,
        )


def _kind(step: Exchange | Queue) -> str:
    return "exchange" if isinstance(step, Exchange) else "queue"


def _ignore(*_args: object) -> None:
    """Ignore a delivery: it is redelivered on the next channel."""


def _bind(channel: "Channel", binding: Binding, then: _Then) -> None:
    if binding.to_exchange:
        channel.exchange_bind(
            binding.destination, binding.source, binding.key, arguments=dict(binding.arguments), callback=then
        )
    else:
        channel.queue_bind(
            binding.destination, binding.source, binding.key, arguments=dict(binding.arguments), callback=then
        )


def _declare_exchange(channel: "Channel", exchange: Exchange, then: _Then) -> None:
    channel.exchange_declare(
        exchange.name,
        exchange.type,
        durable=True,
        auto_delete=exchange.auto_delete,
        arguments=dict(exchange.arguments),
        callback=then,
    )
