"""How much room there is where a daemon writes."""

import os
from contextlib import suppress
from pathlib import Path

from logbus.telemetry import gauge


def measure(what: str, directory: Path) -> None:
    """Set the gauge of free bytes for a directory, called `state` or `outputs`; leave it if that cannot be told."""
    with suppress(OSError):
        status = os.statvfs(directory)
        gauge("logbus_disk_free_bytes", status.f_bavail * status.f_frsize, directory=what)
