"""The digit of each line that a batch becomes in an output."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.batch import Batch, Lengths, levels_of
from logbus.native import fast_text
from sinks.index.digits import counts_of, of_lines


def test_a_verbatim_batch_has_a_digit_a_line() -> None:
    """Its levels are those of its lines."""
    assert of_lines(Batch(b"a\nb\n", b"36")) == b"36"


def test_all_lines_of_a_record_have_its_digit() -> None:
    """A stack trace counts as what its first line states; what was dropped has no line."""
    batch = Batch(b"x\n at a\n at b\ny\n", b"376", lengths=Lengths.of(((14, 14), (0, 5), (2, 2))))
    assert of_lines(batch) == b"3336"
    assert levels_of(batch) == b"36"


def test_records_that_are_lines_have_a_digit_each() -> None:
    """Where records were redacted or dropped, and none was joined, each that is left is a line."""
    batch = Batch(b"x\ny\n", b"376", lengths=Lengths.of(((2, 9), (0, 5), (2, 2))))
    assert of_lines(batch) == b"36"
    assert of_lines(Batch(b"x\n\ny", b"37", lengths=Lengths.of(((3, 3), (1, 1))))) == b"337"


@pytest.mark.parametrize(("levels", "found"), [(b"63", b"3"), (b"36", b"3")])
def test_a_line_of_several_records_has_the_worst_digit(levels: bytes, found: bytes) -> None:
    """A search for the worst of them must not pass over it, unless the format ends each record's line."""
    batch = Batch(b"ab\n", levels, lengths=Lengths.of(((1, 1), (2, 2))))
    assert of_lines(batch) == found
    assert of_lines(batch, closed=True) == levels


@pytest.mark.parametrize(
    ("digits", "counts"), [(b"", [0] * 8), (b"6", [0] * 6 + [1, 0]), (b"307", [1, 0, 0, 1] + [0] * 3 + [1])]
)
def test_lines_are_counted_by_severity(digits: bytes, counts: list[int]) -> None:
    """There are eight counts, the worst severity first."""
    assert counts_of(digits) == counts


def line_by_line(records: list[tuple[bytes, int]], *, closed: bool) -> bytes:
    """Return the digits as they are defined: a byte's line has the worst digit of all records with a byte in it."""
    found, goes_on = bytearray(), False
    for record, digit in records:
        for line in io.BytesIO(record):
            if goes_on:
                found[-1] = min(found[-1], digit)
            else:
                found.append(digit)
            goes_on = not line.endswith(b"\n")
        goes_on = goes_on and not closed
    return bytes(found)


RECORDS = st.lists(
    st.tuples(st.sampled_from([b"", b"a\n", b"a", b"\n", b"a\n b\n", b"a\n\nb", b"c\nd\n"]), st.sampled_from(b"0367"))
)


@pytest.mark.parametrize("least_bytes", [fast_text.LEAST_BYTES, 1])
def test_digits_are_those_of_each_line(monkeypatch: pytest.MonkeyPatch, least_bytes: int) -> None:
    """Whether records are lines, several lines or parts of one, and some were dropped; with StringZilla and without."""
    monkeypatch.setattr(fast_text, "LEAST_BYTES", least_bytes)
    check()


@given(RECORDS, st.booleans())
def check(records: list[tuple[bytes, int]], closed: bool) -> None:
    """Compare the digits of some records' lines."""
    body = b"".join(record for record, _ in records)
    lengths = Lengths.of((len(record), 5) for record, _ in records)
    batch = Batch(body, bytes(digit for _, digit in records), lengths=lengths)
    assert of_lines(batch, closed=closed) == line_by_line(records, closed=closed)
