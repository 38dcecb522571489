"""Batches that wait to be sent, or sent again, in their order: each one message, or several if it is too large.

RabbitMQ closes the channel on a message beyond its limit. From then on batches are cut to that size.
"""

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from logbus.batch import Batch, Message, Span, decode, encode, split
from logbus.broker.messages import properties_of

if TYPE_CHECKING:
    import pika

logger = logging.getLogger("logbus.broker.publisher")

SIZE_MARGIN_BYTES = 64
"""RabbitMQ's limit applies to the body alone; this margin allows for a frame more or less."""


class Entry(Struct, frozen=True):
    """A message with its `number`, which grows, and the `span` of the source that it stands for."""

    number: int
    message: Message
    properties: "pika.BasicProperties"
    span: Span

    @property
    def size_bytes(self) -> int:
        """How much of the source it stands for."""
        return self.span.end - self.span.offset


class Waiting:
    """The waiting entries, the oldest first."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
        self._next_number = 0
        self._max_body_bytes = 0

    def __len__(self) -> int:
        """Return how many messages wait."""
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        """Yield what waits."""
        return iter(self._entries)

    def add(self, batch: Batch, message: Message, user_id: str | None) -> None:
        """Add a batch, encoded as `message`; if that is too large, encode its parts, which state `user_id`."""
        self._entries.extend(self._entries_of(batch, message, user_id))

    def put_back(self, entries: Iterable[Entry]) -> None:
        """Add what was sent in vain, where it belongs."""
        self._entries = deque(sorted([*entries, *self._entries], key=lambda entry: entry.number))

    def take(self) -> Entry:
        """Remove and return the first. Raises IndexError if there is none."""
        return self._entries.popleft()

    def limit(self, limit_bytes: int, user_id: str | None) -> None:
        """Cut what waits, and whatever is added from now on, to a size that RabbitMQ accepts."""
        self._max_body_bytes = max(1, limit_bytes - SIZE_MARGIN_BYTES)
        logger.warning(
            "RabbitMQ accepts at most %d bytes per message: cutting batches to that size", self._max_body_bytes
        )
        self._entries = deque(
            part for entry in self._entries for part in self._entries_of(decode(entry.message), entry.message, user_id)
        )

    def _entries_of(self, batch: Batch, message: Message, user_id: str | None) -> list[Entry]:
        if 0 < self._max_body_bytes < len(message.body):
            parts = split(batch, self._max_body_bytes)
            return [self._entry(part.span, encode(part, user_id=user_id)) for part in parts]
        return [self._entry(batch.span, message)]

    def _entry(self, span: Span, message: Message) -> Entry:
        self._next_number += 1
        return Entry(self._next_number, message, properties_of(message), span)
