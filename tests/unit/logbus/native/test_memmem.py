"""A text in bytes is found where `bytes.find` finds it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.native import fast_text, memmem

FAR = b"ab" * 5_000


@pytest.fixture(autouse=True)
def _few_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_text, "LEAST_BYTES", 1)


@pytest.mark.usefixtures("_engine")
def test_the_place_is_the_same() -> None:
    """Near or far, at the end or missing, with zeros, and from any place on."""
    check()


@given(
    body=st.tuples(st.integers(0, 2), st.binary(max_size=9), st.integers(0, 2)).map(
        lambda it: FAR * it[0] + it[1] + FAR * it[2]
    ),
    text=st.sampled_from([b"", b"a", b"ba", b"aa", b"bb", b"abba", b"\0", b"\0\0"]) | st.binary(max_size=3),
    at=st.integers(0, 45_000),
)
def check(body: bytes, text: bytes, at: int) -> None:
    """Compare one body, text and place."""
    assert memmem.find(body, text, at) == body.find(text, at)


@pytest.mark.usefixtures("_engine")
def test_a_text_at_the_very_end_of_much_is_found() -> None:
    """The last byte belongs to what is searched."""
    body = FAR * 30 + b"needle"
    assert memmem.find(body, b"needle") == len(body) - 6
    assert memmem.find(body, b"needle", len(body) - 5) == -1
