r"""Redaction: text that must not leave the host is replaced by a fixed placeholder, or by a keyed hash of the text.

Patterns run on RE2 over whole slices: a slice without matches stays verbatim. No match crosses a line's end, except
blocks of private keys, which are matched in whole records (`key_blocks` keeps each in one). A match that fails its
preset's check (such as Luhn for card numbers) is left unchanged.
"""

import hashlib
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, islice, pairwise
from pathlib import Path
from typing import Final

from logbus import telemetry
from logbus.config.patterns import Match, Pattern, compile_pattern
from logbus.config.settings import read_secret
from logbus.native import memmem
from shipper.records.redaction.presets import CHECKS, NEEDED, PATTERNS, Redact

MATCHES_A_RECORD: Final = 1000
GROWTH: Final = 8
GROWTH_BYTES: Final = 256
TOO_MANY: Final = b"[redacted: more marks than text]\n"
KEY_BLOCK_LINES: Final = 250
KEY_BLOCK_BYTES: Final = 16 * 1024
HASH_BYTES: Final = 6
RARE_BYTES: Final = 1024
"""Where lines with a needed byte are rarer than one in so many bytes, they alone are searched."""
BEGIN_KEY: Final = b"PRIVATE KEY"
END_KEY: Final = b"-----END "

_PRIVATE_KEY = re.compile(
    rb"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z ]{0,60}-----|\Z)"
)


_BEFORE_A_VALUE: Final = frozenset((b":", b",", b"[", b" ", b"\t"))

Span = tuple[int, int]
Found = tuple[int, int, str]
"""A match to replace: its start, its end, and the name of its pattern."""


class Redactor:
    """Redacts records as `settings` say. Raises UsageError if the key file cannot be used."""

    def __init__(self, settings: Redact) -> None:
        wanted = {name: PATTERNS[name] for name in settings.presets if name in PATTERNS} | settings.patterns
        self._patterns = [(name, compile_pattern(text)) for name, text in wanted.items()]
        self.joins_keys = "private_key" in settings.presets
        self._alone = len(self._patterns) == 1 and not self.joins_keys
        self._placeholders = {name: f"[redacted {name}]".encode() for name in [*wanted, "private_key"]}
        secret = read_secret(Path(settings.key_file), "key_file").encode() if settings.key_file else b""
        self._key = secret and hashlib.sha256(secret).digest()

    def redact(self, body: bytes, sizes: Sequence[int]) -> tuple[bytes, list[int]] | None:
        """Return the redacted `body`, records of `sizes` bytes, and its new sizes; None if nothing matches."""
        found = self.find(body, sizes)
        if not found:
            return None
        telemetry.count("logbus_redactions", len(found))
        ends = list(accumulate(sizes))
        new_sizes = list(sizes)
        changed: set[int] = set()
        parts: list[bytes] = []
        at = 0
        for start, end, name in found:
            placeholder = self._hashed(name, body[start:end]) if self._key else self._placeholders[name]
            if _is_json_number(body, start, end):
                placeholder = b'"%b"' % placeholder
            parts.append(body[at:start])
            parts.append(placeholder)
            record = bisect_right(ends, start)
            changed.add(record)
            new_sizes[record] += len(placeholder) - (end - start)
            at = end
        parts.append(body[at:])
        grown = [each for each in changed if new_sizes[each] > GROWTH * sizes[each] + GROWTH_BYTES]
        return _bounded(b"".join(parts), new_sizes, grown)

    def _hashed(self, name: str, text: bytes) -> bytes:
        return f"[{name} {hashlib.blake2b(text, key=self._key, digest_size=HASH_BYTES).hexdigest()}]".encode()

    def find(self, body: bytes, sizes: Sequence[int]) -> list[Found]:
        """Return the matches to replace, in order and without overlaps."""
        found = [each for name, pattern in self._patterns for each in _matches(name, pattern, body)]
        if self.joins_keys and memmem.find(body, BEGIN_KEY) >= 0:
            found += _keys(body, sizes)
        return found if self._alone else _merged(sorted(found))


def _is_json_number(body: bytes, start: int, end: int) -> bool:
    """Return True for a bare value in a line that is an object: its placeholder has to be a string."""
    if body[start - 1 : start] not in _BEFORE_A_VALUE:
        return False
    around = body[max(0, start - 16) : start].rstrip(b" \t")[-1:], body[end : end + 16].lstrip(b" \t")[:1]
    return around[0] in (b":", b",", b"[") and around[1] in (b",", b"}", b"]") and _line_begins(body, start, b"{")


def _line_begins(body: bytes, place: int, beginning: bytes) -> bool:
    return body.startswith(beginning, body.rfind(b"\n", 0, place) + 1)


def _bounded(body: bytes, sizes: list[int], grown: Sequence[int]) -> tuple[bytes, list[int]]:
    """Return `body` and its records' `sizes`, with a placeholder for those that have `grown` too much."""
    if not grown:
        return body, sizes
    records = [body[start:end] for start, end in pairwise(accumulate(sizes, initial=0))]
    for each in grown:
        records[each] = TOO_MANY
    return b"".join(records), list(map(len, records))


