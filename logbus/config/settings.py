"""Strict YAML to typed settings; an error names file, line, key, the flaw and the likely intention.

YAML is read as plain data: text, numbers, true and false, nothing, lists and mappings. Tags that build objects are
refused, and aliases count each time they are used, so that a small file cannot expand into a huge one.

`${NAME}` in a value is the environment variable, `${NAME:-text}` the text if that is unset or empty, `$${` a plain
`${`. In an unquoted value the result is parsed like any other: `port: ${PORT}` is a number. The content of a variable
never shows in an error.
"""

import logging
import math
import os
import re
import stat
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml
from yaml.composer import Composer
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from logbus.config.broken_yaml import explained
from logbus.config.checking import Keys, Problem, problems, with_units
from logbus.config.endpoints import Broker, Endpoint, redacted
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

CANNOT = "load the configuration"
MAX_FILE_BYTES = 1024 * 1024
MAX_NODES = 60_000
MAX_DEPTH = 64
MAX_PROBLEMS = 10
COUNTED_PROBLEMS = 1_000
MAX_FLAW_LENGTH = 500
SMALL_LENGTH = 32 * 1024
TOO_MANY = f"more than {MAX_NODES} values, aliases counted each time"
TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"
MAX_NUMBER_LENGTH = 64

_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = {_TAG + name for name in ("int", "float", "bool", "null")}
_TEXT_TAGS = {_TAG + name for name in ("str", "timestamp", "value")}
_VARIABLE = re.compile(r"\$\$\{|\$\{([^}]*)\}")
_NOT_YAML = yaml.reader.Reader.NON_PRINTABLE
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)


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
        raise _error(str(path), 1 + content.count(b"\n", 0, error.start), "not UTF-8") from None


def parse_document(text: str, source: str) -> "Document":
    """Return `text` as plain values with their line numbers. Raises ConfigError."""
    reader = _Reader(source)
    node = _compose(text, source)
    value = None if node is None else reader.read(node, ())
    return Document(source, {} if value is None else value, reader.places)


@dataclass(frozen=True, slots=True)
class Place:
    """The line of a value, and its text there: with the names of variables, not their content."""

    line: int
    written: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
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
        flaws = [_flaw(self.source, line, each.flaw, each.keys) for line, each in placed[:MAX_PROBLEMS]]
        least = "at least " * (len(found) == COUNTED_PROBLEMS)
        rest = [f"and {least}{counted(len(found) - MAX_PROBLEMS, 'more problem')}"] if len(found) > MAX_PROBLEMS else []
        return ConfigError(CANNOT, "; ".join(flaws + rest))


def _flaw(source: str, line: int, flaw: str, keys: Keys = ()) -> str:
    path = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).removeprefix(".")
    path, flaw = (text if len(text) <= MAX_FLAW_LENGTH else f"{text[:MAX_FLAW_LENGTH]}..." for text in (path, flaw))
    return f"{source}:{line}: {path}: {flaw}" if path else f"{source}:{line}: {flaw}"


def _error(source: str, line: int, flaw: str, keys: Keys = ()) -> ConfigError:
    return ConfigError(CANNOT, _flaw(source, line, flaw, keys))


class _Bounded(Composer):
    """PyYAML's composer, which constructs no objects; stops at documents that are too large or too deep."""

    nodes = depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        """Return the next node. Raises _TooMuch."""
        self.nodes += 1
        self.depth += 1
        if self.nodes > 2 * MAX_NODES:  # keys are nodes too
            raise _TooMuch(self.peek_event(), TOO_MANY)  # type: ignore[attr-defined] # of the parser
        if self.depth > MAX_DEPTH + 2:
            raise _TooMuch(self.peek_event(), TOO_DEEP)  # type: ignore[attr-defined] # of the parser
        node: Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _SmallLoader(_Bounded, yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser, yaml.resolver.Resolver):
    """A loader in Python: its messages are better."""

    def __init__(self, text: str) -> None:
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)
        Composer.__init__(self)
        yaml.resolver.Resolver.__init__(self)


def _large_loader() -> type:
    """Return the fast loader, if PyYAML was built with libyaml."""
    if not yaml.__with_libyaml__:
        return _SmallLoader

    class Large(_Bounded, yaml.cyaml.CParser, yaml.resolver.Resolver):  # type: ignore[misc, name-defined]
        def __init__(self, text: str) -> None:
            yaml.cyaml.CParser.__init__(self, text)  # type: ignore[attr-defined]
            Composer.__init__(self)
            yaml.resolver.Resolver.__init__(self)

    return Large


class _TooMuch(Exception):  # noqa: N818 - it never leaves this module
    def __init__(self, event: yaml.Event, flaw: str) -> None:
        self.line = 1 + (event.start_mark.line if event.start_mark else 0)
        self.flaw = flaw
        super().__init__(flaw)


