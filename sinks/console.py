"""The sink type `console`: shows records on standard output, as text lines or as JSON objects, one each.

    11:04:05.123 err     web-1        app          the text

Lines are coloured by severity on a terminal. Whatever the text contains, no control character reaches the terminal, and
one record cannot look like two: joined lines of a multiline record are indented. A console keeps no state, and shows
only new records. When nobody can read its output any more (`| head -1`, a closed terminal) it ends, even if nothing
arrives; what was not shown is not acknowledged.
"""

import errno
import fnmatch
import os
import select
import stat
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import add
from typing import Literal

import msgspec

from logbus.batch import Batch, records, split_records
from logbus.batch import select as select_records
from logbus.config.patterns import compile_pattern
from logbus.errors import OutputError, UsageError
from logbus.severity import Severity
from sinks import objects
from sinks.parsed import Which
from sinks.printable import inert_json, printable, printable_word
from sinks.sink import BatchRefused, Context, OutputClosed

STDOUT = 1
GONE = frozenset({errno.EPIPE, errno.EIO, errno.ENXIO})
"""Errors of a write to a pipe or terminal whose other end is closed."""
COLOURS = {0: b"\x1b[1;37;41m", 1: b"\x1b[1;31m", 2: b"\x1b[1;31m", 3: b"\x1b[31m", 4: b"\x1b[33m", 5: b"\x1b[36m"}
COLOURS |= {6: b"", 7: b"\x1b[2m"}
RESET = b"\x1b[0m"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_US = 253_402_300_799_999_999
"""9999-12-31, in microseconds since 1970."""
AT_ONCE_BYTES = 4 << 20
NAMES_MAX_BYTES = 128 << 20
LINE_BYTES = 64
CONTINUED = b"\n" + b" " * 13


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys of a console sink.

    `format`; globs for `host` and `label`; a pattern for records; `parsed`: whose fields are shown as JSON.
    """

    format: Literal["text", "json"] = "text"
    host: str = "*"
    label: str = "*"
    grep: str = ""
    parsed: Which = "all"

    def __post_init__(self) -> None:
        """Check the pattern. Raises UsageError."""
        if self.grep:
            compile_pattern(self.grep)


class Console:
    """Shows batches on `fd`, formatted by `show`; if the reader is slow, the rest waits for `ready`."""

    def __init__(self, settings: Settings, show: Callable[[Batch], bytes], fd: int = STDOUT) -> None:
        self._settings = settings
        self._show = show
        self._shared = fd
        self._fd = _without_blocking(fd)
        self._poll = _hang_ups(self._fd)
        self._rest = memoryview(b"")

    def write(self, batch: Batch) -> None:
        """Show as much of a batch as there is room for. Raises OutputClosed when the reader is gone, OutputError."""
        wanted = self._settings
        if fnmatch.fnmatchcase(batch.host, wanted.host) and fnmatch.fnmatchcase(batch.label, wanted.label):
            if wanted.grep:
                batch = matching(batch, wanted.grep)
            for part in split_records(batch, _records_at_once(batch)):
                self._rest = memoryview(bytes(self._rest) + self._show(part))
                self.ready()

    def ready(self) -> bool:
        """Show as much of the rest as there is room for; return True if that was all. Raises as `write` does."""
        try:
            while self._rest:
                self._rest = self._rest[os.write(self._fd, self._rest) :]
        except BlockingIOError:
            self._require_reader()
            return False
        except OSError as error:
            if error.errno in GONE:
                raise OutputClosed from None
            raise OutputError("write to standard output", error, "check what it is connected to") from error
        self._require_reader()
        return True

    def _require_reader(self) -> None:
        """Raise OutputClosed if the other end of the pipe or terminal is closed, even with nothing to write."""
        if self._poll and self._poll.poll(0):
            raise OutputClosed

    def commit(self) -> None:
        """Do nothing: what was written has been shown."""

    def close(self) -> None:
        """Close the descriptor opened here; standard output itself is not ours to close."""
        if self._fd != self._shared:
            os.close(self._fd)
            self._fd = self._shared


def _records_at_once(batch: Batch) -> int:
    """Return how many records to show at a time. Raises BatchRefused if their host and path are absurdly long."""
    name_bytes = 4 * len(batch.host + batch.label + batch.path)
    if name_bytes * len(batch.levels) > NAMES_MAX_BYTES:
        raise BatchRefused(
            "show the batch", f"names of {name_bytes} bytes before {len(batch.levels)} records are too many"
        )
    return AT_ONCE_BYTES // (name_bytes + LINE_BYTES) + 1


def _without_blocking(fd: int) -> int:
    """Return `fd`, or for a pipe or terminal a second descriptor of it, on which a write never blocks.

    O_NONBLOCK on `fd` itself would also apply to the shell and everyone else who shares it.
    """
    try:
        if stat.S_ISFIFO(os.fstat(fd).st_mode) or os.isatty(fd):
            return os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return fd
    return fd


def _hang_ups(fd: int) -> "select.poll | None":
    """Return a poll object that reports a closed other end of a pipe or terminal; None for anything else."""
    with suppress(OSError):
        if stat.S_ISFIFO(os.fstat(fd).st_mode) or os.isatty(fd):
            poll = select.poll()
            poll.register(fd, 0)  # errors and hang-ups are always reported
            return poll
    return None


def matching(batch: Batch, pattern: str) -> Batch:
    """Return `batch` with only the records in which `pattern`, in RE2 syntax, matches within a line."""
    search = compile_pattern(pattern).search
    return select_records(batch, [search(record) is not None for record in records(batch)])


def open_sink(settings: Settings, _context: Context) -> Console:
    """Return a console on standard output, in colour on a terminal unless NO_COLOR is set.

    Raises UsageError if standard output is closed.
    """
    if sys.stdout.name == os.devnull:
        raise UsageError("show records", "standard output is closed", "leave out >&-, or redirect it to a file")
    if settings.format == "json":
        return Console(settings, partial(as_json, which=settings.parsed))
    return Console(settings, as_text(colour=sys.stdout.isatty() and not os.environ.get("NO_COLOR")))


def durable(_settings: Settings) -> bool:
    """Return False: a console keeps no state."""
    return False


def as_text(*, colour: bool) -> Callable[[Batch], bytes]:
    """Return a function that formats a batch as lines for people."""
    colours = COLOURS if colour else dict.fromkeys(COLOURS, b"")
    words = {ord(f"{s:d}"): colours[s] + b"%-7s" % s.word.encode() + (RESET if colours[s] else b"") for s in Severity}

    def show(batch: Batch) -> bytes:
        clock = _when(batch).astimezone().strftime("%H:%M:%S.%f")[:-3].encode()
        host, label = printable_word(batch.host), printable_word(batch.label)
        prefixes = {digit: b"%s %s %-12s %-12s " % (clock, words[digit], host, label) for digit in set(batch.levels)}
        lines = _lines(batch)
        shown = list(map(add, map(prefixes.__getitem__, batch.levels), lines))
        if batch.lengths is not None:
            shown = [line for line, (size, _) in zip(shown, batch.lengths, strict=True) if size]
        return b"\n".join([*shown, b""])

    return show


def _lines(batch: Batch) -> Iterable[bytes]:
    """Return each record as printable text without its newline."""
    if batch.lengths is None:
        return printable(batch.body).removesuffix(b"\n").split(b"\n")
    return (printable(record).removesuffix(b"\n").replace(b"\n", CONTINUED) for record in records(batch))


def as_json(batch: Batch, which: Which = "all") -> bytes:
    """Return a batch as JSON, one object and line per record."""
    now_us = time.time_ns() // 1000
    begin = inert_json(objects.shared(batch, now_us).decode()).encode()
    return objects.lines(batch, begin, now_us, which, shown=True)


def _when(batch: Batch) -> datetime:
    """Return when the batch was read; for a foreign one, now."""
    return EPOCH + timedelta(microseconds=min(batch.read_at_us or time.time_ns() // 1000, LAST_US))
