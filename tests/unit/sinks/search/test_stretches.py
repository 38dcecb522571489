"""Where whole frames end in a file is known from its index, as far as that is certain."""

import pytest

from sinks.index.reading import Row
from sinks.search.indexed.worth import stretches_of


def row(begin: int, end: int, *, settled: int = 1) -> Row:
    """Return a row of the bytes [begin, end) of an output, with three times as much content."""
    return Row(1, begin, end, 3 * (end - begin), 1, 0, 0, None, None, settled, 3 * begin, 1, None, b"", None, None)


@pytest.mark.parametrize(
    ("rows", "known"),
    [
        ([], []),
        ([row(0, 10), row(10, 15)], [(10, 30), (15, 15)]),
        ([row(0, 10), row(10, 15, settled=0), row(15, 20)], [(10, 30)]),
        ([row(0, 10), row(12, 15)], [(10, 30)]),
        ([row(5, 10)], []),
    ],
)
def test_rows_tell_until_one_is_not_settled_or_bytes_are_left_out(
    rows: list[Row], known: list[tuple[int, int]]
) -> None:
    """What a row that is not settled tells of its content may be wrong, and a gap has any number of frames."""
    assert stretches_of(rows) == known
