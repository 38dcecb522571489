"""Reports about files: unreadable or not shipped, once each, and truncations and losses."""

# Paths are passed to the system unchanged, as in discovery.
# ruff: noqa: PTH116, PTH118

import logging
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache

from logbus import telemetry
from logbus.errors import LogbusError, SourceError, counted, visible
from logbus.native import descriptors
from logbus.output_mark import is_output
from shipper.files.discovery import Found, is_compressed
from shipper.files.identity import key_of
from shipper.files.opening import OpenFile, open_regular, own_outputs, require_view

logger = logging.getLogger("shipper.complaints")

HINT = "let the shipper's user read it, for example: setfacl -m u:USER:r FILE"

COMPRESSED = "it is compressed"
OWN = "this shipper itself writes to it, so shipping it would never end"
PRIVATE = "it is this shipper's own: its configuration, a secret named there, or its state"
OUTPUT = "a Logbus sink writes it, so shipping it would never end (exclude it)"


class Complaints:
    """Opens files; remembers which paths are `unreadable` now, and which files are left out."""

    def __init__(self, private: Iterable[str] = ()) -> None:
        self.unreadable: dict[str, LogbusError] = {}
        self._left_out: set[tuple[int, int]] = set()
        self._marked: set[str] = set()
        self._own = own_outputs()
        self._private = list(private)

    def unreadable_now(self, path: str, error: OSError | SourceError) -> None:
        """Report once that a path cannot be read; it is retried."""
        if path not in self.unreadable:
            reported = error if isinstance(error, SourceError) else _unreadable(path, error)
            self.unreadable[path] = reported
            logger.warning("%s; retried at every scan", reported)

    def readable_now(self, path: str) -> None:
        """Report that a path which was unreadable can be read again."""
        if self.unreadable.pop(path, None):
            logger.warning("%s can be read now", path)

    def open(self, found: Found, *, compressed: bool = False) -> OpenFile | None:
        """Open a file; None if it is gone, was replaced, cannot be read, or must not be shipped.

        `compressed`: a compressed one is wanted. One that could not be compared with others cannot be read either.
        """
        try:
            require_view(found.path)
            opened = open_regular(found.path)
        except FileNotFoundError:
            return None
        except (OSError, SourceError) as error:
            self.unreadable_now(found.path, error)
            return None
        self.readable_now(found.path)
        if opened.id.key != key_of(found.status) or self._leaves_out(opened, compressed=compressed):
            opened.close()
            return None
        return opened

    def note_mark(self, path: str, encoding: str) -> None:
        """Report once that a file which is published as bytes begins with the mark of an encoding, if it does."""
        if encoding and path not in self._marked:
            self._marked.add(path)
            report_marked(path, encoding)

    def _leaves_out(self, file: OpenFile, *, compressed: bool) -> bool:
        """Return True for an open file that must not be shipped, and report the reason once."""
        why = self._why(file)
        if compressed and why == COMPRESSED:
            return False
        if why and file.id.key not in self._left_out:
            self._left_out.add(file.id.key)
            log = logger.info if why == COMPRESSED else logger.warning
            log("not shipping %s: %s", visible(file.path), why)
        return bool(why)

    def _why(self, file: OpenFile) -> str:
        if is_private(file, self._private):
            return PRIVATE
        return OWN if file.id.key in self._own else kind_left_out(file.fd)


def is_private(file: OpenFile, private: Iterable[str]) -> bool:
    """Return True for one of the `private` files, or a file in a private directory, as these exist now."""
    own_path = file.real_path or file.path
    for each in private:
        with suppress(OSError):
            status = os.stat(each)
            if key_of(status) == file.id.key:
                return True
            if stat.S_ISDIR(status.st_mode) and own_path.startswith(_real_directory(each, key_of(status))):
                return True
    return False


@lru_cache(8)
def _real_directory(path: str, _key: tuple[int, int]) -> str:
    return os.path.join(os.path.realpath(path), "")


def kind_left_out(fd: int) -> str:
    """Return why files like this open one are not shipped; "" if they are."""
    if is_output(fd):
        return OUTPUT
    return COMPRESSED if is_compressed(fd) else ""


def report_marked(path: str, encoding: str) -> None:
    """Report that the byte order mark of an encoding is at the beginning of a file that is published as bytes."""
    logger.warning(
        "%s begins with a UTF-16 byte order mark, but is published as bytes: set encoding: %s for its input",
        path,
        encoding,
    )


def report_truncated(path: str, copy: str, lost_bytes: int) -> None:
    """Report and count a truncated or rewritten file; `copy` is the path of the copy with its old content, if any."""
    telemetry.count("logbus_truncations")
    if copy:
        logger.info("%s was truncated: resuming its old content in the copy %s", path, copy)
    else:
        logger.warning("%s was truncated or rewritten in place: reading it from its start as a new stream", path)
    if lost_bytes:
        report_lost(path, lost_bytes)


def _unreadable(path: str, error: OSError) -> SourceError:
    return SourceError(f"read {path}", error, descriptors.hint(error, HINT))


def report_lost(path: str, lost_bytes: int) -> None:
    """Report and count bytes that disappeared before they were read."""
    telemetry.count("logbus_lost_bytes", lost_bytes)
    logger.warning("%s: %s lost before they were read", path, counted(lost_bytes, "byte was", "bytes were"))


def report_unconfirmed(path: str, lost_bytes: int) -> None:
    """Report and count lost bytes, if any, that were unconfirmed when the shipper stopped."""
    if lost_bytes > 0:
        telemetry.count("logbus_lost_bytes", lost_bytes)
        logger.warning("%s is gone, with %s", path, counted(lost_bytes, "unconfirmed byte"))


def report_dropped(path: str, lost_bytes: int, limit: int) -> None:
    """Report and count the unread bytes of a nameless file that was dropped because of hold_deleted_bytes."""
    telemetry.count("logbus_lost_bytes", lost_bytes)
    logger.warning(
        "%s: dropped %s of a deleted or rotated file: hold_deleted_bytes (%d) is exceeded",
        path,
        counted(lost_bytes, "unread byte"),
        limit,
    )
