"""What an alert sink remembers: groups, the limit, and messages that are not sent yet, in one file of JSON."""

import logging
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from logbus.errors import StateError
from sinks.alert.group import Group
from sinks.alert.limit import Held
from sinks.alert.notices import Letter

logger = logging.getLogger("sinks.alert.memory")

FILE_NAME: Final = "alerts.json"
VERSION: Final = 1
MAX_BYTES: Final = 256 << 20


class Memory(msgspec.Struct, frozen=True):
    """What is remembered; `next_id` is the id of the next letter."""

    version: int = VERSION
    groups: list[Group] = []
    held: Held = Held()
    letters: list[Letter] = []
    next_id: int = 1


def load(folder: Path) -> Memory:
    """Return what is remembered in a state directory; a damaged file is set aside. Raises StateError."""
    path = folder / FILE_NAME
    try:
        content = _read(path)
    except FileNotFoundError:
        return Memory()
    except OSError as error:
        raise StateError(f"read {path}", error, "this user must be able to read it") from None
    try:
        return decoded(content)
    except (ValueError, RecursionError) as error:
        aside = path.with_name(f"alerts.corrupt-{time.time_ns() // 1_000_000}")
        logger.warning("what the alert sink remembers is damaged (%s): kept as %s", error, aside)
        with suppress(OSError):
            path.replace(aside)
        return Memory()


def decoded(content: bytes) -> Memory:
    """Return what is remembered from its JSON. Raises ValueError, and StateError for that of a newer Logbus."""
    version = msgspec.json.decode(content, type=_Version).version
    if version > VERSION:
        raise StateError("use what is remembered", f"its version is {version}, of a newer Logbus", "upgrade Logbus")
    return msgspec.json.decode(content, type=Memory)


def save(folder: Path, content: bytes) -> None:
    """Replace the file, safely on disk once this returns. Raises OSError."""
    path = folder / FILE_NAME
    draft = path.with_suffix(".new")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as file:  # noqa: PTH123 - a descriptor has no Path
        file.write(content)
        file.flush()
        os.fsync(fd)
    draft.replace(path)
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


class _Version(msgspec.Struct):
    version: int = 0


def _read(path: Path) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(fd, "rb") as file:  # noqa: PTH123 - a descriptor has no Path
        return file.read(MAX_BYTES)
