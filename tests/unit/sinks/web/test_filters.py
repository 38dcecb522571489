"""The filters of the page: each part alone, all of them together, and what is wrong with a filter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.batch import Batch, Lengths
from logbus.config.patterns import compile_pattern
from logbus.errors import UsageError
from sinks.web.live.filters import filter_of

BATCH = Batch(
    b'{"status":200}\n{"status":507}\norder failed\n', b"634", "web-1", "shop", fields={"service": "a"}, read_at_us=1
)


@pytest.mark.parametrize(
    ("asked", "fields", "mask"),
    [
        ({}, [], b"\1\1\1"),
        ({"min": "err"}, [], b"\0\1\0"),
        ({"severity": "info,warning"}, [], b"\1\0\1"),
        ({"host": "web-*"}, [], b"\1\1\1"),
        ({"host": "db-*"}, [], b"\0\0\0"),
        ({"label": "shop", "text": "fail(ed|s)$"}, [], b"\0\0\1"),
        ({"label": "shopping"}, [], b"\0\0\0"),
        ({}, ["status=5*"], b"\0\1\0"),
        ({}, ["status=5*", "fields.service=b"], b"\0\0\0"),
        ({"min": "warning", "text": "order"}, [], b"\0\0\1"),
    ],
)
def test_each_part(asked: dict[str, str], fields: list[str], mask: bytes) -> None:
    """A record is wanted if all parts of the filter want it."""
    assert filter_of(asked, fields).mask(BATCH) == mask


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        ({"text": "("}, []),
        ({"text": "(?=a)"}, []),
        ({"text": "a" * 5000}, []),
        ({"host": "[" * 3 + "z-a]"}, []),
        ({"min": "terrible"}, []),
        ({"severity": "err,,"}, []),
        ({}, ["status"]),
        ({}, ["=5"]),
        ({}, [f"a{number}=b" for number in range(21)]),
    ],
)
def test_what_is_wrong_is_said(asked: dict[str, str], fields: list[str]) -> None:
    """A filter that is none is a UsageError, never anything else."""
    with pytest.raises(UsageError):
        filter_of(asked, fields)


PIECES = st.lists(st.sampled_from([b"a", b"b", b"ab", b"", b"a\nb"]), min_size=1, max_size=8)


@given(PIECES, st.sampled_from(["a", "b$", "^b", "^$", "ab", "a|^$", "x*"]), st.booleans())
def test_a_pattern_searches_each_record(texts: list[bytes], pattern: str, ends: bool) -> None:
    """Searching a whole batch at once finds the same records as searching each, whether or not they end with a line."""
    each = [text + b"\n" * ends for text in texts if text or ends]
    lengths = Lengths.of((len(record), len(record)) for record in each)
    batch = Batch(b"".join(each), b"6" * len(each), lengths=lengths)
    search = compile_pattern(pattern).search
    assert filter_of({"text": pattern}, []).mask(batch) == bytes(search(record) is not None for record in each)


def test_dropped_records_are_never_wanted() -> None:
    """A record that was dropped on purpose does not come back as an empty line."""
    batch = Batch(b"a\n", b"66", stream="0" * 16, end=5, lengths=Lengths.of(((2, 2), (0, 3))))
    assert filter_of({}, []).mask(batch) == b"\1\0"
