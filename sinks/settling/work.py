"""What is done for an archive now and then: what is not to be kept is deleted, and finished outputs are settled.

`python -m sinks.settling.work STATE` is begun by the sink, and yields to all other processes. Standard input has the
sink's settings as JSON. Standard output gets a JSON list for each thing to be logged: what it is, and the text.
"""

import os
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from logbus.errors import LogbusError, describe, visible
from sinks.file.settings import Settings
from sinks.index.names import FILE_NAME
from sinks.search.asking import Source
from sinks.settling.archive import Archive, archive_of, opened_store
from sinks.settling.finished import is_finished
from sinks.settling.keeping import delete, surplus
from sinks.settling.listing import outputs_in
from sinks.settling.recompressing import is_worthwhile, recompress
from sinks.settling.store import Store

WORK_BYTES: Final = 2 << 30
"""So much is read in one go; the rest waits for the next time."""
Say = Callable[[str, str], None]
"""Tells a text to be logged, and what it is: a warning, or that a file was deleted."""


def work(archive: Archive, now_s: float, say: Say) -> None:
    """Delete what is not to be kept, and settle what is finished; `now_s` in seconds since 1970. Raises StateError."""
    sources = outputs_in(archive)[0]
    if not (archive.settings.index and (archive.state / FILE_NAME).exists()):
        _keep(archive, None, sources, now_s, say)
        return
    with opened_store(archive) as store:
        gone = _keep(archive, store, sources, now_s, say)
        finished = [each for each in sources if each not in gone and is_finished(each, now_s)]
        if archive.settings.settle:
            _settle(archive, store, finished, say)


def _keep(archive: Archive, store: Store | None, sources: list[Source], now_s: float, say: Say) -> list[Source]:
    """Delete what is not to be kept, the oldest first; return what was to go."""
    gone = surplus(sources, archive.settings, now_s)
    for source in gone:
        try:
            if delete(archive, store, source, now_s):
                say("deleted", f"deleting {visible(source.path)}")
        except (LogbusError, OSError, sqlite3.Error) as error:
            cause = describe(error) if isinstance(error, OSError) else error
            say("warning", f"cannot delete {visible(source.path)}: {visible(cause)}")
    return gone


def _settle(archive: Archive, store: Store, sources: list[Source], say: Say) -> None:
    """Settle what is not yet, the oldest first, as much as is read in one go."""
    left_bytes = WORK_BYTES
    for source in sorted(sources, key=lambda each: each.changed_us):
        if left_bytes <= 0:
            return
        left_bytes -= _settled(archive, store, source, say)


def _settled(archive: Archive, store: Store, source: Source, say: Say) -> int:
    """Settle an output that is not yet; return how many bytes were read."""
    try:
        opened = archive.open(source)
        if opened is None:
            return 0
        try:
            if not opened.finished:
                return 0
            if archive.settings.recompress and opened.is_closed and is_worthwhile(opened):
                recompress(archive, store, opened)  # if somebody still writes, it is finished another time
            elif store.zone_if_settled(opened) == archive.zone_name:
                return 0
            else:
                archive.settle(store, opened, lambda _size: None)
            return opened.size_bytes
        finally:
            os.close(opened.fd)
    except (LogbusError, OSError, sqlite3.Error) as error:
        cause = describe(error) if isinstance(error, OSError) else error
        say("warning", f"cannot settle {visible(source.path)}: {visible(cause)}; it is searched without exact rows")
        return 0


def told(level: str, text: str) -> None:
    """Tell the sink what to log."""
    sys.stdout.buffer.write(msgspec.json.encode((level, text)) + b"\n")
    sys.stdout.buffer.flush()


def main() -> None:
    """Work once."""
    os.nice(19)
    settings = msgspec.json.decode(sys.stdin.buffer.read(), type=Settings)
    try:
        work(archive_of(settings, Path(sys.argv[1])), time.time(), told)
    except LogbusError as error:
        told("warning", visible(error))


if __name__ == "__main__":
    main()
