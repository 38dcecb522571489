"""Inherited severities: a line that states none, and continues a record, has that record's severity.

So the frames of a stack trace stay with the error that they explain, also where nothing joins them. Each line is judged
by its own bytes and by what is known of the lines before it, a `Before`; nothing waits, and no bytes change.

Theory of operation. A line that states a severity is a *head*: its digit, or a letter from a to h if it begins with a
time. Any other is one letter: `S` begins a record without a severity, `x` is an exception, `k` continues a record, `s`
may be anything. What a head is followed by is a regular expression over these codes, so no object is made per line.
"""

import functools
import re
from collections.abc import Callable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from logbus.severity import UNSTATED
from logbus.traces.stacktraces import BLANK_LINE, CONTINUES, OPENS, START, line_kinds

_DIGITS: Final = b"01234567"
_TIMED: Final = b"abcdefgh"
_BITS: Final = bytes.maketrans(b"sSxk", b"\x00\x40\x80\xc0")
"""A line's kind, to be added to the character of its severity."""
_STARTS: Final = re.compile(START)
_CONTINUED: Final = re.compile(rb"[0-7][xk]++|[a-h](?:k*+x[xks]*+|k++)")
_TAIL: Final = {True: re.compile(rb"k*+(?:x[xks]*+)?"), False: re.compile(rb"[xk]*+")}
"""What may follow a head that has a time, and one that has none."""


class Before(Struct, frozen=True):
    """What is known of the record that a line may continue: the digit of its severity, `-` for the default.

    `timed`: it began with a time, as all records of its log do. `opened`: it has an exception, whose message may
    have any lines. `torn`: its last line is not complete. `stream`: a container's, as `containers` has it. `time_us`:
    the last record's event time, None if unknown.
    """

    digit: bytes = UNSTATED
    timed: bool = False
    opened: bool = False
    torn: bool = False
    stream: bytes = b"s"
    time_us: int | None = None


NOTHING: Final = Before()


def _codes() -> bytes:
    """Return the table from severity and kind, added up, to a code."""
    table = bytearray(256)
    for kind in b"sSxk":
        bits = _BITS[kind]
        table[ord(UNSTATED) | bits] = kind
        for digit, timed in zip(_DIGITS, _TIMED, strict=True):
            table[digit | bits] = timed if kind == ord("S") else digit
    return bytes(table)


_CODES: Final = _codes()
_SEVERITIES: Final = bytes.maketrans(_TIMED + b"Sxks", _DIGITS + UNSTATED * 4)


@functools.cache
def kinds() -> Callable[[bytes], bytes]:
    """Return what maps each line of a body to its kind."""
    return line_kinds({"S": START, "x": OPENS, "k": CONTINUES + b"|" + BLANK_LINE})


def begins_by_itself(line: bytes) -> bool:
    """Return True if a line begins a record, whatever is before it."""
    return _STARTS.match(line) is not None


def inherit(stated: bytes, last: bytes, before: Before, kinds_of: Callable[[], bytes]) -> tuple[bytes, Before]:
    """Return the digits of records that state `stated`, with those inherited, and what a line after them may continue.

    `last` is the last of the records; `kinds_of` returns the kind of the first line of each. It is not called where
    none states anything and nothing is before them, nor where all state something.
    """
    if not before.torn:
        if UNSTATED not in stated:
            return stated, Before(stated[-1:], timed=begins_by_itself(last))
        if before.digit == UNSTATED and not stated.strip(UNSTATED):
            return stated, NOTHING
    torn = int(before.torn)  # the rest of a line states nothing
    head = _head(before)
    codes = head + coded(stated[torn:], kinds_of()[torn:])
    digits = _CONTINUED.sub(_inherited, codes).translate(_SEVERITIES)
    after = _after(codes) if codes else replace(before, torn=False)
    return before.digit * torn + digits[len(head) :], after


def _head(before: Before) -> bytes:
    """Return the codes of a record so far; none for one whose severity is the default."""
    if before.digit == UNSTATED:
        return b""
    head = before.digit.translate(bytes.maketrans(_DIGITS, _TIMED)) if before.timed else before.digit
    return head + b"x" * before.opened


def coded(stated: bytes, kinds: bytes) -> bytes:
    """Return a code for each line, of the severity that it states and its kind: see the top of this module."""
    added = int.from_bytes(stated, "big") | int.from_bytes(kinds.translate(_BITS), "big")
    return added.to_bytes(len(stated), "big").translate(_CODES)


def _inherited(found: re.Match[bytes]) -> bytes:
    return found[0][:1] * len(found[0])


def _after(codes: bytes) -> Before:
    """Return what is known after these lines."""
    heads = codes.rstrip(b"xks")
    head, tail = heads[-1:], codes[len(heads) :]
    if not head or not _TAIL[head in _TIMED + b"S"].fullmatch(tail):
        return NOTHING
    return Before(head.translate(_SEVERITIES), timed=head in _TIMED + b"S", opened=b"x" in tail)
