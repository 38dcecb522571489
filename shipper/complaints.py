"""What is said about files: what is not shipped, once each, and what was truncated."""

import logging

from logbus import telemetry
from logbus.errors import LogbusError, SourceError, visible

logger = logging.getLogger("shipper.complaints")

HINT = "let the shipper's user read it, for example: setfacl -m u:USER:r FILE"

COMPRESSED = "it is compressed"
OWN = "this shipper itself writes to it"


class Complaints:
    """Paths that cannot be read now (`unreadable`), and files that are left out."""

    def __init__(self) -> None:
        self.unreadable: dict[str, LogbusError] = {}
        self._left_out: set[tuple[int, int]] = set()

    def unreadable_now(self, path: str, error: OSError | SourceError) -> None:
        """Take note that a path cannot be read; it is tried again."""
        if path not in self.unreadable:
            said = error if isinstance(error, SourceError) else SourceError(f"read {path}", error, HINT)
            self.unreadable[path] = said
            logger.warning("%s; trying again at every scan", said)

    def readable_now(self, path: str) -> None:
        """Take note that a path was read."""
        if self.unreadable.pop(path, None):
            logger.warning("%s can be read now", visible(path))

    def left_out(self, path: str, key: tuple[int, int], why: str) -> None:
        """Take note that a file is not shipped."""
        if key not in self._left_out:
            self._left_out.add(key)
            logger.info("not shipping %s: %s", visible(path), why)


def say_truncated(path: str, copy: str, lost_bytes: int) -> None:
    """Say and count that a file holds other bytes by now; `copy` is where it goes on, if anywhere."""
    telemetry.count("logbus_truncations")
    if copy:
        logger.info("%s was truncated: what it held goes on in its copy %s", visible(path), visible(copy))
    else:
        logger.warning("%s was truncated or rewritten in place: its bytes are a new stream now", visible(path))
    if lost_bytes:
        say_lost(path, lost_bytes)


def say_lost(path: str, lost_bytes: int) -> None:
    """Say and count that bytes were there and are not any more."""
    telemetry.count("logbus_lost_bytes", lost_bytes)
    logger.warning("%s: %d bytes were gone before they could be read", visible(path), lost_bytes)


def say_dropped(path: str, lost_bytes: int, limit: int) -> None:
    """Say and count that a file without a name was given up, because hold_deleted_bytes was reached."""
    telemetry.count("logbus_lost_bytes", lost_bytes)
    logger.warning(
        "%s: %d bytes of a file that was deleted or rotated away are dropped: more than hold_deleted_bytes (%d) waits",
        visible(path),
        lost_bytes,
        limit,
    )
