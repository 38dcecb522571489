"""Fields from the path of a file: the named groups of a pattern, or what a preset finds there.

    kubernetes   namespace, pod, container, and pod_uid or container_id, from /var/log/pods and /var/log/containers
    docker       container_id from Docker's files, and the container and the image that config.v2.json beside it names

Docker's names are read where the shipper may read them. That file belongs to root, but not everywhere: it is read like
any hostile one, to a bound, without following a link, and again after a minute.
"""

import functools
import os
import stat
import time
from collections.abc import Mapping
from pathlib import PurePath
from typing import Final

import msgspec

from logbus.config.patterns import compile_pattern
from logbus.errors import UsageError
from logbus.native import descriptors
from logbus.wire.headers import MAX_FIELDS, MAX_FIELDS_BYTES

PRESETS: Final[dict[str, tuple[str, ...]]] = {
    "kubernetes": (
        r"/pods/(?P<namespace>[^/_]+)_(?P<pod>[^/_]+)_(?P<pod_uid>[^/_]+)/(?P<container>[^/]+)/[^/]+$",
        r"/(?P<pod>[^/_]+)_(?P<namespace>[^/_]+)_(?P<container>[^/]+)-(?P<container_id>[0-9a-f]{12})[0-9a-f]{52}\.log",
    ),
    "docker": (r"/containers/(?P<container_id>[0-9a-f]{12})[0-9a-f]*/[0-9a-f]*-json\.log",),
}
"""A preset -> patterns, of which the first that matches counts; a rotated file has the fields of the current one."""
_CONFIG: Final = "config.v2.json"
_CONFIG_MAX_BYTES: Final = 1 << 20
_REMEMBERED_S: Final = 60


class _Inner(msgspec.Struct):
    image: str = msgspec.field(default="", name="Image")


class _Container(msgspec.Struct):
    name: str = msgspec.field(default="", name="Name")
    config: _Inner = msgspec.field(default_factory=_Inner, name="Config")


def check(wanted: str) -> None:
    """Raise UsageError unless `path_fields` is a preset, or a pattern that names groups."""
    if wanted not in PRESETS and not compile_pattern(wanted).groupindex:
        hint = f"as in (?P<pod>[^_]+), or one of {', '.join(PRESETS)}"
        raise UsageError("use path_fields", "path_fields names no group", hint)


def path_fields(wanted: str, path: str, fields: Mapping[str, str]) -> Mapping[str, str]:
    """Return `fields` and those that a preset or a pattern finds in `path`, as far as they fit into headers.

    Raises OSError if no file can be opened now.
    """
    found = next(filter(None, (_groups(each, path) for each in PRESETS.get(wanted, (wanted,)))), {})
    if found and wanted == "docker":
        found = {**found, **_of_container(PurePath(path).parent, int(time.monotonic()) // _REMEMBERED_S)}
    return _merged(fields, found) if found else fields


def _groups(pattern: str, path: str) -> dict[str, str]:
    compiled = compile_pattern(pattern)
    match = compiled.search(os.fsencode(path))
    if match is None:
        return {}
    groups = compiled.groupindex.items()
    return {name.decode(): (match[group] or b"").decode(errors="replace") for name, group in groups}


def _merged(fields: Mapping[str, str], found: Mapping[str, str]) -> dict[str, str]:
    merged = dict(fields)
    room = MAX_FIELDS_BYTES - sum(len(text.encode()) for pair in fields.items() for text in pair)
    for name, text in found.items():
        room -= len(name.encode()) + len(text.encode())
        if text and name not in merged and room >= 0 and len(merged) < MAX_FIELDS:
            merged[name] = text
    return merged


@functools.lru_cache(4096)
def _of_container(folder: PurePath, _minute: int) -> dict[str, str]:
    """Return the names of a container, by what Docker keeps in its folder; none if that cannot be read."""
    try:
        told = msgspec.json.decode(_read(folder / _CONFIG), type=_Container)
    except (OSError, ValueError, RecursionError) as error:
        if descriptors.are_lacking(error):
            raise
        return {}
    return {"container": told.name.removeprefix("/"), "image": told.config.image}


def _read(path: PurePath) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return b""
        return os.read(fd, _CONFIG_MAX_BYTES)
    finally:
        os.close(fd)
