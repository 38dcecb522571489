"""Newlines counted: the same with StringZilla as without."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus import newlines

TEXTS = st.lists(st.sampled_from([b"\n", b"x", b"\x00", b"\xff\xfe", b"\r\n", b"x" * 300]), max_size=80).map(b"".join)
LARGE = b"x" * newlines.LEAST_BYTES


@pytest.fixture(params=["with StringZilla", "without"])
def _engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "without":
        monkeypatch.setattr(newlines, "_stringzilla", lambda: None)
    else:
        pytest.importorskip("stringzilla")


@pytest.mark.parametrize("filling", [b"", LARGE, b"x\n" * newlines.LEAST_BYTES])
@pytest.mark.usefixtures("_engine")
def test_every_newline_is_counted(filling: bytes) -> None:
    """Whether the body is small, large or of short lines."""

    @given(TEXTS)
    def check(text: bytes) -> None:
        assert newlines.count(text + filling) == (text + filling).count(b"\n")

    check()


@pytest.mark.usefixtures("_engine")
def test_newlines_before_places_are_counted() -> None:
    """Those before each place, not at it; the last number is of all."""

    @given(TEXTS, st.lists(st.integers(0, 400)))
    def check(text: bytes, places: list[int]) -> None:
        within = sorted(min(place, len(text)) for place in places)
        assert newlines.before(text, within) == [text[:place].count(b"\n") for place in [*within, len(text)]]

    check()
