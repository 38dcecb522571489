"""Which records have fields that match globs: for filters of shippers and sinks."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import compress

from logbus.config.patterns import Glob, compile_glob
from logbus.fields.parsed import Value
from logbus.fields.reading import parse_all
from logbus.fields.values import text_of, value_at

Conditions = Sequence[tuple[str, Glob]]
"""Names of fields, and what the text of each has to match."""


def conditions(globs: Mapping[str, str]) -> Conditions:
    """Return the conditions for names of fields and their globs. Raises UsageError."""
    return tuple((name, compile_glob(glob)) for name, glob in globs.items())


def narrowed(mask: bytes, records: Iterable[bytes], wanted: Conditions) -> bytes:
    """Return `mask` with 0 also for each record that does not match; those that have 0 already are not parsed.

    Of a container's lines, `stream` is a field as well: stdout or stderr.
    """
    found = bytearray(mask)
    numbers = compress(range(len(mask)), mask)
    for number, parsed in zip(numbers, parse_all(compress(records, mask)), strict=True):
        told = {"stream": parsed.stream, **parsed.fields} if parsed.stream else parsed.fields
        found[number] = match(told, wanted)
    return bytes(found)


def match(fields: Mapping[str, Value], wanted: Conditions) -> bool:
    """Return True if each field is there, is not null, and matches."""
    for name, matches in wanted:
        value = value_at(fields, name)
        if value is None or not matches(text_of(value)):
            return False
    return True
