"""Plain channels of pika, beside those of the product: to publish what it would not, and to look at queues."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pika
from pika.adapters.blocking_connection import BlockingChannel

Channel = BlockingChannel


def properties(**known: object) -> pika.BasicProperties:
    """Return the properties of a message of which only so much is said."""
    return pika.BasicProperties(**known)  # type: ignore[no-untyped-call] # pika leaves this one bare


@contextmanager
def confirming(url: str) -> Iterator[Channel]:
    """Give a channel on a connection of its own. A quorum queue may lack what is not confirmed when that is closed."""
    with closing(pika.BlockingConnection(pika.URLParameters(url))) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        yield channel
