"""Plain channels of pika, beside those of the product: to publish what it would not, and to look at queues."""

import pika
from pika.adapters.blocking_connection import BlockingChannel

Channel = BlockingChannel


def properties(**known: object) -> pika.BasicProperties:
    """Return the properties of a message of which only so much is said."""
    return pika.BasicProperties(**known)  # type: ignore[no-untyped-call] # pika leaves this one bare
