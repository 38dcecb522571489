"""Which stretches of a file are read, by the rows of its index. Pure.

A settled row tells where it begins in every respect, so that reading may begin there and end at its end. What is not
settled, or has no row, is read from the settled row before it to the one behind it, or not at all.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from msgspec import Struct

from sinks.index.reading import Row
from sinks.search.spans import END, WHOLE, Span

Wants = Callable[[Row], bool]


class _Run(Struct, frozen=True):
    """Rows and bytes without any that are read together; `row` if it is one that is settled."""

    begin: int
    end: int
    is_wanted: bool
    row: Row | None = None


def spans_of(rows: Sequence[Row], size_bytes: int, wants: Wants) -> Sequence[Span]:
    """Return what to read of an output of that size: each row that is wanted, and what has none."""
    if all(map(wants, rows)):
        return WHOLE
    runs = list(_runs(rows, size_bytes, wants))
    needed = [each.is_wanted or _leads(each, after) for each, after in pairwise([*runs, _Run(0, 0, is_wanted=False)])]
    if all(needed):
        return WHOLE
    spans: list[Span] = []
    end = -1
    for run, is_needed in zip(runs, needed, strict=True):
        if is_needed and run.begin == end:
            spans[-1] = _until(spans[-1], run.end)
        elif is_needed:
            spans.append(_span(run))
        end = run.end if is_needed else -1
    return spans


def _leads(run: _Run, after: _Run) -> bool:
    """Return True if a settled row is read only to know what is behind it."""
    return run.row is not None and after.row is None and after.is_wanted


def _runs(rows: Sequence[Row], size_bytes: int, wants: Wants) -> Iterator[_Run]:
    """Yield the stretches of the file in order, neighbours that have no settled row as one."""
    open_run: _Run | None = None
    for piece in _pieces(rows, size_bytes, wants):
        if open_run and piece.row is None:
            open_run = _Run(open_run.begin, piece.end, open_run.is_wanted or piece.is_wanted)
            continue
        if open_run:
            yield open_run
        open_run = None if piece.row else piece
        if piece.row:
            yield piece
    if open_run:
        yield open_run


def _pieces(rows: Sequence[Row], size_bytes: int, wants: Wants) -> Iterator[_Run]:
    """Yield the rows and what is between them."""
    at = 0
    for row in rows:
        if row.begin > at:
            yield _Run(at, row.begin, is_wanted=True)
        yield _Run(row.begin, row.end, wants(row), row if row.settled else None)
        at = row.end
    if at < size_bytes:
        yield _Run(at, END, is_wanted=True)


def _span(run: _Run) -> Span:
    row = run.row
    if row is None:  # what has no settled row before it begins where the file does
        return Span(0, run.end)
    return Span(run.begin, run.end, row.content_begin or 0, row.first_line or 1, row.before_us)


def _until(span: Span, end: int) -> Span:
    return Span(span.begin, end, span.offset, span.line, span.before_us)