def _matches(name: str, pattern: Pattern, body: bytes) -> list[Found]:
    """Return the matches of a pattern; after MATCHES_A_RECORD in one line, the rest of that line as one."""
    if name in NEEDED:
        most = len(body) // RARE_BYTES
        spans = list(islice(_lines_with(NEEDED[name], body), most + 1))
        if len(spans) <= most:
            lines = b"".join([body[start:end] for start, end in spans])
            return list(_moved(_matches_in(name, pattern, lines, 0, len(lines)), spans))
    return _matches_in(name, pattern, body, 0, len(body))


def _moved(found: Iterable[Found], spans: Sequence[Span]) -> Iterator[Found]:
    """Yield what was found in these spans, one behind another, with its place in the whole."""
    ends = list(accumulate(end - start for start, end in spans))
    for start, end, name in found:
        at = bisect_right(ends, start)
        moved = spans[at][1] - ends[at]
        yield start + moved, end + moved, name


def _lines_with(needed: bytes, body: bytes) -> Iterator[Span]:
    """Yield where each line begins and ends that has one of the bytes without which nothing matches."""
    places = [body.find(byte) for byte in needed]
    while found := [place for place in places if place >= 0]:
        place = min(found)
        start, end = body.rfind(b"\n", 0, place) + 1, body.find(b"\n", place) + 1 or len(body)
        yield start, end
        places = [body.find(byte, end) if 0 <= at < end else at for byte, at in zip(needed, places, strict=True)]


def _matches_in(name: str, pattern: Pattern, body: bytes, at: int, end: int) -> list[Found]:
    check = CHECKS.get(name)
    found: list[Found] = []
    while at < end:
        run, rest, at = _run(pattern, body, at, end)
        found += [
            (start, end, name) for start, end in run if start < end and (check is None or check(body, start, end))
        ]
        found += [(*span, name) for span in rest]
    return found


def _run(pattern: Pattern, body: bytes, at: int, to: int) -> tuple[list[Span], list[Span], int]:
    """Return the next matches, the rest of a line that has too many of them, and where to continue.

    A run takes one match more than a line may have. If it ends within a line, that line is left to the next run.
    """
    run = _spans(pattern, islice(pattern.finditer(body, at, to), MATCHES_A_RECORD + 1))
    if len(run) <= MATCHES_A_RECORD:
        return run, [], to
    last, _ = run[-1]
    line = body.rfind(b"\n", 0, last) + 1
    if first := bisect_left(run, (line, line)):
        return run[:first], [], line
    end = body.find(b"\n", last)
    end = len(body) if end < 0 else end
    return run[:-1], [(last, end)], end


def _spans(pattern: Pattern, matches: Iterable[Match]) -> list[Span]:
    """Return the span of each match: that of the `secret` group that matched, or of the whole match."""
    groups = [group for name, group in pattern.groupindex.items() if name.startswith(b"secret")]
    if not groups:
        return [match.span() for match in matches]
    return [next((match.span(group) for group in groups if match.start(group) >= 0), match.span()) for match in matches]


def _keys(body: bytes, sizes: Sequence[int]) -> Iterator[Found]:
    at = 0
    for end in accumulate(sizes):
        if body.find(BEGIN_KEY, at, end) >= 0:
            for match in _PRIVATE_KEY.finditer(body, at, end):
                yield match.start(), match.end() - body.endswith(b"\n", 0, match.end()), "private_key"
        at = end


def _merged(found: list[Found]) -> list[Found]:
    merged: list[Found] = []
    for start, end, name in found:
        if merged and start < merged[-1][1]:
            first, last, its_name = merged[-1]
            merged[-1] = (first, max(last, end), its_name)
        else:
            merged.append((start, end, name))
    return merged


def key_blocks(body: bytes, lines: list[bytes]) -> dict[int, int]:
    """Return the runs of lines that hold a private key, as `multiline.Blocks`."""
    blocks: dict[int, int] = {}
    if b"-----BEGIN " not in body or BEGIN_KEY not in body:
        return blocks
    places = list(accumulate(map(len, lines), initial=0))
    ends = [number for number, line in enumerate(lines) if END_KEY in line]
    last = 0
    for first, line in enumerate(lines):
        if first >= last and b"-----BEGIN " in line and BEGIN_KEY in line and END_KEY not in line:
            last = _block_end(first, ends, places)
            if last > first + 1:
                blocks[first] = last
    return blocks


def _block_end(first: int, ends: list[int], places: list[int]) -> int:
    """Return the line behind a key's last one; `len(lines) + 1` if that may still follow, `first + 1` if it cannot.

    `ends`: the lines that end a key; `places`: the start of each line, and the end of the last one.
    """
    index = bisect_left(ends, first)
    last = ends[index] + 1 if index < len(ends) else len(places)
    size = places[min(last, len(places) - 1)] - places[first]
    return first + 1 if last - first > KEY_BLOCK_LINES or size > KEY_BLOCK_BYTES else last
