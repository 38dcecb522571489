"""What a record says, whatever it is: an object, pairs, columns, or text."""

from collections.abc import Iterable, Iterator
from typing import Final

from logbus.fields.columns import Columns, columns_of, lead_end
from logbus.fields.containers import unwrapped
from logbus.fields.messages import message_in
from logbus.fields.objects import decode, is_shallow, object_and_rest, object_in
from logbus.fields.pairs import pairs_in
from logbus.fields.parsed import Parsed, Value
from logbus.fields.stamped import BARE

_COOKIE: Final = b"@cee:"
_DOCKER: Final = b'{"log":"'
_BEGINS_WRAPPED: Final = frozenset(b"0123456789{")
_BRACE: Final = ord("{")


def parse(record: bytes) -> Parsed:
    """Return the message and the fields of a record, whatever bytes it holds, in time linear in its size.

    A line end at its end does not belong to it. JSON counts if an object is the whole record, or its first line, or all
    that is behind columns, `@cee:` or a byte order mark; the message is what a key of `messages.KEYS` has. A record
    without such a key, and one that is in no known format, is its own message. Behind columns, the message is all that
    follows, including further lines. See `objects` for what JSON that is not quite valid means, and `pairs` for logfmt.
    """
    record = record.removesuffix(b"\n").removesuffix(b"\r")
    if record and record[0] in _BEGINS_WRAPPED and (inner := unwrapped(record)):
        text, stream = inner
        found = _parsed(text)
        return Parsed(found.message, found.fields, found.format, stream)
    return _parsed(record)


def parse_all(records: Iterable[bytes]) -> Iterator[Parsed]:
    """Yield what `parse` returns for each record; objects take the shortest way."""
    for record in records:
        if record[:1] == b"{" and record[:8] != _DOCKER:
            try:
                fields = decode(record)
            except (ValueError, RecursionError):
                yield parse(record)
                continue
            if isinstance(fields, dict) and is_shallow(record, fields):
                message = message_in(fields)
                yield Parsed(_own(record) if message is None else message, fields, "json")
                continue
        yield parse(record)


def _own(record: bytes) -> bytes:
    return record.removesuffix(b"\n").removesuffix(b"\r")


def _parsed(record: bytes) -> Parsed:
    """Return what a record says that no container runtime wraps."""
    at = lead_end(record)
    if found := _structured(record, at):
        return found
    columns = columns_of(record)
    return _behind(record, columns) if columns else Parsed(record, {}, "text")


def _structured(record: bytes, at: int) -> Parsed | None:
    """Return what an object or pairs say that begin at `at`."""
    if record.startswith(_COOKIE, at):
        at = lead_end(record[at + len(_COOKIE) :][:64]) + at + len(_COOKIE)
    if at < len(record) and record[at] == _BRACE:
        found = object_and_rest(record[at:])
        return _with_rest(record, *found, "json") if found else None
    line, _, rest = record[at:].partition(b"\n")
    pairs = pairs_in(line)
    return _with_rest(record, pairs, rest, "logfmt") if pairs else None


def _with_rest(record: bytes, fields: dict[str, Value], rest: bytes, form: str) -> Parsed:
    """Return fields with their message, or else the record; lines behind them belong to it."""
    message = message_in(fields)
    if message is None:
        return Parsed(record, fields, form)
    return Parsed(message + b"\n" + rest if rest else message, fields, form)


def _behind(record: bytes, columns: Columns) -> Parsed:
    """Return what columns say, and an object or pairs behind them."""
    message = record[columns.message_at :]
    if inner := _structured(message, lead_end(message)):
        form = inner.format if columns.format == BARE else columns.format
        return Parsed(inner.message, {**columns.fields, **inner.fields, **columns.fields}, form)
    if columns.format == BARE:
        return Parsed(record, {}, "text")
    if b"\t{" in message and (context := _context(message)):
        return Parsed(context[0], columns.fields | context[1], columns.format)
    return Parsed(message, columns.fields, columns.format)


def _context(message: bytes) -> tuple[bytes, dict[str, Value]] | None:
    """Return the message and the object that zap's console writes behind it and a tab."""
    text, tab, context = message.partition(b"\t{")
    fields = object_in(b"{" + context) if tab else None
    return (text, fields) if fields is not None else None
