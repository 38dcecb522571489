"""Joining end to end in one shipper: whatever happens in the middle of a stack trace, its records are the same."""

from itertools import accumulate
from typing import Any

import pytest

from logbus.batch import records
from shipper.multiline import Multiline
from support.traces import TRACES, cases

CASES = cases()
IDS = [f"{name}-{number}" for name in TRACES for number in range(len(TRACES[name]))]


def cuts(data: bytes) -> list[int]:
    """Return the end and the middle of each line, and the byte before its end."""
    lines = data.splitlines(keepends=True)
    ends = list(accumulate(map(len, lines)))
    return sorted(
        {place for end, line in zip(ends, lines, strict=True) for place in (end, end - 1, end - len(line) // 2)}
    )


def shipped(shore: Any) -> dict[str, list[bytes]]:
    """Return each file's records, those that were sent again once."""
    found: dict[str, dict[int, bytes]] = {}
    for batch in shore.publisher.batches:
        at = batch.offset
        for record in records(batch):
            assert found.setdefault(batch.path, {}).setdefault(at, record) == record
            at += len(record)
    return {path: [text for _, text in sorted(texts.items())] for path, texts in found.items()}


@pytest.mark.parametrize("crashed", [True, False])
@pytest.mark.parametrize("rotated", [True, False])
@pytest.mark.parametrize(("preset", "expected"), CASES, ids=IDS)
def test_in_the_middle_of_a_trace(shore: Any, preset: str, expected: list[bytes], rotated: bool, crashed: bool) -> None:
    """B14: killed, rotated, or both, at the end or in the middle of any line: the records stay whole."""
    data = b"".join(expected)
    places = cuts(data)
    kind = {"multiline": Multiline(preset=preset)}  # type: ignore[arg-type] - one of its presets
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
