"""Operators' patterns: RE2, bytes, lines, linear time."""

import time

import pytest

from logbus.config.patterns import compile_pattern
from logbus.errors import UsageError


def spans(pattern: str, text: bytes) -> list[tuple[int, int]]:
    """Return where a pattern matches."""
    return [found.span() for found in compile_pattern(pattern).finditer(text)]


def test_matches_stay_within_a_line() -> None:
    """Neither a negated class nor a space class takes a newline; ^ and $ are those of every line."""
    assert spans(r"[^x]+b", b"aab\nyyyb\n") == [(0, 3), (4, 8)]
    assert spans(r"a\s+b", b"a \nb a \tb") == [(5, 9)]
    assert spans(r"^b$", b"ab\nb\nba") == [(3, 4)]


def test_any_byte_is_a_character() -> None:
    """Bytes that are not UTF-8 are matched by a dot, and letters beyond ASCII by themselves."""
    assert spans(r"^.+$", b"\xff\xfe\x00\n") == [(0, 3)]
    assert spans("für", "für".encode()) == [(0, 4)]


@pytest.mark.parametrize("pattern", [r"(?=x)", r"(", r"(a)\1", r"[z-a]", "\udcff", "x" * 5000, r"a{2000}"])
def test_what_is_no_pattern_is_a_usage_error(pattern: str) -> None:
    """An error of syntax, look-around, a back-reference: said at the start, in words."""
    with pytest.raises(UsageError):
        compile_pattern(pattern)


def test_a_missing_group_is_named() -> None:
    """A pattern that has to have a named group says so if it has not."""
    assert compile_pattern("(?P<level>[A-Z]+)", "level").groupindex == {b"level": 1}
    with pytest.raises(UsageError, match=r"\(\?P<level>\.\.\.\)"):
        compile_pattern("[A-Z]+", "level")


@pytest.mark.parametrize("pattern", [r"(a+)+$", r"(a|aa)+$", r"(a*)*b", r"(.*a){12}b", r"^(\w+\s?)*$"])
def test_hostile_lines_take_linear_time(pattern: str) -> None:
    """S18: what takes a backtracking engine longer than the age of the universe takes milliseconds."""
    began = time.perf_counter()
    compile_pattern(pattern).search(b"a" * 50_000 + b"!")
    assert time.perf_counter() - began < 5.0


@pytest.mark.parametrize("text", [r"\Asecret", r"secret\z", r"a|\\\Ab"])
def test_ends_of_text_are_refused(text: str) -> None:
    """Where a text begins depends on where reading stopped: a secret would be found in the first line only."""
    with pytest.raises(UsageError, match="write"):
        compile_pattern(text)
    assert compile_pattern(r"\\Az").search(rb"\Az")


@pytest.mark.parametrize("pattern", ["(abc", "x)", "*x"])
def test_a_bad_pattern_is_shown_as_it_was_written(pattern: str) -> None:
    """What we put before it is not shown."""
    with pytest.raises(UsageError) as raised:
        compile_pattern(pattern)
    assert repr(pattern) in str(raised.value)
    assert "(?m)" not in str(raised.value)
