"""Which logs are on this host, and whether the daemon's user can read them: for `logbus-shipper init`."""

# Paths are hostile strings, passed to the operating system unchanged.
# ruff: noqa: PTH116, PTH118, PTH120

import glob
import grp
import os
import pwd
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from msgspec import Struct

from logbus.command_line.new_file import DAEMON, daemon_user
from shipper.commands.known_services import OWN_OUTPUTS, SERVICES, Service

PLAIN: Final = re.compile(r"[\w@+-][\w.@+-]*")
"""Names that can stand in a glob as they are."""
UNITS_GROUP: Final = "adm"
"""What config/systemd gives the shipper's unit."""
CONTAINERS: Final = Service(
    "Kubernetes",
    ("/var/log/containers/*.log",),
    "Containers of Kubernetes.",
    "kubernetes",
    "cri",
    path_fields="kubernetes",
)
SHARED: Final = frozenset({"/", "/var", "/var/log", "/var/lib"})
"""Directories of many programs: closed ones say nothing of any of them."""
JOURNALS: Final = ("/var/log/journal", "/run/log/journal")


class Reader(NamedTuple):
    """The user that the daemon will run as, by its ids."""

    name: str
    uid: int
    gids: frozenset[int]

    def may(self, status: os.stat_result, bit: int) -> bool:
        """Return True if the mode of a file or directory allows this user `bit`: 4 to read, 1 to enter."""
        if self.uid == 0:
            return True
        shift = 6 if status.st_uid == self.uid else 3 if status.st_gid in self.gids else 0
        return bool(status.st_mode >> shift & bit)


class Section(Struct, frozen=True):
    """An input to write: the service, its globs here, its label, how many files match, and what keeps us from reading.

    `unreadable`: a path -> what to do about it. `left_out`: paths whose names cannot stand in a glob.
    """

    service: Service
    globs: tuple[str, ...]
    label: str
    files: int
    unreadable: dict[str, str]
    left_out: tuple[str, ...] = ()


def daemons_reader() -> Reader:
    """Return the unit's user, with the group that the unit adds; without that user, the present one."""
    user = daemon_user()
    if user is None:
        mine = pwd.getpwuid(os.geteuid()).pw_name if os.geteuid() else "root"
        return Reader(mine, os.geteuid(), frozenset({os.getegid(), *os.getgroups()}))
    gids = set(os.getgrouplist(DAEMON, user.pw_gid))
    with suppress(KeyError):
        gids.add(grp.getgrnam(UNITS_GROUP).gr_gid)
    return Reader(DAEMON, user.pw_uid, frozenset(gids))


def journal_only(root: str) -> bool:
    """Return True if the system's log is in the journal and in no file."""
    files = [each for service in SERVICES if service.name == "syslog" for each in service.globs]
    return any(_at(root, each) for each in JOURNALS) and not any(_at(root, each) for each in files)


def sections(root: str, reader: Reader) -> Iterator[Section]:
    """Yield what is to be shipped of the file system at `root`, each file once, in the order of the table."""
    taken: set[str] = set()
    services = [each for each in SERVICES if each.name != "Kubernetes" or _at(root, "/var/log/pods")]
    if len(services) < len(SERVICES):
        services.insert(-3, CONTAINERS)
    for service in services:
        for section in _of(service, root, reader, taken):
            taken.update(os.path.dirname(path) for each in section.globs for path in _files(root, each))
            yield section


def _of(service: Service, root: str, reader: Reader, taken: set[str]) -> Iterator[Section]:
    if not service.each:
        there = tuple(each for each in service.globs if _files(root, each) or _is_closed(root, each))
        if there:
            yield _section(service, there, service.label, root, reader)
        return
    owners: dict[str, list[str]] = {}
    for pattern in service.globs:
        for path in _files(root, pattern):
            if os.path.dirname(path) not in taken:
                owners.setdefault(path.split("/")[service.each], []).append(path)
    for name, paths in sorted(owners.items()):
        if name != OWN_OUTPUTS:
            directories = dict.fromkeys(os.path.dirname(path) for path in paths)
            if PLAIN.fullmatch(name):
                yield _section(service, tuple(f"{each}/*.log" for each in directories), name, root, reader)
            else:
                yield Section(service, (), name, len(paths), {}, tuple(directories))


def _section(service: Service, globs: tuple[str, ...], label: str, root: str, reader: Reader) -> Section:
    paths = [path for each in globs for path in _files(root, each)]
    closed = [directory for each in globs if (directory := _is_closed(root, each))]
    blocked = {found[0]: found[1] for path in [*paths, *closed] if (found := blocker(root, path, reader))}
    return Section(service, globs, label, len(paths), blocked)


def blocker(root: str, path: str, reader: Reader) -> tuple[str, str] | None:
    """Return the first file or directory on the way to a path that a user may not read or enter, and the remedy."""
    parts = path.strip("/").split("/")
    for number in range(1, len(parts) + 1):
        there = "/" + "/".join(parts[:number])
        try:
            status = os.stat(_under(root, there))
        except OSError:
            return there, f"it cannot be looked into from here: let {reader.name} read and enter it"
        bits = 1 if number < len(parts) else 4
        if not reader.may(status, bits):
            return there, remedy(there, status, bits, reader)
    return None


def remedy(path: str, status: os.stat_result, bit: int, reader: Reader) -> str:
    """Return how to let a user read or enter something: by its group, if that may, or else by an ACL."""
    if status.st_mode >> 3 & bit:
        group = _group(status.st_gid)
        return f"add SupplementaryGroups={group} to the unit, or: usermod -aG {group} {reader.name}"
    letters = "rx" if stat.S_ISDIR(status.st_mode) else "r"
    return f"setfacl -m u:{reader.name}:{letters} {path}"


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _is_closed(root: str, pattern: str) -> str:
    """Return the directory of a glob's files, or the one above it, if it cannot be listed from here; else ""."""
    directory = pattern.partition("*")[0].rpartition("/")[0]
    for each in (os.path.dirname(directory), directory):
        there = _under(root, each)
        if each not in SHARED and os.path.isdir(there) and not os.access(there, os.R_OK | os.X_OK):  # noqa: PTH112
            return each
    return ""


def _files(root: str, pattern: str) -> list[str]:
    found = glob.glob(pattern.lstrip("/"), root_dir=root)  # noqa: PTH207 - names may be any bytes
    return sorted(f"/{each}" for each in found if os.path.isfile(os.path.join(root, each)))  # noqa: PTH113


def _at(root: str, path: str) -> bool:
    return os.path.lexists(_under(root, path))


def _under(root: str, path: str) -> str:
    return os.path.join(root, path.lstrip("/"))
