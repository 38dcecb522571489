"""Which records a console shows: those whose fields match."""

import pytest

from logbus.batch import Batch, records
from sinks.console import Settings
from sinks.console.choosing import Wanted
from support.stages import Stage

LINES = (
    b'{"msg":"a","http":{"status":500},"user":"Jo"}',
    b'{"msg":"b","http":{"status":200},"user":null}',
    b"level=info msg=c http.status=503 user=Jo",
    b'2026-11-24T03:21:06Z stderr F {"msg":"d","http":{"status":502}}',
    b"plain text, http.status=500",
    b'192.0.2.1 - - [24/Nov/2026:03:21:06 +0000] "GET /x HTTP/1.1" 500 12 "-" "curl"',
)


@pytest.mark.parametrize(
    ("field", "numbers"),
    [
        ({"http.status": "5*"}, [0, 2, 3]),
        ({"http.status": "5*", "user": "J?"}, [0, 2]),
        ({"http.status": "5*", "user": "j?"}, []),
        ({"http.status": "[!5]*"}, [1]),
        ({"user": "*"}, [0, 2]),
        ({"stream": "stderr"}, [3]),
        ({"status": "500"}, [5]),
        ({"http": '{"status":5*}'}, [0, 3]),
        ({"fields.team": "shop"}, [0, 1, 2, 3, 4, 5]),
        ({"fields.team": "*", "user": "*"}, [0, 2]),
        ({"none": "*"}, []),
    ],
)
def test_records_are_chosen_by_their_fields(stage: Stage, field: dict[str, str], numbers: list[int]) -> None:
    """All globs must match; a field that is not there, or is null, matches none."""
    batch = stage.batch(b"\n".join([*LINES, b""]), fields={"team": "shop"})
    chosen = Wanted(Settings(field=field)).of(batch)
    shown = records(chosen) if chosen else ()
    assert [LINES.index(each.rstrip(b"\n")) for each in shown if each] == numbers


def test_a_batch_without_the_shippers_field_is_left_out(stage: Stage) -> None:
    """It is not even parsed."""
    assert Wanted(Settings(field={"fields.team": "x*"})).of(stage.batch(b"a\n", fields={"team": "shop"})) is None
    assert Wanted(Settings(field={"fields.team": "*"})).of(stage.batch(b"a\n")) is None


def test_pattern_and_fields_must_both_match(stage: Stage) -> None:
    """And what was left out by one is not parsed for the other."""
    batch: Batch | None = stage.batch(b'{"a":1}\n{"a":2}\nx {"a":1}\n')
    assert batch
    batch = Wanted(Settings(field={"a": "1"}, grep="^.{2}a")).of(batch)
    assert batch
    assert [bytes(each) for each in records(batch)] == [b'{"a":1}\n', b"", b""]