def _compose(text: str, source: str) -> Node | None:
    """Return the node tree of `text`, by PyYAML's parser without its constructors."""
    if bad := _NOT_YAML.search(text):
        line = 1 + text.count("\n", 0, bad.start())
        raise _error(source, line, f"the character U+{ord(bad[0]):04X} is not allowed in YAML")
    loader = _SmallLoader if len(text) <= SMALL_LENGTH else _large_loader()
    try:
        node: Node | None = loader(text).get_single_node()
    except _TooMuch as error:
        raise _error(source, error.line, error.flaw) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 + (mark.line if mark else 0)
        too_deep = "maximum nesting depth" in str(error.problem)  # libyaml has a limit of its own
        raise _error(source, line, TOO_DEEP if too_deep else f"not YAML: {explained(error, text)}") from None
    except yaml.YAMLError as error:
        raise _error(source, 1, f"not YAML: {error}") from None
    return node


def _implicit_tag(text: str) -> str:
    """Return the tag of an unquoted scalar."""
    tag = yaml.SafeLoader("").resolve(ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]  # not annotated
    return tag if tag in _PLAIN_TAGS else _TAG + "str"


def _construct(tag: str, text: str) -> object:
    """Return a number, true, false or nothing. Raises ValueError, also for an infinite or NaN number."""
    if len(text) > MAX_NUMBER_LENGTH:
        raise ValueError(text)
    value = yaml.constructor.SafeConstructor().construct_object(ScalarNode(tag, text))
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(text)
    return value


@dataclass(slots=True)
class _Reader:
    """Converts nodes to values, and records the place of each."""

    source: str
    places: dict[Keys, Place] = field(default_factory=dict)
    nodes: int = 0

    def read(self, node: Node, keys: Keys) -> object:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise self.fail(node, keys, TOO_MANY)
        if len(keys) > MAX_DEPTH:
            raise self.fail(node, keys, TOO_DEEP)
        self.places.setdefault(keys, Place(node.start_mark.line + 1))
        if isinstance(node, MappingNode) and node.tag == _TAG + "map":
            return self.mapping(node, keys)
        if isinstance(node, SequenceNode) and node.tag == _TAG + "seq":
            return [self.read(each, (*keys, index)) for index, each in enumerate(node.value)]
        if isinstance(node, ScalarNode):
            return self.scalar(node, keys)
        raise self.fail(node, keys, f"the tag {node.tag!r} is not allowed: plain values only")

    def mapping(self, node: MappingNode, keys: Keys) -> dict[str, object]:
        values: dict[str, object] = {}
        for name, value in node.value:
            if not isinstance(name, ScalarNode):
                raise self.fail(name, keys, "a key must be a word")
            if name.tag == _TAG + "merge":
                raise self.fail(name, keys, "merge keys (<<) are not supported: write the keys out")
            within = (*keys, name.value)
            if name.value in values:
                raise self.fail(name, keys, f"{name.value!r} is given twice, first on line {self.places[within].line}")
            self.places[within] = Place(name.start_mark.line + 1)
            values[name.value] = self.read(value, within)
        return values

    def scalar(self, node: ScalarNode, keys: Keys) -> object:
        end = node.value.rfind("}") + 1  # past the last brace, each search for one would scan to the end
        text = _VARIABLE.sub(lambda found: self.variable(node, keys, found), node.value[:end])
        text += node.value[end:].replace("$${", "${")
        self.places[keys] = Place(self.places[keys].line, node.value)
        tag = node.tag
        if text != node.value and tag == _TAG + "str" and node.style is None:
            tag = _implicit_tag(text)
        if tag in _PLAIN_TAGS:
            return self.number(node, keys, tag, text)
        if tag in _TEXT_TAGS:
            return text
        raise self.fail(node, keys, f"the tag {tag!r} is not allowed: plain values only")

    def variable(self, node: ScalarNode, keys: Keys, found: re.Match[str]) -> str:
        if found[0] == "$${":
            return "${"
        name = _NAME.fullmatch(found[1])
        if name is None:
            raise self.fail(node, keys, f"{found[0]!r} names no environment variable ($${{ stands for a plain ${{)")
        value = os.environ.get(name[1])
        if name[2] is not None:
            return value or name[2]
        if value is None:
            raise self.fail(
                node, keys, f"the environment variable {name[1]} is not set (a default is ${{{name[1]}:-text}})"
            )
        return value

    def number(self, node: ScalarNode, keys: Keys, tag: str, text: str) -> object:
        """Return a number, true, false or nothing."""
        try:
            return _construct(tag, text)
        except (ValueError, KeyError, IndexError):
            shown = node.value[:MAX_NUMBER_LENGTH]
            raise self.fail(node, keys, f"{shown!r} cannot be used as {tag.removeprefix(_TAG)}") from None

    def fail(self, node: Node, keys: Keys, flaw: str) -> ConfigError:
        return _error(self.source, node.start_mark.line + 1, flaw, keys)
