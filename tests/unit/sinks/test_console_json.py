"""The console's JSON: the same bytes whether a message is its own encoding or not."""

import json

from hypothesis import given
from hypothesis import strategies as st

from logbus.batch import Batch
from logbus.severity import classify
from sinks.console import as_json

PIECES = st.sampled_from(
    [b"a", b" b", b'"', b"\\", b"\t", b"\r", b"\xff", b"\xc3\xa9", b"\x1b", b"\x00", b"{}", b"ERROR x"]
)


@given(st.lists(st.lists(PIECES, max_size=4).map(b"".join), min_size=1, max_size=5), st.sampled_from(["h", 'h"', "é"]))
def test_every_record_is_an_object_that_says_what_it_held(lines: list[bytes], host: str) -> None:
    """Quotes, backslashes, control characters and bytes that are not UTF-8 come through any path of the encoder."""
    body = b"".join(line + b"\n" for line in lines)
    batch = Batch(body, classify(body), host, "l", "/x", "0123456789abcdef", 100, 100 + len(body), 1)
    objects = [json.loads(line) for line in as_json(batch).splitlines()]
    assert [each["message"] for each in objects] == [
        line.removesuffix(b"\r").decode(errors="backslashreplace") for line in lines
    ]
    assert [each["offset"] for each in objects] == [100 + sum(len(x) + 1 for x in lines[:n]) for n in range(len(lines))]
    assert {each["host"] for each in objects} == {host}
    assert as_json(batch).isascii() or not body.isascii() or not host.isascii()
