"""Deletes outputs that are too old, or too many, the oldest first; and the directories that are empty then.

Nothing is deleted that the sink may write to: the ledger has no mark of it, nobody holds its lock, and it was written
to more than an hour ago.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from logbus.config.patterns import compile_glob
from sinks.file import holding, safe_open
from sinks.file.settings import Settings
from sinks.file.upkeep.retention import Keep
from sinks.index.place import token_of
from sinks.search.asking import Source
from sinks.search.files.opening import identity_of
from sinks.settling.archive import Archive, committed
from sinks.settling.finished import period_end_s
from sinks.settling.opened import folder_of, open_beneath
from sinks.settling.store import Store

RECENT_S: Final = 3600.0
_DAY_S: Final = 86_400.0


def surplus(sources: Sequence[Source], settings: Settings, now_s: float) -> list[Source]:
    """Return the outputs beyond the limits, the oldest first; `now_s` in seconds since 1970."""
    left, found = list(sources), []
    for rule in settings.keep:
        matches = compile_glob(rule.label)
        mine = [each for each in left if rule.label == "*" or matches(each.told.get("label", ""))]
        left = [each for each in left if each not in mine]
        found += list(_beyond(mine, rule, now_s))
    rest = [each for each in sources if each not in found]
    found += _beyond(rest, Keep("*", settings.keep_days, settings.keep_bytes), now_s)
    return sorted(found, key=_ended_s)


def delete(archive: Archive, store: Store | None, source: Source, now_s: float) -> bool:
    """Delete an output, and what the index says of it; return False if somebody may write to it.

    Raises OSError, StateError and sqlite3.Error.
    """
    relative = str(source.path.relative_to(archive.base))
    fd = open_beneath(archive.base, relative)
    if fd is None:
        return False
    folder, name = folder_of(archive.base, relative)
    try:
        if not _is_free(archive, fd, os.stat(name, dir_fd=folder, follow_symlinks=False), now_s):
            return False
        if store and (token := token_of(fd)):
            store.forget(token)
        os.unlink(name, dir_fd=folder)
    finally:
        os.close(folder)
        os.close(fd)
    _remove_empty(archive, relative)
    return True


def _beyond(sources: Sequence[Source], rule: Keep, now_s: float) -> Iterator[Source]:
    """Yield the outputs that one rule does not keep; those that were written lately count, and are kept."""
    kept_bytes = 0
    for source in sorted(sources, key=_ended_s, reverse=True):
        kept_bytes += source.size_bytes
        too_old = rule.keep_days is not None and _ended_s(source) + rule.keep_days * _DAY_S <= now_s
        too_much = rule.keep_bytes is not None and kept_bytes > rule.keep_bytes
        if (too_old or too_much) and source.changed_us / 1_000_000 + RECENT_S <= now_s:
            yield source


def _ended_s(source: Source) -> float:
    """Return when the day or hour of an output was over, or else when it was last changed, in seconds since 1970."""
    end_s = period_end_s(source.told)
    return source.changed_us / 1_000_000 if end_s is None else end_s


def _is_free(archive: Archive, fd: int, there: os.stat_result, now_s: float) -> bool:
    """Return True if nobody can write to an open output, which is then locked, and which is still the one there."""
    try:
        holding.hold(fd)
    except holding.HeldByAnother:
        return False
    mine = os.fstat(fd)
    if mine.st_mtime + RECENT_S > now_s or identity_of(there) != identity_of(mine):
        return False
    return stat.S_ISREG(mine.st_mode) and committed(archive.state)(safe_open.identity(fd)) is None


def _remove_empty(archive: Archive, relative: str) -> None:
    """Remove the directories of a deleted output that are empty, up to the base."""
    while "/" in relative:
        relative = relative.rpartition("/")[0]
        with suppress(OSError):
            folder, name = folder_of(archive.base, relative)
            try:
                os.rmdir(name, dir_fd=folder)
                continue
            finally:
                os.close(folder)
        return
