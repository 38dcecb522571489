"""Hints from watchdog: which paths to look at before the next scan does.

watchdog's thread only sets items in a dict and calls wake(); both are atomic, so nothing is shared beyond that and
nothing is locked. Each directory has a watch of its own: where the system refuses one, or a filesystem reports
nothing, this is known, said once, and made good by scanning more often.
"""

# Paths go to the system as they are, as in discovery.
# ruff: noqa: PTH120

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from logbus.errors import describe, visible
from shipper.identity import generation_of

if TYPE_CHECKING:
    from watchdog.observers.api import BaseObserver, ObservedWatch

logger = logging.getLogger("shipper.watcher")

MOST_WATCHES = 1024  # each is a thread of watchdog's
DEAF_AFTER = 3
MOUNTS = Path("/proc/self/mountinfo")
REMOTE = ("nfs", "cifs", "smb", "fuse", "9p", "ceph", "afs", "lustre", "gpfs", "ocfs2", "gfs2", "virtiofs", "vboxsf")

Key = tuple[int, int, int | None]


class Watcher:
    """Watches directories; `take` gives what changed in them."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._hints: dict[str, None] = {}
        self._observer: BaseObserver | None = None
        self._watched: dict[str, tuple[Key, ObservedWatch]] = {}
        self._missed: dict[str, int] = {}
        self._refused = self._remote = False
        self._said: set[str] = set()

    @property
    def reliable(self) -> bool:
        """Whether changes are reported in every directory, as far as is known."""
        return not (self._refused or self._remote) and all(count < DEAF_AFTER for count in self._missed.values())

    def take(self) -> Iterator[str]:
        """Yield the paths hinted at since the last call, once each; "" asks for a scan."""
        while self._hints:
            path, _ = self._hints.popitem()
            if self._missed:
                self._missed.pop(os.path.dirname(path), None)
            yield path

    def missed(self, path: str) -> None:
        """Take note that a scan found a change at `path` that nothing had hinted at."""
        directory = os.path.dirname(path)
        count = self._missed[directory] = self._missed.get(directory, 0) + 1
        if count == DEAF_AFTER:
            self._say_once("changes in some directories are not reported by the system", visible(directory))

    def watch(self, directories: Iterable[str]) -> None:
        """Watch these directories and no others."""
        wanted = {path: key for path in directories if (key := _key(path))}
        for path in [path for path, (key, _) in self._watched.items() if wanted.get(path) != key]:
            self._unwatch(path)
        self._note_remote(wanted)
        self._refused = len(wanted) > MOST_WATCHES
        if self._refused:
            self._say_once("not all directories can be watched", f"more than {MOST_WATCHES}")
        for path, key in list(wanted.items())[:MOST_WATCHES]:
            if path not in self._watched and not self._watch(path, key):
                return

    def close(self) -> None:
        """Stop the threads."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
            self._observer = None

    def dispatch(self, event: object) -> None:
        """Take one of watchdog's events, in its thread."""
        if event.is_directory:  # type: ignore[attr-defined] # watchdog's FileSystemEvent, imported late
            self.hint("")
            return
        for path in (event.src_path, event.dest_path):  # type: ignore[attr-defined] # as above
            if path:
                self.hint(os.fsdecode(path))

    def hint(self, path: str) -> None:
        """Have `path` looked at; may be called from any thread."""
        self._hints[path] = None
        if len(self._hints) == 1:
            self._wake()

    def _note_remote(self, wanted: dict[str, Key]) -> None:
        """Take note of directories on filesystems where others may write without our system knowing."""
        kinds = _remote_devices() if wanted else {}
        remote = next(((path, kinds[key[0]]) for path, key in wanted.items() if key[0] in kinds), None)
        self._remote = remote is not None
        if remote:
            self._say_once(
                "what others write on a remote filesystem is not reported", f"{visible(remote[0])}: {remote[1]}"
            )

    def _watch(self, path: str, key: Key) -> bool:
        try:
            self._watched[path] = (key, self._schedule(path))
        except FileNotFoundError:
            return True
        except OSError as error:
            self._refused = True
            self._say_once("not all directories can be watched", describe(error))
            return False
        return True

    def _schedule(self, path: str) -> "ObservedWatch":
        from watchdog import events  # noqa: PLC0415 - `--once` never needs it

        return self._start().schedule(
            self,  # type: ignore[arg-type] # a FileSystemEventHandler as far as dispatch() goes, and imported late
            path,
            event_filter=[
                events.FileCreatedEvent,
                events.FileModifiedEvent,
                events.FileMovedEvent,
                events.FileDeletedEvent,
                events.DirCreatedEvent,
                events.DirMovedEvent,
                events.DirDeletedEvent,
            ],
            follow_symlink=True,
        )

    def _start(self) -> "BaseObserver":
        if self._observer is None:
            from watchdog.observers import Observer  # noqa: PLC0415 - as above

            _no_delay()
            self._observer = Observer()
            self._observer.start()
        return self._observer

    def _unwatch(self, path: str) -> None:
        _, watch = self._watched.pop(path)
        if self._observer is not None:
            self._observer.unschedule(watch)

    def _say_once(self, what: str, why: str) -> None:
        if what not in self._said:
            self._said.add(what)
            logger.warning("%s: %s (files there are found by looking several times a second instead)", what, why)


def _remote_devices() -> dict[int, str]:
    """Return device number -> type of the mounted filesystems that report only what this system itself changes."""
    try:
        lines = MOUNTS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return {}
    found = {}
    for line in lines:
        mount, _, source = line.partition(" - ")
        major, _, minor = mount.split()[2].partition(":")
        kind = source.split()[0]
        if kind.startswith(REMOTE):
            found[os.makedev(int(major), int(minor))] = kind
    return found


def _no_delay() -> None:
    """Keep watchdog from holding everything back for half a second whenever a file is renamed, to pair two events."""
    try:
        from watchdog.observers.inotify_move_event_grouper import (  # noqa: PLC0415 - as above
            InotifyMoveEventGrouper,
        )
    except ImportError:
        return  # another system or version: hints come later there
    InotifyMoveEventGrouper.delay = 0.0


def _key(path: str) -> Key | None:
    """Return what tells a directory from its successor of the same name; None if it is none, or cannot be opened."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        status = os.fstat(fd)
        return status.st_dev, status.st_ino, generation_of(fd)
    finally:
        os.close(fd)
