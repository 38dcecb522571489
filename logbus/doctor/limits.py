"""Limits of the system: open files, and what inotify may watch."""

import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from logbus.doctor.verdicts import Check, ok, unknown, warning

AREA: Final = "system"
INSTANCES: Final = "max_user_instances"
WATCHES: Final = "max_user_watches"


class Watching(NamedTuple):
    """How many instances of inotify, and watches in them, the processes of this user have."""

    instances: int
    watches: int


def open_files(needed: int, pid: int = 0) -> Check:
    """Check that a daemon may open as many files as it needs: the running one, or one started from here."""
    limit, whose = _limit_of(pid)
    if 0 <= limit < needed:
        advice = f"LimitNOFILE={2 * needed} in its unit; until then it closes files and opens them again"
        return warning(AREA, "open files", f"{limit:,} at most {whose}, and {needed:,} are wanted", advice)
    return ok(AREA, "open files", f"{'no limit' if limit < 0 else f'{limit:,} at most'} {whose}; wanted: {needed:,}")


def _limit_of(pid: int) -> tuple[int, str]:
    """Return the hard limit, -1 for none, and whose it is."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if pid:
        try:
            hard, whose = resource.prlimit(pid, resource.RLIMIT_NOFILE)[1], "for the running daemon"
        except OSError:
            whose = "for this shell"
        return (-1 if hard == resource.RLIM_INFINITY else hard), whose
    return (-1 if hard == resource.RLIM_INFINITY else hard), "for this shell"


def inotify(directories: int, *, runs: bool, proc: Path = Path("/proc")) -> Iterator[Check]:
    """Check that all directories can be watched, beside what this user's other programs watch.

    `runs`: the daemon is among them already.
    """
    used = watching(proc)
    wanted = {INSTANCES: (used.instances, 1), WATCHES: (used.watches, directories)}
    for name, (now, more) in wanted.items():
        yield limit(name, _number(proc / "sys/fs/inotify" / name), now, 0 if runs else more)


def limit(name: str, allowed: int | None, used: int, more: int) -> Check:
    """Return the verdict on a limit of inotify, of which `used` is used and `more` is wanted."""
    what = f"fs.inotify.{name}"
    if allowed is None:
        return unknown(AREA, what, "not to be seen here")
    found = f"{allowed:,}, of which {used:,} are used by this user and {more:,} more are wanted"
    if used + more > allowed:
        advice = f"sysctl {what}={2 * (used + more)}; until then files are scanned several times a second"
        return warning(AREA, what, found, advice)
    return ok(AREA, what, found)


def watching(proc: Path) -> Watching:
    """Return what the processes of this user watch, as far as it can be seen."""
    instances = watches = 0
    for process in proc.glob("[0-9]*"):
        try:
            if process.stat().st_uid != os.geteuid():
                continue
            for fd in (process / "fd").iterdir():
                if os.readlink(fd).endswith("anon_inode:inotify"):  # noqa: PTH115 - it leads to no path
                    instances += 1
                    watches += (process / "fdinfo" / fd.name).read_text().count("inotify wd:")
        except OSError:
            continue  # it has ended, or may not be looked into
    return Watching(instances, watches)


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
