"""Inherited severities: what continues a record has its severity, wherever reading begins, and nothing else has."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from logbus.traces import NOTHING, Before, inherit
from shipper.records.recorder import Recorder
from shipper.records.rules import Multiline
from shipper.settings import Input
from support.failures import FAILURES

TIMED = b"2025-03-04 10:15:33,000 INFO [main] c.a.App - next\n"
PLAIN = b"listening\n"


def levels(body: bytes, before: Before = NOTHING) -> bytes:
    """Return the digits that an input gives to lines."""
    return Recorder(Input(paths=["x"])).finish(body, None, 0.0, 0, before).levels


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_is_severe_from_its_first_to_its_last_line(failure: str) -> None:
    """Every line of a trace has the severity of the line before it that states one; the next record has its own."""
    body = failure.encode()
    after = TIMED if body[:1].isdigit() or body.startswith(b"[") else b"INFO: next\n"
    found = levels(body + after)
    assert found[-1:] == b"6"
    assert len(set(found[:-1])) == 1
    assert found[:1] in (b"2", b"3")


def test_there_are_twenty_failures() -> None:
    """So many kinds of traces are held whole."""
    assert len(FAILURES) >= 20


@given(st.lists(st.sampled_from([*(each.encode() for each in FAILURES), TIMED, PLAIN, b"\n", b"  x\n"])), st.data())
def test_slices_make_no_difference(parts: list[bytes], data: st.DataObject) -> None:
    """Wherever a body is cut at a line's end, its lines have the same severities."""
    body = b"".join(parts)
    lines = body.splitlines(keepends=True)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(lines)))) | {0, len(lines)})
    recorder, before, found = Recorder(Input(paths=["x"])), NOTHING, b""
    for start, end in pairwise(cuts):
        finished = recorder.finish(b"".join(lines[start:end]), None, 0.0, 0, before)
        found, before = found + finished.levels, finished.after
    assert found == levels(body) if body else not found


def one_by_one(stated: bytes, kinds: bytes, before: Before) -> tuple[bytes, Before]:
    """Return what `inherit` does, by its rules, line by line."""
    digits = b""
    for number, (digit, kind) in enumerate(zip(stated, kinds, strict=True)):
        if number or not before.torn:
            if digit != ord("-"):
                before = Before(bytes([digit]), timed=kind == ord("S"))
            elif kind == ord("S"):
                before = Before(timed=True)
            elif kind == ord("x"):
                before = replace(before, opened=True)
            elif kind == ord("s") and not (before.timed and before.opened):
                before = NOTHING
        digits += before.digit
        before = replace(before, torn=False)
    return digits, before


BEFORE = st.builds(Before, st.sampled_from([b"-", b"3", b"6"]), st.booleans(), st.booleans(), st.booleans())


@given(st.lists(st.tuples(st.sampled_from("--36"), st.sampled_from("Sxks")), min_size=1), BEFORE)
def test_all_lines_at_once_is_as_one_by_one(lines: list[tuple[str, str]], before: Before) -> None:
    """Whatever follows whatever: the same digits, and the same is known of what follows."""
    stated, kinds = ("".join(each).encode() for each in zip(*lines, strict=True))
    last = TIMED if kinds[-1:] == b"S" else PLAIN
    digits, after = inherit(stated, last, before, lambda: kinds)
    expected, then = one_by_one(stated, kinds, before)
    assert digits == expected
    assert after.digit == then.digit
    assert after.digit == b"-" or after == then


def test_plain_lines_end_what_can_be_inherited() -> None:
    """Where records have no time, a line that is no known part of a trace is a record of its own."""
    assert levels(b"ERROR: x\n  at f\nlistening\n  more\n") == b"3366"


def test_the_next_record_of_a_timed_log_ends_it_as_well() -> None:
    """A record with a time that states nothing has the default severity."""
    body = b"2025-03-04 10:15:33 ERROR x\nValueError: y\nany text\n2025-03-04 10:15:34 nothing stated\n  more\n"
    assert levels(body) == b"33366"


def test_only_auto_inherits() -> None:
    """`inherit: false` turns it off, and a format that is named is judged line by line."""
    for keys in ({"inherit": False}, {"format": "python"}):
        recorder = Recorder(Input(paths=["x"], **keys))
        assert recorder.finish(b"ERROR: x\n  at f\n", None, 0.0).levels == b"36"


def test_the_rest_of_a_cut_record_keeps_its_severity() -> None:
    """A record that reaches max_lines ends there; what follows of it is as severe."""
    recorder = Recorder(Input(paths=["x"], multiline=Multiline(preset="java", max_lines=2)))
    body = b"ERROR: x\n\tat a.b(C.java:1)\n\tat a.b(C.java:2)\n\tat a.b(C.java:3)\nINFO: y\n"
    found = recorder.cut(body, flush=True, final=True)
    assert recorder.finish(body, found.bounds, 0.0).levels == b"336"


def test_the_rest_of_a_torn_line_keeps_its_severity() -> None:
    """What follows a piece of a line that is too long states nothing, whatever it looks like."""
    assert levels(b"ERROR: the rest\nINFO: y\n", Before(b"4", torn=True)) == b"46"


def test_the_beginning_of_a_record_is_searched_before_its_rest() -> None:
    """After a restart, what was read before says what the next line may continue."""
    recorder = Recorder(Input(paths=["x"]))
    before = recorder.look_back(b"r]\nINFO: a\nERROR: b\n  at f\n", 100)
    assert recorder.finish(b"  at g\n", None, 0.0, 0, before).levels == b"3"
    assert recorder.look_back(b"no line's end", 0) == NOTHING
