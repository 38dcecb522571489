"""A batch: a slice of one file, cut at a record end; and ways to cut it further.

A batch is *verbatim* when its body is exactly the source's bytes `[offset, end)` and its records are its lines: then
cutting is byte arithmetic. Otherwise (lines joined by multiline, bytes redacted or dropped) `lengths` gives every
record's length in the body and in the source, and cutting is by records.

Only LF ends a line: CR, NUL, form feeds and Unicode separators are bytes like any other.
"""

import io
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate, compress, islice, pairwise, repeat, takewhile

from msgspec import Struct, field
from msgspec.structs import astuple, replace

from logbus.errors import WireError
from logbus.native import newlines
from logbus.wire.lengths import Lengths
from logbus.wire.times import Times


class Span(Struct, frozen=True):
    """The bytes `[offset, end)` of the source of one stream."""

    stream: str
    offset: int
    end: int


class Batch(Struct, frozen=True, eq=False):
    """Records of one file, in order, with their position.

    `body`: the records' bytes, decompressed; only the last record may lack its newline.
    `levels`: one ASCII digit (0 emerg ... 7 debug) per record.
    `path`: as `os.fsdecode` gives it (surrogates stand for bytes that are not UTF-8).
    `stream`, `offset`, `end`: 16 hex digits, and bytes in the source; `stream` is "" in a foreign batch: no position.
    `lengths`: of each record, or None in a verbatim batch.
    `partial`: the last record continues in the next batch.
    `times`: how its records' times are read; None if that is off, or if nobody said so.
    `user`: the AMQP user that RabbitMQ vouched for, or "".
    `encoded`: the Zstandard frame that the body came in, or None; ignored in comparisons.
    """

    body: bytes
    levels: bytes
    host: str = "unknown"
    label: str = "unknown"
    path: str = ""
    stream: str = ""
    offset: int = 0
    end: int = 0
    read_at_us: int = 0
    fields: Mapping[str, str] = field(default_factory=dict)
    lengths: Lengths | None = None
    partial: bool = False
    times: Times | None = None
    user: str = ""
    encoded: bytes | None = None

    def __eq__(self, other: object) -> bool:
        """Return True if the other is a batch of the same records; how they came does not count."""
        return isinstance(other, Batch) and astuple(self)[:-1] == astuple(other)[:-1]

    __hash__ = None  # type: ignore[assignment] # fields and lengths have none

    @property
    def span(self) -> Span:
        """The bytes of the stream that this batch covers."""
        return Span(self.stream, self.offset, self.end)


class Head(Batch, frozen=True, eq=False):
    """A batch without its body, for who only counts its records."""


def count_lines(body: bytes) -> int:
    """Return the number of lines in `body`; a last line without a newline counts too."""
    return newlines.count(body) + (not body.endswith(b"\n") if body else 0)


def records(batch: Batch) -> Iterator[bytes]:
    """Return the records with their newlines; b"" for one dropped on purpose."""
    return iter(io.BytesIO(batch.body)) if batch.lengths is None else _measured(batch.body, batch.lengths.sizes)


def there(batch: Batch) -> bytes:
    """Return 1 for each record, 0 for one dropped on purpose."""
    return b"\1" * len(batch.levels) if batch.lengths is None else bytes(map(bool, batch.lengths.sizes))


def levels_of(batch: Batch) -> bytes:
    """Return the levels of the records that were not dropped."""
    return batch.levels if batch.lengths is None else bytes(compress(batch.levels, batch.lengths.sizes))


def _measured(body: bytes, sizes: Iterable[int]) -> Iterator[bytes]:
    at = 0
    for size in sizes:
        yield body[at : at + size]
        at += size


def trim(batch: Batch, offset: int, end: int) -> Batch:
    """Return the part of `batch` inside the source's bytes `[offset, end)`.

    Raises ValueError when it is empty, WireError when the cut is in a record whose bytes are not the source's.
    """
    first, last = max(offset, batch.offset), min(end, batch.end)
    if first >= last:
        raise ValueError(f"nothing of [{batch.offset}, {batch.end}) is inside [{offset}, {end})")
    if (first, last) == (batch.offset, batch.end):
        return batch
    if batch.lengths is None:
        return _cut_lines(batch, first - batch.offset, last - batch.offset)
    return _clip_records(batch, batch.lengths, first, last)


def split(batch: Batch, max_bytes: int) -> list[Batch]:
    """Cut `batch` at record ends into bodies of at most `max_bytes`, and a longer record into partial pieces.

    Raises ValueError for a record so much longer than its source that its pieces would have no position of their own.
    """
    if len(batch.body) <= max_bytes:
        return [batch]
    if batch.lengths is None:
        return [_cut_lines(batch, first, last) for first, last in pairwise(_line_cuts(batch.body, max_bytes))]
    return list(_split_records(batch, batch.lengths, max_bytes))


def split_records(batch: Batch, max_records: int) -> Iterator[Batch]:
    """Yield `batch` in parts of at most `max_records`, one by one because each is a copy."""
    if len(batch.levels) <= max_records:
        yield batch
        return
    yield from in_parts(batch, repeat(max_records))


