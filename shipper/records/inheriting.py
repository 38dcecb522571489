"""Inherited severities: a line that states none, and continues a record, has that record's severity.

So the frames of a stack trace stay with the error that they explain, also where nothing joins them. Each line is judged
by its own bytes and by what is known of the lines before it, a `Before`; nothing waits, and no bytes change.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from logbus.severity import UNSTATED
from shipper.records.cuts import NOTHING, Before
from shipper.records.stacktraces import CONTINUES, OPENS, START

_UNSTATED_RUN: Final = re.compile(rb"-++")
_KIND: Final = re.compile(b"(?P<S>%s)|(?P<x>%s)|(?P<k>%s)" % (START, OPENS, CONTINUES))


def begins_by_itself(line: bytes) -> bool:
    """Return True if a line begins a record, whatever is before it."""
    found = _KIND.match(line)
    return found is not None and found.lastgroup == "S"


def inherit(stated: bytes, body: bytes, before: Before, records: Sequence[bytes] | None = None) -> tuple[bytes, Before]:
    """Return the digits of records that state `stated`, with those inherited, and what a line after them may continue.

    `records` are those of `body`; None: its lines. They are not looked at where none states anything and nothing is
    before them, nor where all state something, but for the last.
    """
    if not before.torn:
        if UNSTATED not in stated:
            last = records[-1] if records else body[body.rfind(b"\n", 0, len(body) - 1) + 1 :]
            return stated, _begun(stated[-1:], last)
        if before.digit == UNSTATED and not stated.strip(UNSTATED):
            return stated, NOTHING
    return _inherited(stated, body.split(b"\n") if records is None else records, before)


def _inherited(stated: bytes, lines: Sequence[bytes], before: Before) -> tuple[bytes, Before]:
    digits = bytearray(stated)
    at = int(before.torn)  # the rest of a line states nothing
    digits[:at] = before.digit * at
    before = replace(before, torn=False)
    for run in _UNSTATED_RUN.finditer(stated, at):
        if run.start() > at:
            before = _begun(stated[run.start() - 1 : run.start()], lines[run.start() - 1])
        for number in range(*run.span()):
            before = _continued(lines[number], before)
            digits[number : number + 1] = before.digit
        at = run.end()
    if at < len(stated):
        before = _begun(stated[-1:], lines[len(stated) - 1])
    return bytes(digits), before


def _begun(digit: bytes, line: bytes) -> Before:
    return Before(digit, timed=begins_by_itself(line))


def _continued(line: bytes, before: Before) -> Before:
    """Return what is known after a line that states nothing."""
    found = _KIND.match(line)
    kind = found.lastgroup if found else None
    if kind == "S":
        return Before(timed=True)
    if kind == "x":
        return replace(before, opened=True)
    if kind == "k" or not line.strip() or (before.timed and before.opened):
        return before
    return NOTHING
