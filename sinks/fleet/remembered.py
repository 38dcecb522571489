"""The hosts that should run: a file of names, one a line, which people write, or a page that has seen them."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from logbus.errors import UsageError, describe, visible
from logbus.fleet.status import Status

logger = logging.getLogger("sinks.fleet")

HOSTS_MAX: Final = 20_000
_FILE_BYTES: Final = HOSTS_MAX * 512


def hosts_in(path: Path) -> list[str]:
    """Return the hosts in a file, without empty lines and comments. Raises UsageError."""
    try:
        with path.open("rb") as file:
            text = file.read(_FILE_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"read {path}", error, "give a text file with a host a line") from error
    return [name for line in text.splitlines() if (name := line.partition("#")[0].strip())]


class Remembered:
    """The hosts of which a shipper was seen, at most HOSTS_MAX, also before this process began: in a file."""

    def __init__(self, path: Path) -> None:
        """Read the file, or begin one. Raises UsageError if it cannot be read, or not written."""
        self._path = path
        try:
            self._fd = os.open(path, os.O_CREAT | os.O_APPEND | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            raise UsageError(f"remember hosts in {path}", error, "give a file that this user may write") from error
        self._hosts = dict.fromkeys(hosts_in(path))

    def see(self, status: Status) -> None:
        """Remember the host of a shipper."""
        host = status.host
        if status.role != "shipper" or host in self._hosts or len(self._hosts) >= HOSTS_MAX or not _is_name(host):
            return
        self._hosts[host] = None
        try:
            os.write(self._fd, f"{host}\n".encode())
        except OSError as error:
            logger.warning("the host %s is not remembered in %s: %s", visible(host), self._path, describe(error))

    def hosts(self) -> Iterator[str]:
        """Yield the hosts."""
        yield from self._hosts

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


def _is_name(host: str) -> bool:
    """Return True for what stands on a line by itself: anybody may call a host anything."""
    return host.isprintable() and host == host.strip() != "" and "#" not in host