def in_parts(batch: Batch, counts: Iterable[int]) -> Iterator[Batch]:
    """Yield `batch` in parts of so many records, each at least 1, until there are no more."""
    if batch.lengths is None:
        yield from _parts_of_lines(batch, counts)
        return
    sizes = _sums(iter(batch.lengths.sources), counts)
    yield from (trim(batch, first, last) for first, last in pairwise(accumulate(sizes, initial=batch.offset)))


def _parts_of_lines(batch: Batch, counts: Iterable[int]) -> Iterator[Batch]:
    at = lines = 0
    for count in counts:
        if at >= len(batch.body):
            return
        end = newlines.behind(batch.body, at, count)
        yield _lines(batch, at, end, batch.levels[lines : lines + count])
        at, lines = end, lines + count


def _sums(numbers: Iterator[int], counts: Iterable[int]) -> Iterator[int]:
    """Yield the sum of so many numbers, again and again, until there are no more."""
    return takewhile(bool, (sum(islice(numbers, count)) for count in counts))


def _line_cuts(body: bytes, max_bytes: int) -> Iterator[int]:
    at = 0
    yield at
    while at + max_bytes < len(body):
        at = body.rfind(b"\n", at, at + max_bytes) + 1 or at + max_bytes
        yield at
    yield len(body)


def _cut_lines(batch: Batch, first: int, last: int) -> Batch:
    """Return the part `[first, last)` of the body of a batch without lengths."""
    skipped = newlines.count(batch.body[:first])
    return _lines(batch, first, last, batch.levels[skipped : skipped + count_lines(batch.body[first:last])])


def _lines(batch: Batch, first: int, last: int, levels: bytes) -> Batch:
    """Return the lines `[first, last)` of the body of a batch without lengths, which have these levels."""
    body = batch.body[first:last]
    return replace(
        batch,
        body=body,
        levels=levels,
        offset=batch.offset + first if batch.stream else 0,
        end=batch.offset + last if batch.stream else 0,
        partial=batch.partial if last == len(batch.body) else not body.endswith(b"\n"),
        encoded=None,
    )


def _clip_records(batch: Batch, lengths: Lengths, first: int, last: int) -> Batch:
    """Return the records inside `[first, last)` of the source."""
    body, levels, kept, goes_on = [], bytearray(), [], False
    at, source_at = 0, batch.offset
    for level, (size, source) in zip(batch.levels, lengths, strict=True):
        low, high = max(first - source_at, 0), min(last - source_at, source)
        if low < high:
            part = _part_in_body(size, source, low, high)
            body.append(batch.body[at + part.start : at + part.stop])
            levels.append(level)
            kept.append((len(part), high - low))
            goes_on = high < source
        at, source_at = at + size, source_at + source
    return replace(
        batch,
        body=b"".join(body),
        levels=bytes(levels),
        lengths=Lengths.of(kept),
        offset=first,
        end=last,
        partial=batch.partial if last == batch.end else goes_on,
        encoded=None,
    )


def _part_in_body(size: int, source: int, low: int, high: int) -> range:
    """Return the range of a record's `size` bytes for `[low, high)` of its `source` bytes. Raises WireError."""
    if high - low == source:
        return range(size)
    if size == source:
        return range(low, high)
    if size == 0:
        return range(0)
    raise WireError(f"a record of {size} bytes that stands for {source} of the source cannot be cut")


class _Piece(Struct, frozen=True):
    """A record, or a part of one: `goes_on` is True if the next piece is of the same record."""

    level: int
    size: int
    source: int
    goes_on: bool


def _pieces(level: int, size: int, source: int, max_bytes: int) -> Iterator[_Piece]:
    """Cut one record, dividing its source bytes so that each piece has a position of its own."""
    if size <= max_bytes:
        yield _Piece(level, size, source, goes_on=False)
        return
    if source * max_bytes < size:
        raise ValueError(f"a record of {size} bytes made of {source} of the source cannot be cut at {max_bytes}")
    for first, last in pairwise([*range(0, size, max_bytes), size]):
        share = source * last // size - source * first // size
        yield _Piece(level, last - first, share, goes_on=last < size)


def _split_records(batch: Batch, lengths: Lengths, max_bytes: int) -> Iterator[Batch]:
    group: list[_Piece] = []
    at = used = 0
    offset = batch.offset
    for level, (size, source) in zip(batch.levels, lengths, strict=True):
        for piece in _pieces(level, size, source, max_bytes):
            if group and (group[-1].goes_on or used + piece.size > max_bytes):
                part = _group(batch, group, at, offset)
                yield part
                at, offset, group, used = at + used, part.end, [], 0
            group.append(piece)
            used += piece.size
    yield replace(_group(batch, group, at, offset), partial=batch.partial)


def _group(batch: Batch, group: list[_Piece], at: int, offset: int) -> Batch:
    return replace(
        batch,
        body=batch.body[at : at + sum(piece.size for piece in group)],
        levels=bytes(piece.level for piece in group),
        lengths=Lengths.of((piece.size, piece.source) for piece in group),
        offset=offset,
        end=offset + sum(piece.source for piece in group),
        partial=group[-1].goes_on,
        encoded=None,
    )
