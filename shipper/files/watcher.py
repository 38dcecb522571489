"""Hints from the system: paths to observe before the next scan.

This uses the layer below watchdog's observers, one inotify instance with a callback per directory, and reads it in the
shipper's own thread when the loop finds it readable: the observers pass each hint through three threads, and add one
per directory. A refused watch, or a filesystem that reports nothing, is detected, reported once, and compensated by
more frequent scans.
"""

# Paths are passed to the system unchanged, as in discovery.
# ruff: noqa: PTH118, PTH120

import errno
import logging
import os
import select
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from logbus.errors import describe, visible
from logbus.inode import generation_of

if TYPE_CHECKING:
    from watchdog.observers.inotify_c import CallbackId, InotifyEvent, InotifyFD, WatchDescriptor

logger = logging.getLogger("shipper.files.watcher")

DEAF_AFTER = 3
MOUNTS = Path("/proc/self/mountinfo")
REMOTE = ("nfs", "cifs", "smb", "fuse", "9p", "ceph", "afs", "lustre", "gpfs", "ocfs2", "gfs2", "virtiofs", "vboxsf")

ADVICE = {
    errno.EMFILE: "; raise fs.inotify.max_user_instances (128 by default, shared by all programs of this user)",
    errno.ENOSPC: "; raise fs.inotify.max_user_watches, shared by all programs of this user",
}
"""Advice to the operator when the system refuses a watch."""

Key = tuple[int, int, int | None]


class Waker(Protocol):
    """What wakes the loop: a part of `logbus.broker.connecting.connection.Connection`."""

    def wake_on(self, fd: int) -> None:
        """Wake the loop whenever `fd` is readable."""

    def ignore(self, fd: int) -> None:
        """Stop waking on `fd`."""


class Directory(Struct, frozen=True, eq=False):
    """A watched directory, which gets its events from watchdog."""

    path: str
    hint: Callable[[str], None]

    def on_event(self, event: "InotifyEvent") -> None:
        """Hint at a file; at everything, if the event is about a directory."""
        self.hint("" if event.is_directory or not event.name else os.path.join(self.path, os.fsdecode(event.name)))

    def on_watch_deleted(self, _watch: int) -> None:
        """Hint at everything: the directory is gone."""
        self.hint("")

    def on_queue_overflow(self) -> None:
        """Hint at everything: the system lost events."""
        self.hint("")


