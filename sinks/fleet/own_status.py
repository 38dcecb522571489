"""What a sink tells the fleet of itself: `logbus.fleet.status` says what each number means."""

import secrets
import socket
import time
from collections.abc import Callable
from typing import Final

from logbus.fleet.status import Status, Trouble, text
from logbus.telemetry import value
from sinks.delivery.runner import Runner

CAUSE_MAX: Final = 400


def describer(runner: Runner, name: str, queue: str) -> Callable[[], Status]:
    """Return what makes the status of a sink now."""
    host, instance, started_us = text(socket.gethostname()), secrets.token_hex(8), time.time_ns() // 1000

    def describe() -> Status:
        return Status(
            host,
            "sink",
            instance,
            started_us,
            time.time_ns() // 1000,
            name=name,
            records=runner.activity.total_lines,
            bytes=int(value("logbus_written_bytes")),
            waiting=runner.activity.waiting,
            newest_us=runner.activity.newest_us,
            queue=queue,
            queued=int(value("logbus_queue_messages")),
            consumers=int(value("logbus_queue_consumers")),
            troubles=troubles(runner, name),
        )

    return describe


def troubles(runner: Runner, name: str) -> list[Trouble]:
    """Return why nothing can be written now, if that is so."""
    why = runner.outage.why
    return [Trouble(name, text(why, CAUSE_MAX))] if why else []
