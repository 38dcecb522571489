"""What a shipper tells the fleet of itself: `logbus.fleet.status` says what each number means."""

import secrets
import time
from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import Final, Protocol

from logbus.broker.publisher import Publisher
from logbus.fleet.status import MOST, Part, Status, Trouble, text
from logbus.telemetry import value
from shipper.lives.following import Following
from shipper.lives.lives import Lives
from shipper.settings import Settings

US: Final = 1_000_000
CAUSE_MAX: Final = 400


class Agent(Protocol):
    """The part of `shipper.agent.Agent` that is told of."""

    lives: Lives
    following: Following

    @property
    def records(self) -> int:
        """How many records were published."""

    @property
    def bytes(self) -> int:
        """How many bytes of the files were published."""

    @property
    def files(self) -> int:
        """How many files are followed."""


def describer(agent: Agent, publisher: Publisher, settings: Settings) -> Callable[[], Status]:
    """Return what makes the status of a shipper now."""
    host, instance, started_us = text(settings.host_name()), secrets.token_hex(8), time.time_ns() // 1000

    def describe() -> Status:
        now_us = time.time_ns() // 1000
        inputs = _inputs(agent)
        return Status(
            host,
            "shipper",
            instance,
            started_us,
            now_us,
            records=agent.records,
            bytes=agent.bytes,
            files=agent.files,
            behind_bytes=sum(each.behind_bytes for each in inputs),
            waiting=int(value("logbus_in_flight_batches")),
            oldest_us=publisher.oldest_read_s * US,
            held_files=int(value("logbus_held_lives")),
            held_bytes=int(value("logbus_held_bytes")),
            inputs=inputs[:MOST],
            troubles=troubles(agent),
        )

    return describe


def troubles(agent: Agent) -> list[Trouble]:
    """Return which files cannot be read now, and why; at most `MOST`."""
    unreadable = islice(agent.following.complaints.unreadable.items(), MOST)
    return [Trouble(text(path, CAUSE_MAX), text(str(error.cause), CAUSE_MAX)) for path, error in unreadable]


def _inputs(agent: Agent) -> list[Part]:
    """Return a part for each label, the furthest behind first."""
    files: Counter[str] = Counter()
    behind: Counter[str] = Counter()
    for life in agent.lives:
        label = life.input.label_of(life.path)
        files[label] += 1
        behind[label] += life.tail.offset + life.unread - life.progress.committed
    by_delay = sorted(files, key=lambda label: -behind[label])
    return [Part(text(label), files[label], max(0, behind[label])) for label in by_delay]
