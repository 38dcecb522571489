"""YAML as plain data: text, numbers, true and false, nothing, lists and mappings, each with its line.

Tags that build objects are refused, and aliases count each time they are used, so that a small file cannot expand into
a huge one.

`${NAME}` in a value is the environment variable, `${NAME:-text}` the text if that is unset or empty, `$${` a plain
`${`. In an unquoted value the result is parsed like any other: `port: ${PORT}` is a number. The content of a variable
never shows in an error. Imported only where there is a file to read: PyYAML takes 12 ms.
"""

import math
import os
import re

import yaml
from msgspec import Struct, field
from yaml.composer import Composer
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from logbus.config.broken_yaml import explained
from logbus.config.flaws import Keys, Place, error_at
from logbus.errors import ConfigError

MAX_NODES = 60_000
MAX_DEPTH = 64
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


def read(text: str, source: str) -> tuple[object, dict[Keys, Place]]:
    """Return `text` as plain values, None if it is empty, and where each of them is. Raises ConfigError."""
    reader = _Reader(source)
    node = _compose(text, source)
    return None if node is None else reader.read(node, ()), reader.places


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
        raise error_at(source, line, f"the character U+{ord(bad[0]):04X} is not allowed in YAML")
    loader = _SmallLoader if len(text) <= SMALL_LENGTH else _large_loader()
    try:
        node: Node | None = loader(text).get_single_node()
    except _TooMuch as error:
        raise error_at(source, error.line, error.flaw) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 + (mark.line if mark else 0)
        too_deep = "maximum nesting depth" in str(error.problem)  # libyaml has a limit of its own
        raise error_at(source, line, TOO_DEEP if too_deep else f"not YAML: {explained(error, text)}") from None
    except yaml.YAMLError as error:
        raise error_at(source, 1, f"not YAML: {error}") from None
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


class _Reader(Struct):
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
        return error_at(self.source, node.start_mark.line + 1, flaw, keys)
