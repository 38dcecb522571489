"""Severities by PCRE2: the same as by `re`, whatever the lines."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logbus.native import pcre2
from logbus.severity import LineReader, marked, pcre, stated
from logbus.severity.formats import FORMATS, GROUPS
from support import SOAK

pytestmark = pytest.mark.skipif(not pcre2.version(), reason="libpcre2-8 is not there, or has no JIT")

CASES = sorted((Path(__file__).parents[3] / "cases").glob("severity*.jsonl"))
FIELD = [json.loads(line)["line"].encode("latin-1") for file in CASES for line in file.read_text().splitlines()]
EXAMPLES = [each.example for each in FORMATS] + FIELD
NEAR = st.tuples(st.sampled_from(EXAMPLES), st.integers(0, 60), st.integers(0, 4), st.binary(max_size=4)).map(
    lambda some: some[0][: some[1]] + some[3] + some[0][some[1] + some[2] :]
)
"""Lines of the known formats, changed a little in one place."""
CROSSED = st.tuples(st.sampled_from(EXAMPLES), st.integers(0, 60), st.sampled_from(EXAMPLES), st.integers(0, 60)).map(
    lambda some: some[0][: some[1]] + some[2][some[3] :]
)
"""The beginning of one and the end of another."""
TIMED = ',"time":"2024-01-02T15:04:05.678901234Z"}'
ENDS = st.sampled_from([TIMED, ',"attrs":{"tag":"x"}' + TIMED, ',"kubernetes":{"pod":"x"}' + TIMED, TIMED[:-2]])
DOCKER = st.tuples(
    NEAR | st.sampled_from(EXAMPLES), st.sampled_from(["\n", "\r\n", "\n\n", ""]), st.booleans(), st.booleans(), ENDS
).map(lambda some: docker_line(*some))
CRI = st.tuples(st.sampled_from(EXAMPLES) | DOCKER | NEAR, st.sampled_from([b"stdout F", b"stderr P"])).map(
    lambda some: b"2024-01-02T15:04:05.678901234Z %b %b" % (some[1], some[0])
)
BROKEN = st.tuples(DOCKER, st.integers(0, 90), st.integers(0, 3), st.binary(max_size=2)).map(
    lambda some: some[0][: some[1]] + some[3] + some[0][some[1] + some[2] :]
)
WRAPPED = st.lists(DOCKER | BROKEN, max_size=6) | st.lists(
    DOCKER | BROKEN | CRI | st.sampled_from(EXAMPLES), max_size=6
)
HEADS = st.sampled_from([
    b"", b"2024-01-02 15:04:05 ", b"2026/11/24 00:00:00 ", b"12:30:45 ", b"10.48.109.229 - - ", b"10.48.109.229 - ",
    b"Nov 24 10:00:00 ", b"Dec  4 10:00:00 web-1 sshd[12]: ", b"Err  2:30:45 ", b"[2024-01-02 15:04:05] ",
])  # fmt: skip
WORDS = st.sampled_from([
    *(b"limit ", b"order ", b"Limit ", b"made, ", b"pid ", b"deadbeef ", b"main ", b"a1b2c3d4 a.b ", b"W ", b"x: "),
    *(b"error ", b"error: ", b"error[12]: ", b"ERROR ", b"[error] ", b"Info  ", b"warn/Ab:", b"fatal error: ", b"- "),
    *(b"web-1 ", b"a.b.example.org ", b"auth.info ", b"web.ERROR ", b"sshd[12]: ", b"x(y)[9]: ", b"sshd[12] [", b"| "),
    *(b"%LINK-4-ERROR: ", b"level=warn ", b'{"level":"warn"}', b"PHP ", b"##[error]", b"UTC ", b"10.0.0.1 ", b" "),
    *(b"\t", b"frank ", b"[24/Nov/2026:00:00:00 +0000] ", b'"GET / HTTP/1.1" 200', b"pid 12: ", b"LOG:  ", b"-", b"1"),
])  # fmt: skip
SPELLED = st.tuples(HEADS, st.lists(WORDS, max_size=6)).map(lambda some: some[0] + b"".join(some[1]))
"""Stamps, and words of which some state a level where they stand."""
LINES = st.lists(NEAR | CROSSED | st.sampled_from(EXAMPLES) | st.binary(max_size=20), max_size=8)


def docker_line(text: bytes, newline: str, stderr: bool, ascii_only: bool, end: str) -> bytes:
    """Return a line as Docker's json-file has it, or nearly."""
    log = json.dumps(text.decode(errors="replace") + newline, ensure_ascii=ascii_only)
    return f'{{"log":{log},"stream":"{"stderr" if stderr else "stdout"}"{end}'.encode()


@pytest.fixture(scope="module")
def slow() -> LineReader:
    """Return a reader without PCRE2."""
    return LineReader(FORMATS, pcre2=False)


@settings(max_examples=20_000 if SOAK else 500)
@given(lines=LINES)
def test_pcre_reads_what_re_reads(slow: LineReader, lines: list[bytes]) -> None:
    """The same digit for each line, whether it is of a known format, nearly so, or anything."""
    body = b"".join(line.replace(b"\n", b" ") + b"\n" for line in lines)
    assert stated(body) == stated(body, slow)
    assert stated(body[:-1]) == stated(body[:-1], slow)


@settings(max_examples=5_000 if SOAK else 300)
@given(lines=st.lists(SPELLED, min_size=20, max_size=200))
def test_what_ends_a_match_states_nothing_in_any_format(slow: LineReader, lines: list[bytes]) -> None:
    """Where PCRE2 stops early because of how a line begins, `re`, which tries every format, finds nothing either."""
    body = b"".join(line + b"\n" for line in lines)
    assert stated(body) == stated(body, slow)


