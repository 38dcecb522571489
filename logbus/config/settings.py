"""Configuration files to typed settings; an error names file, line, key, the flaw and the likely intention."""

import logging
import stat
from collections.abc import Callable, Collection, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from logbus.config.checking import Problem, problems, with_units
from logbus.config.endpoints import Broker, Endpoint, redacted
from logbus.config.flaws import CANNOT, Keys, Place, error_at, flaw_at
from logbus.config.secret_sources import read_secret
from logbus.errors import ConfigError, counted
from logbus.handover import hand_over, taken_over

__all__ = [
    "Broker",
    "Document",
    "Endpoint",
    "check_again",
    "load",
    "load_document",
    "parse",
    "parse_document",
    "read_secret",
    "redacted",
]

T = TypeVar("T")

logger = logging.getLogger("logbus.settings")

MAX_FILE_BYTES = 1024 * 1024
MAX_PROBLEMS = 10
COUNTED_PROBLEMS = 1_000


def load(path: Path, kind: type[T]) -> T:
    """Return the settings in the file `path` as a `kind` (a msgspec.Struct). Raises ConfigError."""
    return load_document(path).convert(kind)


def parse(text: str, kind: type[T], source: str = "<string>") -> T:
    """Return the settings in `text` as a `kind`; `source` stands for the file's name. Raises ConfigError."""
    return parse_document(text, source).convert(kind)


def load_document(path: Path) -> "Document":
    """Return the file `path` as plain values with their line numbers. Raises ConfigError.

    Right after a reload, this is the content that was checked then.
    """
    content = taken_over()
    if content is not None:
        logger.info("reloaded %s", path)
    return decode_document(read(path) if content is None else content, path)


def check_again(path: Path, check: Callable[["Document"], object]) -> "Document":
    """Read the file `path` again, check it, and keep it for the next start. Raises ConfigError, as `check` does."""
    content = read(path)
    document = decode_document(content, path)
    check(document)
    hand_over(content)
    return document


def read(path: Path) -> bytes:
    """Return the content of a configuration file. Raises ConfigError."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):  # opening a FIFO would block us
            what = "is a directory" if stat.S_ISDIR(mode) else "not a regular file"
            raise ConfigError(CANNOT, f"{path}: {what}", "give the path of a YAML file")
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ConfigError(CANNOT, f"{path}: {(getattr(error, 'strerror', None) or str(error)).lower()}") from None
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError(CANNOT, f"{path}: larger than {MAX_FILE_BYTES} bytes")
    return content


def decode_document(content: bytes, path: Path) -> "Document":
    """Return the content of the file `path` as plain values. Raises ConfigError."""
    try:
        return parse_document(content.decode("utf-8-sig"), str(path))
    except UnicodeDecodeError as error:
        raise error_at(str(path), 1 + content.count(b"\n", 0, error.start), "not UTF-8") from None


def parse_document(text: str, source: str) -> "Document":
    """Return `text` as plain values with their line numbers. Raises ConfigError."""
    from logbus.config import strict_yaml  # noqa: PLC0415 - where there is nothing to read, it takes no time

    value, places = strict_yaml.read(text, source)
    return Document(source, {} if value is None else value, places)


class Document(Struct, frozen=True):
    """A YAML file as plain values, each with the place it came from."""

    source: str
    value: object
    places: Mapping[Keys, Place]

    def convert(self, kind: type[T], *keys: str | int, without: Collection[str] = ()) -> T:
        """Return the value at `keys` (none: the whole document) as a `kind`, without its keys in `without`.

        Raises ConfigError, with all problems at once, also when there is nothing at `keys`.
        """
        value = self._at(keys)
        if isinstance(value, dict):
            value = {key: each for key, each in value.items() if key not in without}
        value = with_units(value, kind)
        found = list(islice(problems(value, kind, keys, self._written), COUNTED_PROBLEMS))
        if found:
            raise self._all(found)
        return msgspec.convert(value, kind)

    def error(self, flaw: str, *keys: str | int) -> ConfigError:
        """Return a ConfigError about the value at `keys`."""
        return self._all([Problem(keys, flaw)])

    def _at(self, keys: Keys) -> object:
        value: Any = self.value
        for depth, key in enumerate(keys):
            try:
                value = value[key]
            except (LookupError, TypeError):
                raise self.error(f"the key {key!r} is missing", *keys[:depth]) from None
        return value

    def _written(self, keys: Keys) -> str | None:
        return self.places.get(keys, Place(1)).written

    def _line(self, keys: Keys) -> int:
        while keys and keys not in self.places:
            keys = keys[:-1]
        return self.places.get(keys, Place(1)).line

    def _all(self, found: list[Problem]) -> ConfigError:
        placed = sorted(((self._line(each.keys), each) for each in found), key=lambda each: each[0])
        flaws = [flaw_at(self.source, line, each.flaw, each.keys) for line, each in placed[:MAX_PROBLEMS]]
        least = "at least " * (len(found) == COUNTED_PROBLEMS)
        rest = [f"and {least}{counted(len(found) - MAX_PROBLEMS, 'more problem')}"] if len(found) > MAX_PROBLEMS else []
        return ConfigError(CANNOT, "; ".join(flaws + rest))