class Watcher:
    """Watches directories: `take` yields the paths that changed, and `waker` wakes the loop when there are any."""

    def __init__(self, waker: Waker) -> None:
        self._waker = waker
        self._hints: dict[str, None] = {}
        self._inotify: InotifyFD | None = None
        self._readable = select.poll()
        self._watched: dict[str, tuple[Key, WatchDescriptor, CallbackId]] = {}
        self._missed: dict[str, int] = {}
        self._refused = self._remote = False
        self._reported: set[str] = set()

    @property
    def reliable(self) -> bool:
        """Whether the system is known to report the changes in every directory."""
        return not (self._refused or self._remote) and all(count < DEAF_AFTER for count in self._missed.values())

    def take(self) -> Iterator[str]:
        """Yield the paths with hints since the last call, once each; "" asks for a scan."""
        if self._inotify and self._readable.poll(0):
            for event in self._inotify.read_events():
                self._inotify.handle_event(event)
        while self._hints:
            path, _ = self._hints.popitem()
            if self._missed:
                self._missed.pop(os.path.dirname(path), None)
            yield path

    def missed(self, directories: Iterable[str]) -> None:
        """Count a scan that found changes in these directories without hints.

        One such scan proves nothing: the hints at writes during a scan arrive right after it.
        """
        for directory in directories:
            count = self._missed[directory] = self._missed.get(directory, 0) + 1
            if count == DEAF_AFTER:
                self._report_once("changes in some directories are not reported by the system", visible(directory))

    def watch(self, directories: Iterable[str]) -> None:
        """Watch these directories and no others."""
        wanted = {path: key for path in directories if (key := _key(path))}
        for path in [path for path, (key, *_) in self._watched.items() if wanted.get(path) != key]:
            self._unwatch(path)
        self._note_remote(wanted)
        self._refused = False
        for path, key in wanted.items():
            if path not in self._watched and not self._watch(path, key):
                return

    def close(self) -> None:
        """Stop watching."""
        if self._inotify:
            self._waker.ignore(_descriptor(self._inotify))
            self._readable.unregister(_descriptor(self._inotify))
            self._inotify.close()
            self._inotify = None
            self._watched.clear()

    def hint(self, path: str) -> None:
        """Add a hint at `path`."""
        self._hints[path] = None

    def _note_remote(self, wanted: dict[str, Key]) -> None:
        """Record whether directories are on filesystems that other machines can write to unnoticed."""
        kinds = _remote_devices() if wanted else {}
        remote = next(((path, kinds[key[0]]) for path, key in wanted.items() if key[0] in kinds), None)
        self._remote = remote is not None
        if remote:
            self._report_once(
                "writes of other machines to a remote filesystem are not reported", f"{visible(remote[0])}: {remote[1]}"
            )

    def _watch(self, path: str, key: Key) -> bool:
        try:
            self._watched[path] = (key, *self._schedule(path))
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError as error:
            self._refused = True
            self._report_once(
                "not all directories can be watched", f"{describe(error)}{ADVICE.get(error.errno or 0, '')}"
            )
            return False
        return True

    def _schedule(self, path: str) -> "tuple[WatchDescriptor, CallbackId]":
        from watchdog.observers import inotify_c  # noqa: PLC0415 - `--once` never needs it

        wanted = inotify_c.InotifyConstants
        directory = Directory(path, self.hint)
        name = inotify_c.CallbackId(id(directory))
        mask = inotify_c.Mask(
            wanted.IN_CREATE | wanted.IN_MODIFY | wanted.IN_ATTRIB | wanted.IN_MOVE | wanted.IN_DELETE
            | wanted.IN_DELETE_SELF | wanted.IN_MOVE_SELF | wanted.IN_ONLYDIR
        )  # fmt: skip
        return self._open().add_callback(os.fsencode(path), mask, directory, name), name

    def _open(self) -> "InotifyFD":
        if self._inotify is None:
            from watchdog.observers.inotify_c import InotifyFD  # noqa: PLC0415 - as above

            self._inotify = InotifyFD()  # a thread that is never started
            self._inotify._is_reading = False  # noqa: SLF001 - so that closing does not wait for it
            self._readable.register(_descriptor(self._inotify), select.POLLIN)
            self._waker.wake_on(_descriptor(self._inotify))
        return self._inotify

    def _unwatch(self, path: str) -> None:
        _, watch, name = self._watched.pop(path)
        if self._inotify:
            self._inotify.remove_callbacks([(watch, name)])

    def _report_once(self, what: str, why: str) -> None:
        if what not in self._reported:
            self._reported.add(what)
            logger.warning("%s: %s (scanning several times a second instead)", what, why)


def _remote_devices() -> dict[int, str]:
    """Return device number -> type of the mounted filesystems that report only changes made by this machine."""
    try:
        lines = MOUNTS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return {}
    found = {}
    for line in lines:
        mount, _, filesystem = line.partition(" - ")
        major, _, minor = mount.split()[2].partition(":")
        kind = filesystem.split()[0]
        if kind.startswith(REMOTE):
            found[os.makedev(int(major), int(minor))] = kind
    return found


def _descriptor(inotify: "InotifyFD") -> int:
    return inotify._inotify_fd  # noqa: SLF001 - the loop waits for it; watchdog does not expose it


def _key(path: str) -> Key | None:
    """Return a directory's identity, unlike that of a successor at its path; None if it is none or cannot be opened."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        status = os.fstat(fd)
        return status.st_dev, status.st_ino, generation_of(fd)
    finally:
        os.close(fd)
