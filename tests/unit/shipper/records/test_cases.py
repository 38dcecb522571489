"""Records and secrets that systems in the field write: which lines are one record, how severe, and what is replaced."""

import json
from pathlib import Path
from typing import TypedDict

import msgspec
import pytest
import yaml

from logbus.severity import Severity
from shipper.records.recorder import Recorder
from shipper.records.redaction import Redactor
from shipper.records.redaction.presets import PresetName, Redact
from shipper.settings import Input

CASES = Path(__file__).parents[3] / "cases"


class Records(TypedDict):
    """A text, one byte a character, the keys of its input, and each record's severity and number of lines."""

    id: str
    text: str
    input: str
    records: list[tuple[str, int]]


class Secrets(TypedDict):
    """A line, one byte a character, with what redaction by these presets must take away and must leave."""

    id: str
    line: str
    presets: list[PresetName]
    must_vanish: list[str]
    must_stay: list[str]


def read(name: str) -> list[str]:
    """Return the lines of each file of cases of this name."""
    return [line for path in sorted(CASES.glob(f"{name}*.jsonl")) for line in path.read_text().splitlines()]


RECORDS: list[Records] = [json.loads(text) for text in read("multiline")]
SECRETS: list[Secrets] = [json.loads(text) for text in read("redaction")]


@pytest.mark.parametrize("case", RECORDS, ids=lambda case: case["id"])
def test_lines_that_belong_together_are_a_record(case: Records) -> None:
    """An event of several lines is one record, of the severity that it states, and the next event is another one."""
    keys = yaml.safe_load(case["input"].replace("\n    ", "\n"))
    recorder = Recorder(msgspec.convert({"paths": ["x"], **keys}, Input))
    body = case["text"].encode("latin-1")
    found = recorder.cut(body, flush=True, final=True)
    lines = found.bounds.lines if found.bounds else [1] * body.count(b"\n")
    levels = recorder.finish(body[: found.end], found.bounds, 0.0).levels
    words = [Severity(int(chr(level))).word for level in levels]
    assert [*zip(words, lines, strict=True)] == [tuple(each) for each in case["records"]]


@pytest.mark.parametrize("case", SECRETS, ids=lambda case: case["id"])
def test_secrets_are_replaced(case: Secrets) -> None:
    """No part of a secret is left, what stands around it stays, and JSON stays JSON."""
    line = case["line"].encode("latin-1")
    found = Redactor(Redact(presets=case["presets"])).redact(line, [len(line)])
    left = (found[0] if found else line).decode("latin-1")
    assert not [text for text in case["must_vanish"] if text in left], left
    assert all(text in left for text in case["must_stay"]), left
    if line.startswith(b'{"') and b"=>" not in line:
        json.loads(left)
