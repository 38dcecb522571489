"""Severities by Hyperscan: quicker for the most frequent lines, and the same."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.severity import LineReader, hyperscan, stated

pytest.importorskip("hyperscan")

STAMPS = st.sampled_from(
    [b"2024-01-02 15:04:05,678 ", b"1234567 ", b"123456 ", b"12345678|", b"7", b"", b"2024-01-02T15:04:05 "]
)
WORDS = st.sampled_from(
    [b"INFO ", b"ERROR ", b"WARN ", b"DEBUG ", b"INFO", b"INFOX", b"IN", b"I", b"INERROR ", b"WARN", b"WARNING ",
     b"ERRO", b"[main] WARN  org.x - ", b"FATAL ", b"info ", b"\tat x", b"", b"\x00", b"\xff", b"\r"]
)  # fmt: skip
TEXTS = st.sampled_from([b"", b"x", b" text INFO ERROR ", b"\xc3\xa9\x00\xff", b"1234567890 INFO "])
LINES = st.tuples(STAMPS, WORDS, TEXTS).map(b"".join)
DOCKER = b'{"log":"WARN disk\\n","stream":"stdout","time":"2024-01-02T15:04:05.678Z"}'


def slowly(body: bytes) -> bytes:
    """Return what each line states, asked one by one: a small body is searched."""
    return b"".join(map(stated, io.BytesIO(body)))


@given(
    st.lists(LINES | st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"")) | st.just(DOCKER), max_size=12)
)
def test_scanning_states_what_searching_does(lines: list[bytes]) -> None:
    """Whatever the lines: those of the frequent kind, those that are nearly so, and any other."""
    body = b"".join(line + b"\n" for line in lines) + b"2024-01-02 15:04:05,678 INFO x\n" * 700
    assert hyperscan.stated(body, stated) == slowly(body)


@pytest.mark.parametrize(
    "last", [b"2024-01-02 15:04:05 INFO x\n", b"2024-01-02 15:04:05 INFO", b"2024-01-02 15:04:05 IN", b"\n"]
)
def test_a_large_body_is_scanned(last: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when its last line has no end; small bodies and other formats never load Hyperscan."""
    line = b"2024-01-02 15:04:05 INFO an order was placed\n"
    body = line * 3000 + b"2024-01-02 15:04:05 ERROR x\n" + line * 3000 + last
    expected = slowly(body)
    assert stated(body) == expected
    monkeypatch.setattr(LineReader, "read", lambda *_: pytest.fail("read line by line"))
    if last.endswith(b"INFO x\n"):
        assert stated(body) == expected


def test_without_hyperscan_all_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is optional."""
    monkeypatch.setattr(hyperscan, "_scanner", lambda: None)
    body = b"2024-01-02 15:04:05 INFO an order was placed\n" * 3000
    assert stated(body) == b"6" * 3000
