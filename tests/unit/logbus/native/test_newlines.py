"""Newlines counted: the same with StringZilla as without."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.native import fast_text, newlines

TEXTS = st.lists(st.sampled_from([b"\n", b"x", b"\x00", b"\xff\xfe", b"\r\n", b"x" * 300]), max_size=80).map(b"".join)
LARGE = b"x" * fast_text.LEAST_BYTES


@pytest.mark.parametrize("filling", [b"", LARGE, b"x\n" * fast_text.LEAST_BYTES])
@pytest.mark.usefixtures("_engine")
def test_every_newline_is_counted(filling: bytes) -> None:
    """Whether the body is small, large or of short lines."""

    @given(TEXTS)
    def check(text: bytes) -> None:
        assert newlines.count(text + filling) == (text + filling).count(b"\n")

    check()


@pytest.mark.parametrize("filling", [b"", b"x" * 3_000, b"a line\n" * 30_000, b"\n" * 70_000])
@pytest.mark.usefixtures("_engine")
def test_where_so_many_lines_end(filling: bytes) -> None:
    """It is where as many lines end that are looked at one by one."""

    @given(TEXTS, st.integers(0, 40), st.integers(1, 30_100))
    def check(text: bytes, first: int, lines: int) -> None:
        body = text + filling + text
        each = [*io.BytesIO(body)]
        at = sum(map(len, each[:first]))
        assert newlines.behind(body, at, lines) == at + sum(map(len, each[first : first + lines]))

    check()