@pytest.mark.parametrize(
    ("line", "digit"),
    [
        (b"10:00:00:limit order -0.0.0.1 %LINK-4-ERROR: x", b"4"),
        (b"10.48.109.229 - deadbeef host  W x", b"4"),
        (b"2024-01-02 15:04:05 deadbeef host W x", b"4"),
        (b"2024-01-02 15:04:05 main pid 12: error: x", b"3"),
        (b"Err  2:30:45 limit order made", b"3"),
        (b"Nov 24 10:00:00 auth.error sshd[12]: limit order x", b"3"),
        (b"Nov 24 10:00:00 auth.err limit order x", b"3"),
        (b"Nov 24 10:00:00 ERROR sshd[12]: limit order", b"3"),
        (b"Nov 24 10:00:00 web-1 sshd[12]: x: %LINK-4-ERROR: y", b"4"),
        (b"Nov 24 10:00:00 web-1 sshd[12]: Made %LINK-4-ERROR: y", b"4"),
        (b"Nov 24 10:00:00 web-1 CRON[12]: limit order: %LINK-4-ERROR: y", b"4"),
        (b"Nov 24 10:00:00 error sshd[12] [x]: y", b"3"),
        (b'10.1.1.1 - - [error] "GET /', b"3"),
        (b'10.1.1.1 - ERROR [24/Nov/2026:00:00:00 +0000] "GET', b"3"),
        (b"2024-01-02 15:04:05 error: limit order x", b"3"),
        (b"2024-01-02 15:04:05 Error  limit order x", b"3"),
        (b"2024-01-02 15:04:05 limit order: %LINK-4-ERROR: y", b"4"),
        (b"2024-01-02 15:04:05 limit kern.err ", b"3"),
        (b"2024-01-02 15:04:05 warn - limit order", b"4"),
        (b"Err  4 10:00:00 web-1 sshd[12]: limit order made", b"3"),
        (b"2024-01-02 15:04:05 limit - error - made", b"3"),
    ],
)
def test_what_nearly_ends_a_match_is_read(line: bytes, digit: bytes) -> None:
    """A line that differs a little from one that states nothing may state a level."""
    assert stated(line) == digit


@pytest.mark.parametrize(
    ("line", "digit"),
    [
        (rb'{"a":"x\\","level":"warn"}', b"4"),
        (rb'{"a":"x\"","level":"warn"}', b"4"),
        (rb'{"a":"x\\\"","level":"warn"}', b"4"),
        (rb'{"a":"x\\"","level":"warn"}', b"-"),
        (rb'{"a":"x\","level":"warn"}', b"-"),
        (rb'{"a":"x\","level":"warn","b":"c","level":"error"}', b"-"),
        (rb'{"a":"x\",\"level\":\"warn\"","level":"error"}', b"3"),
        (rb'time="a \" level=warn" level=error', b"3"),
        (rb'time="a \\" level=warn', b"4"),
    ],
)
def test_where_a_string_ends(slow: LineReader, line: bytes, digit: bytes) -> None:
    """A quote ends a string unless an odd number of backslashes precedes it."""
    assert stated(line) == digit == stated(line, slow)


@settings(max_examples=5_000 if SOAK else 500)
@given(lines=WRAPPED)
def test_what_a_container_wrote_is_read_at_once_as_line_by_line(slow: LineReader, lines: list[bytes]) -> None:
    """Docker's lines are rewritten together or alone, and CRI's are read in place or taken out: it is all the same."""
    body = b"".join(line.replace(b"\n", b" ") + b"\n" for line in lines)
    assert stated(body) == stated(body, slow)
    assert stated(body) == b"".join(map(stated, io.BytesIO(body)))
    assert stated(body[:-1]) == stated(body[:-1], slow)


@given(body=WRAPPED.map(lambda lines: b"".join(line.replace(b"\n", b" ") + b"\n" for line in lines)))
def test_pieces_are_found_as_by_re(slow: LineReader, body: bytes) -> None:
    """And so is what states nothing on standard error; each line is judged by its own bytes."""
    assert not body or marked(body) == slow.marked(body)
    assert marked(body) == b"".join(map(marked, io.BytesIO(body)))


def test_all_formats_fit_into_one_pattern() -> None:
    """PCRE2 compiles up to 64 KiB: a pattern that outgrows them would leave everything to `re`, in silence."""
    pattern = pcre.line_pattern(FORMATS, pcre.Marks({b"info": b"6", b"{": b"w"}, b"-", b"e", b"w"))
    assert pcre2.Substitution(pattern).of(b"info: x\n\ninfo", 3) == b"6--"
    assert LineReader(FORMATS).is_fast


@pytest.mark.parametrize("group", GROUPS)
def test_one_format_alone(group: str) -> None:
    """An input's own format is read the same way."""
    body = b"".join(line + b"\n" for line in EXAMPLES if b"\n" not in line)
    some = [each for each in FORMATS if each.name in GROUPS[group]]
    assert stated(body, LineReader(some)) == stated(body, LineReader(some, pcre2=False))


@pytest.mark.parametrize(
    "unit",
    [
        b'{"a":',
        b"[",
        b'{"a":{"b":[',
        b"[[a] ",
        b"a=b ",
        b"(x) ",
        b'"',
        b"\\",
        b"2024-01-02 ",
        b"<1>",
        b"a.b: ",
        b" ",
        b"\xff",
    ],
)
@pytest.mark.parametrize("head", [b"", b"2024-01-02 15:04:05 ", b"[", b'{"a":"'])
def test_lines_of_one_unit(slow: LineReader, head: bytes, unit: bytes) -> None:
    """Deep and long lines: PCRE2 may give up, and the answer is the same."""
    body = head + unit * 20_000 + b"\n"
    assert stated(body) == stated(body, slow)
