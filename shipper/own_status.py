"""What a shipper tells the fleet of itself: `logbus.fleet.status` says what each number means."""

import secrets
import time
from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import Final, Protocol

from logbus.broker.publishing.publisher import Publisher
from logbus.fleet.status import MOST, Part, Status, Trouble, text
from logbus.severity import Severity
from logbus.telemetry import samples, value
from shipper.lives.following import Following
from shipper.lives.lives import Lives
from shipper.settings import Settings
from shipper.steps.activity import by_input

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
            newest_us=publisher.newest_read_s * US,
            held_files=int(value("logbus_held_lives")),
            held_bytes=int(value("logbus_held_bytes")),
            inputs=inputs[:MOST],
            troubles=troubles(agent),
            severities=_severities(),
        )

    return describe


def troubles(agent: Agent) -> list[Trouble]:
    """Return which files cannot be read now, and why; at most `MOST`."""
    unreadable = islice(agent.following.complaints.unreadable.items(), MOST)
    return [Trouble(text(path, CAUSE_MAX), text(str(error.cause), CAUSE_MAX)) for path, error in unreadable]


def _inputs(agent: Agent) -> list[Part]:
    """Return a part for each input, the furthest behind first."""
    files, behind = by_input(agent.lives)
    records, sizes = _by("logbus_published_records", "input"), _by("logbus_published_bytes", "input")
    return [
        Part(text(name), files[name], max(0, behind[name]), records[name], sizes[name])
        for name in sorted(files | records, key=lambda name: (-behind[name], -records[name], name))
    ]


def _severities() -> list[int]:
    by_word = _by("logbus_published_records", "severity")
    return [by_word[severity.word] for severity in Severity]


def _by(metric: str, label: str) -> Counter[str]:
    """Return the sums of a metric by a label."""
    found: Counter[str] = Counter()
    for (name, labels), number in samples().items():
        if name == metric:
            found[dict(labels)[label]] += int(number)
    return found
