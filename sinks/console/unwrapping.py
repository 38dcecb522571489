"""Records as people want to read them: what a container's lines wrap, and objects and pairs as message and fields.

All other text stays as it is, its time and level included.
"""

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from logbus.batch import Batch
from sinks.printable import printable
from sinks.where import LABELS

if TYPE_CHECKING:
    from logbus.fields import Parsed, Value

VALUE_MAX: Final = 200
"""A longer value is cut after so many characters, and so is a name."""
FIELDS_MAX: Final = 100
CUT: Final = "..."
_PAIR: Final = rb"[A-Za-z_@][\w.@/-]{0,64}+="
_CRI: Final = rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,18}(?:Z|[+-][0-9]{2}:[0-9]{2}) std(?:out|err) "
_DOCKER: Final = b'{"log":"'
_speaks: Final = re.compile(rb"\{|" + _PAIR).match
_is_bare: Final = re.compile(r'[^\s"=\x00-\x1f\x7f]+').fullmatch
_tells_time: Final = re.compile(r"[^\n]{0,32}?\d:\d\d|\d{9}").match
"""Matches a time of day or a number since 1970. The count of an epoch, or a day, stays among the fields."""
_OWN_FORMATS: Final = frozenset(["json", "logfmt"])

maybe_more: Final = re.compile(rb"\{|" + _PAIR + rb"|" + _CRI).match
"""Matches a record that may be more than text."""


class Said(NamedTuple):
    """The text of a record, printable, and where its fields begin in it, behind its message."""

    text: bytes
    fields_at: int


class Unwrapping:
    """Shows the fields `names`, or without any all but the time, the level and the message."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        self._names = tuple(names)
        self._shippers = [each for each in names if each.startswith(LABELS)]

    def shippers(self, batch: Batch) -> bytes:
        """Return those of the wanted fields that all records of a batch have."""
        given = batch.fields or {}
        found = [_pair(each, given[name]) for each in self._shippers if (name := each.removeprefix(LABELS)) in given]
        return printable(" ".join(found).encode())

    def said(self, batch: Batch, wrapped: list[bytes]) -> list[Said]:
        """Return what each of some records of a batch is shown as."""
        from logbus.fields import parse_all  # noqa: PLC0415 - only for records that are more than text

        unwrapped = [_unwrapped(record) for record in wrapped]
        parsed = parse_all(text for text, _, speaks in unwrapped if speaks)
        return [self._said(batch, text, stream, next(parsed) if speaks else None) for text, stream, speaks in unwrapped]

    def _said(self, batch: Batch, text: bytes, stream: str, parsed: "Parsed | None") -> Said:
        if not parsed or parsed.format not in _OWN_FORMATS:
            return _joined(printable(text), self.shippers(batch))
        message = parsed.message.removesuffix(b"\n")
        is_own = parsed.message == text
        if is_own and b"\n" in text:  # lines behind an object without a message would be lost
            return _joined(printable(text), self.shippers(batch))
        if self._names:
            found = _named(self._names, {"stream": stream, **parsed.fields} if stream else parsed.fields, batch)
        else:
            found = _others(parsed.fields, b"" if is_own else message, batch.times.key if batch.times else "")
        pairs = printable(" ".join(found).encode())
        if is_own and not self._names and pairs:
            return Said(pairs, len(pairs))
        return _joined(printable(message), pairs)


def _joined(message: bytes, pairs: bytes) -> Said:
    return Said(message + b" " + pairs if pairs else message, len(message) + 1 if pairs else len(message))


def _named(names: Sequence[str], fields: "Mapping[str, Value]", batch: Batch) -> Iterator[str]:
    """Yield the fields that are wanted, as far as a record has them."""
    from logbus.fields import value_at  # noqa: PLC0415 - as above

    given = batch.fields or {}
    for name in names:
        of_shipper = name.startswith(LABELS)
        value = given.get(name.removeprefix(LABELS)) if of_shipper else value_at(fields, name)
        if value is not None:
            yield _pair(name, value)


def _others(fields: "Mapping[str, Value]", message: bytes, time_key: str) -> Iterator[str]:
    """Yield all fields but the time, the level and the message."""
    from logbus.fields import flat  # noqa: PLC0415 - as above

    shown = 0
    for name, value in flat(fields) if dict in map(type, fields.values()) else fields.items():
        kind, begin = _usually(name) if len(name) <= VALUE_MAX else (_OTHER, _word(name) + "=")
        if (kind != _OTHER and _stands_elsewhere(kind, value, message)) or name == time_key:
            continue
        if shown == FIELDS_MAX:
            yield CUT
            return
        shown += 1
        yield begin + _value(value)


_OTHER: Final = 0
_LEVEL: Final = 1
_TIME: Final = 2
_MESSAGE: Final = 3


def _stands_elsewhere(kind: int, value: "Value", message: bytes) -> bool:
    """Return True if a value stands in a column, or is the message, or its beginning up to lines behind an object."""
    if kind == _LEVEL:
        return True
    if kind == _TIME:
        return _tells_time(str(value)) is not None if isinstance(value, str | int | float) else False
    if not isinstance(value, str):
        return False
    text = value.encode().removesuffix(b"\n")
    return message == text or (b"\n" in message and message.startswith(text + b"\n"))


@functools.lru_cache(1 << 12)
def _usually(name: str) -> tuple[int, str]:
    """Return what a name usually stands for, and what to show before its value."""
    levels, times, messages = _keys()
    raw, begin = name.encode(), _word(name) + "="
    if levels(raw):
        return _LEVEL, begin
    if times(raw.removesuffix(b".$date")):
        return _TIME, begin
    return _MESSAGE if name.lower() in messages else _OTHER, begin


_Matcher = Callable[[bytes], object]


@functools.cache
def _keys() -> tuple[_Matcher, _Matcher, frozenset[str]]:
    """Return the usual keys of levels, of times, and those of messages in lower case."""
    from logbus.eventtime.keys import USUAL_KEYS  # noqa: PLC0415 - as above
    from logbus.fields import messages  # noqa: PLC0415 - as above
    from logbus.severity.key_levels import LEVEL_KEYS  # noqa: PLC0415 - as above

    of_messages = frozenset([*messages.KEYS, *map(".".join, messages.NESTED)])
    return re.compile(LEVEL_KEYS).fullmatch, re.compile(USUAL_KEYS).fullmatch, of_messages


def _pair(name: str, value: "Value") -> str:
    return f"{_word(name)}={_value(value)}"


def _value(value: "Value") -> str:
    if type(value) is str:
        return _word(value)
    text = str(value) if type(value) is int else msgspec.json.encode(value).decode()
    return text if len(text) <= VALUE_MAX else text[:VALUE_MAX] + CUT


def _word(text: str) -> str:
    """Return a text as one word, in quotes if it has blanks or is empty."""
    if len(text) > VALUE_MAX:
        text = text[:VALUE_MAX] + CUT
    return text if _is_bare(text) else msgspec.json.encode(text).decode()


def _unwrapped(record: bytes) -> tuple[bytes, str, bool]:
    """Return what a container's lines wrap, and their stream, or a record as it is; and whether it may be parsed."""
    if record[:1] == b"{" and record[:8] != _DOCKER:
        return record, "", True
    from logbus.fields.containers import unwrapped  # noqa: PLC0415 - as above

    text, stream = unwrapped(record) or (record, "")
    return text, stream, _speaks(text) is not None
