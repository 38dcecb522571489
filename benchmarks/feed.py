"""A publisher of exactly so many records a second: `python -m benchmarks.feed URL RATE SECONDS`.

They are a shipper's own batches, as `logbus.batch.encode` makes them, of 100 records each from ten hosts in turn: with
many small batches, which is the worst case for a page. A batch is published when it is due, and later ones at once if
that was late. The last one is confirmed, and with it all before it. Prints how many records were sent, and in how many
seconds. Each record says when it was made, as `t=...`, in microseconds.
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pika

from logbus.batch import Batch, Message, encode
from logbus.broker.messages import properties_of
from logbus.broker.topology import LOGS

RECORDS = 100
HOSTS = 10
_LINE = b"2026-11-24 10:00:00,000 INFO request %010d served by worker %06d t=%d\n"
RECORD_BYTES = len(_LINE % (0, 0, time.time_ns() // 1000))
"""All are as long, as long as microseconds have sixteen digits."""


@dataclass(slots=True)
class Feed:
    """What makes the batches, each of a host going on where its last one ended."""

    ends: list[int] = field(default_factory=lambda: [0] * HOSTS)

    def message(self, number: int) -> Message:
        """Return a batch's message; batches are made in the order of their numbers."""
        host, now_us = number % HOSTS, time.time_ns() // 1000
        body = b"".join(_LINE % (number * RECORDS + each, host, now_us) for each in range(RECORDS))
        offset, self.ends[host] = self.ends[host], self.ends[host] + len(body)
        batch = Batch(
            body,
            b"6" * RECORDS,
            host=f"host-{host}",
            label="app",
            path="/var/log/app.log",
            stream=f"{host:016x}",
            offset=offset,
            end=self.ends[host],
            read_at_us=now_us,
        )
        return encode(batch, user_id="guest")


def due_times(rate: int, for_s: float) -> Iterator[float]:
    """Yield when each batch is due, in seconds since the start."""
    yield from (number * RECORDS / rate for number in range(round(rate * for_s / RECORDS)))


def feed(url: str, rate: int, for_s: float) -> tuple[int, float]:
    """Publish; return how many records were sent, and in how many seconds."""
    feed, sent, began = Feed(), 0, time.perf_counter()
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        for number, due_s in enumerate(due_times(rate, for_s)):
            time.sleep(max(0.0, began + due_s - time.perf_counter()))
            message = feed.message(number)
            channel.basic_publish(LOGS, message.routing_key, message.body, properties_of(message))
            sent += RECORDS
        channel.confirm_delivery()
        channel.basic_publish("", "no-queue-has-this-name", b"")  # its confirm says that all before it were taken
    return sent, time.perf_counter() - began


def command(url: str, rate: int, for_s: float) -> list[str]:
    """Return the command that publishes in a process of its own."""
    return [sys.executable, "-m", "benchmarks.feed", url, str(rate), str(for_s)]


def main() -> int:
    """Publish, and print what was sent."""
    url, rate, for_s = sys.argv[1:]
    sent, took_s = feed(url, int(rate), float(for_s))
    print(f"{sent} {took_s:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
