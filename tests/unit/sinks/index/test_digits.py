"""The digit of each line that a batch becomes in an output."""

import pytest

from logbus.batch import Batch
from sinks.index.digits import counts_of, of_lines, of_records


def test_a_verbatim_batch_has_a_digit_a_line() -> None:
    """Its levels are those of its lines."""
    assert of_lines(Batch(b"a\nb\n", b"36")) == b"36"


def test_all_lines_of_a_record_have_its_digit() -> None:
    """A stack trace counts as what its first line states; what was dropped has no line."""
    batch = Batch(b"x\n at a\n at b\ny\n", b"376", lengths=((14, 14), (0, 5), (2, 2)))
    assert of_lines(batch) == b"3336"
    assert of_records(batch) == b"36"


def test_records_that_are_lines_have_a_digit_each() -> None:
    """Where records were redacted or dropped, and none was joined, each that is left is a line."""
    batch = Batch(b"x\ny\n", b"376", lengths=((2, 9), (0, 5), (2, 2)))
    assert of_lines(batch) == b"36"
    assert of_lines(Batch(b"x\n\ny", b"37", lengths=((3, 3), (1, 1)))) == b"337"


@pytest.mark.parametrize(("levels", "found"), [(b"63", b"3"), (b"36", b"3")])
def test_a_line_of_several_records_has_the_worst_digit(levels: bytes, found: bytes) -> None:
    """A search for the worst of them must not pass over it, unless the format ends each record's line."""
    batch = Batch(b"ab\n", levels, lengths=((1, 1), (2, 2)))
    assert of_lines(batch) == found
    assert of_lines(batch, closed=True) == levels


@pytest.mark.parametrize(
    ("digits", "counts"), [(b"", [0] * 8), (b"6", [0] * 6 + [1, 0]), (b"307", [1, 0, 0, 1] + [0] * 3 + [1])]
)
def test_lines_are_counted_by_severity(digits: bytes, counts: list[int]) -> None:
    """There are eight counts, the worst severity first."""
    assert counts_of(digits) == counts
