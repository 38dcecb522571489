"""Newlines counted: the same with StringZilla as without."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.native import newlines

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
