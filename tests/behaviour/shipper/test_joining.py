"""Joining end to end in one shipper: whatever happens in the middle of a stack trace, its records are the same."""

import os
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest
from msgspec.structs import replace

from logbus.batch import MAX_RECORDS_WITH_LENGTHS, records
from logbus.traces import PRESETS
from shipper.lives.stdin import Stdin
from shipper.records.filters import Selection
from shipper.records.redaction.presets import PresetName, Redact
from shipper.records.rules import MOST_RECORD_BYTES, Multiline
from shipper.settings import Input
from support.shores import Kind, Preset, Shore
from support.traces import TRACES, cases

if TYPE_CHECKING:
    from collections.abc import Mapping

CASES = cases()
IDS = [f"{name}-{number}" for name in TRACES for number in range(len(TRACES[name]))]


def cuts(data: bytes) -> list[int]:
    """Return the end and the middle of each line, and the byte before its end."""
    lines = data.splitlines(keepends=True)
    ends = list(accumulate(map(len, lines)))
    return sorted(
        {place for end, line in zip(ends, lines, strict=True) for place in (end, end - 1, end - len(line) // 2)}
    )


def shipped(shore: Shore) -> dict[str, list[bytes]]:
    """Return each file's records, those that were sent again once."""
    found: dict[str, dict[int, bytes]] = {}
    for batch in shore.publisher.batches:
        at = batch.offset
        for record in records(batch):
            assert found.setdefault(batch.path, {}).setdefault(at, record) == record
            at += len(record)
    return {path: [text for _, text in sorted(texts.items())] for path, texts in found.items()}


KINDS: dict[str, Kind] = {
    "plain": {},
    "redacted": {"redact": Redact(presets=["email"])},
    "joined": {"multiline": Multiline(preset="java")},
    "keys": {"redact": Redact(presets=["private_key"])},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("once", [False, True])
def test_more_records_than_a_batch_holds(shore: Shore, kind: str, once: bool) -> None:
    """What a batch has no room for goes with the next at once, not when the file grows; and before --once ends."""
    data = b"-----BEGIN PRIVATE KEY-----\n" * (kind == "keys") + b"a\n" * 70_000 + b"\n" * 10_000
    shore.write("a.log", data)
    shore.start(once=once, **KINDS[kind])
    for _ in range(4):
        shore.run(0.1)
    sizes = [batch.end - batch.offset for batch in shore.publisher.batches]
    assert sum(sizes) >= len(data) - (not once and kind in ("joined", "keys"))
    assert all(len(batch.lengths or ()) <= MAX_RECORDS_WITH_LENGTHS for batch in shore.publisher.batches)
    assert shore.agent.finished() == once


@pytest.mark.parametrize("kind", ["joined", "keys"])
def test_the_longest_line(shore: Shore, kind: str) -> None:
    """B6: up to max_record_bytes, it is one record, and the next line another."""
    data = b"INFO " + b"x" * (MOST_RECORD_BYTES - 6) + b"\n"
    shore.write("a.log", data + b"INFO next\n")
    shore.start(**KINDS[kind])
    for _ in range(3):
        shore.run(6.0)
    assert shore.lives() == [data + b"INFO next\n"]
    assert max(len(batch.body) for batch in shore.publisher.batches) >= len(data)


def test_once_ends_with_a_key_that_does_not(shore: Shore) -> None:
    """What begins as a private key and is longer than what is read at once is shipped before `once` ends."""
    data = b"-----BEGIN PRIVATE KEY-----\n" + (b"x" * 1000 + b"\n") * 2 + b"y" * 3000 + b"\nlast\n"
    shore.write("a.log", data)
    agent = shore.start(once=True, **(KINDS["keys"] | Kind(max_record_bytes=1024)))
    for _ in range(3):
        shore.run()
    assert agent.finished()
    assert sum(batch.end - batch.offset for batch in shore.publisher.batches) == len(data)


@pytest.mark.parametrize("kind", ["plain", "joined", "redacted"])
def test_more_records_than_a_batch_holds_from_a_pipe(kind: str) -> None:
    """So does what came through a pipe, before more of it is read."""
    out, into = os.pipe()
    keys: Mapping[str, object] = KINDS[kind]
    stdin = Stdin(replace(Input(paths=["-"]), **keys), out)
    for number in range(3):
        os.write(into, b"\n" * 60_000)
        pieces = list(iter(lambda: stdin.read(number), None))  # noqa: B023 - called at once
        assert sum(len(piece.body) for piece in pieces) >= 60_000 - 1
    os.close(into)
    assert sum(len(piece.body) for piece in iter(lambda: stdin.read(9), None)) == (kind == "joined")
    os.close(out)


@pytest.mark.parametrize("preset", PRESETS)
def test_hostile_lines_do_not_hold_up_others(shore: Shore, preset: Preset) -> None:
    """S18, B12: behind four MiB of 50 kB lines against every pattern, another file's line is among the first."""
    pattern = r"(a+)+$|(\w*\s*)*:(.*.*)*x$"
    kind: Kind = {
        "multiline": Multiline(preset=preset),
        "drop": [Selection(pattern=pattern)],
        "redact": Redact(presets=list(get_args(PresetName)), patterns={"hostile": pattern}),
    }
    units = (b"a", b"a.", b"a/", b" ", b"(", b"1.", b"::", b"a@", b'{"a":')
    lines = [unit * (50_000 // len(unit)) + b"!\n" for unit in units]
    shore.write("a.log", b"".join(lines * (4_000_000 // 50_000 // len(units))))
    shore.write("b.log", b"INFO one\nINFO two\n")
    shore.start(**kind)
    assert "b.log" in {Path(batch.path).name for batch in shore.publisher.batches[:3]}
    shore.run()
    assert sum(batch.end - batch.offset for batch in shore.publisher.batches) == sum(
        (shore.logs / name).stat().st_size for name in ("a.log", "b.log")
    )


@pytest.mark.parametrize("crashed", [True, False])
@pytest.mark.parametrize("rotated", [True, False])
@pytest.mark.parametrize(("preset", "expected"), CASES, ids=IDS)
def test_in_the_middle_of_a_trace(
    shore: Shore, preset: Preset, expected: list[bytes], rotated: bool, crashed: bool
) -> None:
    """B14: killed, rotated, or both, at the end or in the middle of any line: the records stay whole."""
    hold_records(shore, {"multiline": Multiline(preset=preset)}, expected, rotated=rotated, crashed=crashed)


PIECES = [
    b'2025-03-04T10:15:32.1Z stdout F {"level":"info"}\n',
    (
        b'2025-03-04T10:15:32.2Z stdout P {"level":"warn",\n2025-03-04T10:15:32.3Z stderr P a\n'
        b'2025-03-04T10:15:32.4Z stdout F "msg":"x"}\n2025-03-04T10:15:32.5Z stderr F b\n'
    ),
    b"2025-03-04T10:15:32.6Z stderr F next\n",
    (
        b'{"log":"a","stream":"stderr","time":"2025-03-04T10:15:33Z"}\n'
        b'{"log":"b\\n","stream":"stderr","time":"2025-03-04T10:15:33Z"}\n'
    ),
    b"2025-03-04T10:15:34.7Z stdout P without an end\n",
]


@pytest.mark.parametrize("crashed", [True, False])
@pytest.mark.parametrize("rotated", [True, False])
def test_in_the_middle_of_pieces(shore: Shore, rotated: bool, crashed: bool) -> None:
    """So do the pieces of a container's text, without any keys; one without an end waits only for so long."""
    hold_records(shore, {}, PIECES, rotated=rotated, crashed=crashed)


def hold_records(shore: Shore, kind: Kind, expected: list[bytes], *, rotated: bool, crashed: bool) -> None:
    """Write `expected` in two parts, with a stop at every place, and hold what is shipped to it."""
    data = b"".join(expected)
    places = cuts(data)
    for place in places:
        shore.write(f"{place}.log", data[:place])
    shore.start("*.log*", **kind)
    shore.run(0.5)
    if crashed:
        shore.crash()
    for place in places:
        if rotated:
            (shore.logs / f"{place}.log").rename(shore.logs / f"{place}.log.1")
        shore.write(f"{place}.log" + ".1" * rotated, data[place:])
    if crashed:
        shore.start("*.log*", **kind)
    for _ in range(8):
        shore.run()
    found = shipped(shore)
    assert len(found) == len(places)
    assert {path: texts for path, texts in found.items() if texts != expected} == {}
