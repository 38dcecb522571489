"""Batches as lines for people: time, severity, host and label in columns, and the text of each record.

Verbatim lines go through whole columns at a time; only a record that may be more than text is looked at by itself.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import compress
from operator import add
from typing import Final

from logbus.batch import MAX_BODY_BYTES, MAX_RECORDS, Batch, records, split_records, there
from logbus.severity import Severity
from sinks.console import colours
from sinks.console.clock import Clock
from sinks.console.columns import Column
from sinks.console.painting import Painter, Space, space_of
from sinks.console.settings import Settings
from sinks.console.unwrapping import Said, Unwrapping, maybe_more
from sinks.event_times import times_us
from sinks.printable import printable

RECORDS_AT_ONCE: Final = 8_192
INDENTS_MAX_BYTES: Final = 8 << 20
"""The most that may stand before the further lines of a piece's records; beyond it, each has one blank."""
_WORD_WIDTH: Final = 8


class Text:
    """Shows batches as text; `terminal` tells the width of the terminal, if it is one (0: unknown).

    A batch that is larger than any shipper makes is shown as it is, with the time of reading, and is not wrapped: all
    else could take too long.
    """

    def __init__(self, settings: Settings, *, colour: bool = False, terminal: Callable[[], int] | None = None) -> None:
        self._settings = settings
        self._terminal = terminal
        self._is_painted = colour or terminal is not None
        self._clock = Clock(utc=settings.utc, date=settings.date)
        self._hosts, self._labels = Column(colour=colour), Column(colour=colour)
        self._unwrapping = Unwrapping(settings.fields)
        self._painter = Painter(colour=colour, grep=settings.grep)
        self._words = {ord(f"{each:d}"): _word(each, colour=colour) for each in Severity}
        self._dim, self._reset = (colours.DIM, colours.RESET) if colour else ("", "")
        self._shows_days = terminal is not None and not settings.date
        self._day = self._clock.days([time.time_ns() // 1000])[0]

    def pieces(self, batch: Batch) -> Iterator[bytes]:
        """Yield a batch as text, some thousand records at a time."""
        is_huge = len(batch.body) > MAX_BODY_BYTES or len(batch.levels) > MAX_RECORDS
        times = self._times(batch, read=is_huge or self._settings.read_time)
        host, label = self._hosts.cell(batch.host), self._labels.cell(batch.label)
        begins = {digit: b"%b%b %b " % (word, host, label) for digit, word in self._words.items()}
        width = self._clock.width + _WORD_WIDTH + self._hosts.width + self._labels.width + 2
        space = space_of(width, self._terminal() if self._terminal else 0)
        at = 0
        for part in split_records(batch, RECORDS_AT_ONCE):
            count = len(part.levels)
            texts = _as_they_are(part, width) if is_huge else self._texts(part, space)
            yield self._piece(part, times[at : at + count], begins, texts)
            at += count

    def _times(self, batch: Batch, *, read: bool) -> Sequence[int]:
        now_us = time.time_ns() // 1000
        return [batch.read_at_us or now_us] * len(batch.levels) if read else times_us(batch, now_us)

    def _piece(self, batch: Batch, times: Sequence[int], begins: dict[int, bytes], texts: list[bytes]) -> bytes:
        levels: Sequence[int] = batch.levels
        if 0 in (mask := there(batch)):
            times, levels = list(compress(times, mask)), bytes(compress(levels, mask))
            texts = list(compress(texts, mask))
        shown = list(map(add, map(add, self._clock.stamps(times), map(begins.__getitem__, levels)), texts))
        if self._shows_days:
            shown = list(map(add, self._new_days(times), shown))
        return b"\n".join([*shown, b""])

    def _new_days(self, times: Sequence[int]) -> Iterator[bytes]:
        """Yield a line before each record of another day than that before it, otherwise nothing."""
        for day in self._clock.days(times):
            yield b"" if day == self._day else f"{self._dim}--- {day} ---{self._reset}\n".encode()
            self._day = day

    def _texts(self, batch: Batch, space: Space) -> list[bytes]:
        """Return the text of each record, behind what stands in columns, without a newline at its end."""
        raw = self._settings.raw
        each = list(records(batch))
        said = {} if raw else self._said(batch, each)
        texts = _printable(batch, each)
        if pairs := b"" if raw else self._unwrapping.shippers(batch):
            said = {n: Said(text + b" " + pairs, len(text) + 1) for n, text in enumerate(texts)} | said
        for number, (text, _) in said.items():
            texts[number] = text
        if not self._is_painted:
            return _indented(texts, space.indent) if said or batch.lengths is not None else texts
        fields_at = [said[n].fields_at if n in said else len(text) for n, text in enumerate(texts)]
        space = space._replace(indent=_affordable(space.indent, texts))
        return [self._painter.painted(text, at, space) for text, at in zip(texts, fields_at, strict=True)]

    def _said(self, batch: Batch, each: list[bytes]) -> dict[int, Said]:
        numbers = [number for number, record in enumerate(each) if maybe_more(record)]
        if not numbers:
            return {}
        wrapped = [each[number].removesuffix(b"\n").removesuffix(b"\r") for number in numbers]
        return dict(zip(numbers, self._unwrapping.said(batch, wrapped), strict=True))


def _word(severity: Severity, *, colour: bool) -> bytes:
    begin = colours.SEVERITIES[severity] if colour else ""
    return f"{begin}{severity.word:7}{colours.RESET if begin else ''} ".encode()


def _printable(batch: Batch, each: list[bytes]) -> list[bytes]:
    """Return each record as printable text without its newline, all at once if each is a line."""
    if batch.lengths is None:
        return printable(batch.body).removesuffix(b"\n").split(b"\n")[: len(each)]
    return [printable(record).removesuffix(b"\n") for record in each]


def _as_they_are(batch: Batch, indent: int) -> list[bytes]:
    texts = _printable(batch, list(records(batch)))
    return texts if batch.lengths is None else _indented(texts, indent)


def _indented(texts: list[bytes], indent: int) -> list[bytes]:
    """Return texts whose further lines begin with blanks."""
    begin = b"\n" + b" " * _affordable(indent, texts)
    return [text.replace(b"\n", begin) for text in texts]


def _affordable(indent: int, texts: list[bytes]) -> int:
    further = sum(text.count(b"\n") for text in texts)
    return indent if further * indent <= INDENTS_MAX_BYTES else 1
