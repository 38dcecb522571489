"""Declares a plan on a channel, step by step, and remembers from one channel to the next what RabbitMQ refused.

Theory of operation. RabbitMQ closes the channel on each refusal; the next attempt then knows more. What exists with
different but acceptable properties, or may not be declared by this user, is used as it is (`deviations`). A queue that
does not exist is declared, and bound a while later (`new_queues`).
"""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from logbus.broker import refusals
from logbus.broker.declaring import deviations
from logbus.broker.declaring.new_queues import Link, NewQueues, Step, Then
from logbus.broker.topology import (
    DRAIN,
    FOREIGN,
    NEVER,
    UNMATCHED,
    Binding,
    Declaration,
    Exchange,
    Plan,
    Queue,
    in_two_stages,
)

if TYPE_CHECKING:
    import pika
    from pika.channel import Channel

logger = logging.getLogger("logbus.declaring")

TRIED_FROM = "amq.fanout"
"""An exchange that every virtual host has."""


class Declarer:
    """Declares plans on the channels of `link`, one after the other.

    `made`: the queues that did not exist; `consumed`: those that somebody consumed from when they were declared.
    """

    def __init__(self, link: Link) -> None:
        self._new_queues = NewQueues(link)
        self._as_it_is: dict[tuple[str, str], str] = {}
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
                self.made = self._new_queues.declared()
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
            return self._new_queues.missing(missing)
        found = refusals.deviating(error)
        if not found or (found.kind, found.name) in self._as_it_is or not deviations.will_do(found):
            return False
        self._as_it_is[found.kind, found.name] = found.argument
        deviations.report(found)
        return True

    def forget(self) -> None:
        """Forget what the broker refused: it may have changed since."""
        self._as_it_is.clear()
        self._writable.clear()
        self._left_out.clear()

    def disconnected(self) -> None:
        """Forget what the broker refused, and doubt the queues that were new."""
        self.forget()
        self._new_queues.disconnected()

    def _is_left_alone(self, step: Declaration) -> bool:
        if isinstance(step, Binding):
            kind = "exchange" if step.to_exchange else "queue"
            ends = [(kind, step.destination)] + [("exchange", UNMATCHED)] * (step.source == UNMATCHED)
            return "permission" in map(self._as_it_is.get, ends)  # UNMATCHED may not exist, so it cannot be just used
        return (_kind(step), step.name) in self._as_it_is

    def _steps(self, channel: "Channel", plan: list[Declaration], writes_to: str) -> Iterator[Step]:
        """Yield the steps; each takes the function to call afterwards."""
        made, routes = in_two_stages(plan)
        for step in made:
            if isinstance(step, Queue):
                yield from self._new_queues.before(channel, step)
                yield partial(self._declare_queue, channel, step)
            else:
                yield partial(_declare_exchange, channel, step)
        if writes_to and writes_to not in self._writable:
            yield partial(self._try_writing, channel, writes_to)
        yield from self._new_queues.settle()
        if any(isinstance(step, Exchange) and step.name == DRAIN for step in made) and DRAIN not in self._left_out:
            yield partial(self._unbind_old_drain, channel)
        for route in routes:
            if isinstance(route, Binding) and route.source == FOREIGN:
                yield from self._foreign_steps(channel, route)
            elif isinstance(route, Binding):
                yield partial(_bind, channel, route)
            else:
                yield partial(_declare_exchange, channel, route)

    def _try_writing(self, channel: "Channel", exchange: str, then: Then) -> None:
        """Remove a binding that does not exist: this needs permission to write to `exchange`, and changes nothing.

        Permission to read from TRIED_FROM is checked after that.
        """

        def may(reply: object) -> None:
            self._trying = ""
            self._writable.add(exchange)
            then(reply)

        self._trying = exchange
        channel.exchange_unbind(exchange, TRIED_FROM, NEVER, callback=may)

    def _unbind_old_drain(self, channel: "Channel", then: Then) -> None:
        """Unbind the classic queue `logs.drain` of older versions: while its node is down, it refuses everything.

        A missing binding is no error. A refusal (RabbitMQ 3.10 while that node is down) is ignored.
        """

        def done(reply: object) -> None:
            self._optional = ""
            self._left_out.add(DRAIN)
            then(reply)

        self._optional = DRAIN
        channel.queue_unbind(DRAIN, DRAIN, callback=done)

    def _foreign_steps(self, channel: "Channel", binding: Binding) -> Iterator[Step]:
        """Bind to `logs.foreign`, or do without: an operator may not have made it, or may not let us read from it."""
        if FOREIGN in self._left_out:
            logger.info("%s is missing, or unreadable: other programs' messages with a key do not arrive", FOREIGN)
            return

        def bind(then: Then) -> None:
            def done(reply: object) -> None:
                self._optional = ""
                then(reply)

            self._optional = FOREIGN
            _bind(channel, binding, done)

        yield bind

    def _declare_queue(self, channel: "Channel", queue: Queue, then: Then) -> None:
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


def _kind(step: Exchange | Queue) -> str:
    return "exchange" if isinstance(step, Exchange) else "queue"


def _bind(channel: "Channel", binding: Binding, then: Then) -> None:
    if binding.to_exchange:
        channel.exchange_bind(
            binding.destination, binding.source, binding.key, arguments=dict(binding.arguments), callback=then
        )
    else:
        channel.queue_bind(
            binding.destination, binding.source, binding.key, arguments=dict(binding.arguments), callback=then
        )


def _declare_exchange(channel: "Channel", exchange: Exchange, then: Then) -> None:
    channel.exchange_declare(
        exchange.name,
        exchange.type,
        durable=True,
        auto_delete=exchange.auto_delete,
        arguments=dict(exchange.arguments),
        callback=then,
    )
