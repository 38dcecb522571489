"""A container's lines: pieces are joined, traces are found inside, and nothing depends on where reading stops."""

import json
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.eventtime import FileClock, TimeRules, text_of, zone_named
from logbus.severity import Severity
from logbus.traces import NOTHING, Before
from shipper.records.containers import lines_of, units_of
from shipper.records.filters import Selection
from shipper.records.recorder import Recorder
from shipper.records.redaction.presets import Redact
from shipper.records.rules import Multiline
from shipper.settings import Input

JAVA = Multiline(preset="java")


def cri(text: str, stream: str = "stdout", tag: str = "F") -> bytes:
    """Return a line as CRI has it."""
    return f"2025-03-04T10:15:32.116297444Z {stream} {tag} {text}\n".encode()


def docker(text: str, stream: str = "stdout", end: str = "\n") -> bytes:
    """Return a line as Docker's json-file has it; without `end`, a piece."""
    line = {"log": text + end, "stream": stream, "time": "2025-03-04T12:45:18.240393806Z"}
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def records(body: bytes, recorder: Recorder, before: Before = NOTHING) -> tuple[list[tuple[bytes, str]], Before]:
    """Return the complete records of a body, each with its severity, and what the next line may continue."""
    found = recorder.cut(body)
    finished = recorder.finish(body[: found.end], found.bounds, 0.0, 0, before, found.marks)
    if not found.end:
        return [], before
    lines = body[: found.end].splitlines(keepends=True)
    sizes = [each[1] for each in finished.lengths or ()] or list(map(len, lines))
    ends = [sum(sizes[:count]) for count in range(len(sizes) + 1)]
    words = [Severity(int(chr(level))).word for level in finished.levels]
    return [(body[start:end], word) for (start, end), word in zip(pairwise(ends), words, strict=True)], finished.after


def all_records(body: bytes, **keys: object) -> list[tuple[int, str]]:
    """Return the number of lines and the severity of each record of a body that ends."""
    recorder = Recorder(Input(paths=["x"], **keys))  # type: ignore[arg-type]
    found = recorder.cut(body, flush=True, final=True)
    lines = found.bounds.lines if found.bounds else [1] * body.count(b"\n")
    levels = recorder.finish(body[: found.end], found.bounds, 0.0, 0, NOTHING, found.marks).levels
    return [(count, Severity(int(chr(level))).word) for count, level in zip(lines, levels, strict=True)]


@pytest.mark.parametrize("form", ["auto", "cri"])
@pytest.mark.parametrize("tags", ["PF", ["P:x", "F:x"]])
def test_pieces_are_one_record(form: str, tags: list[str]) -> None:
    """An object in two pieces states its level, whichever the stream, and with tags of the runtime's own."""
    piece, last = tags
    body = cri('{"level":"warn","msg":"a ', "stderr", piece) + cri('b"}', "stderr", last) + cri("next", tag=last)
    assert all_records(body, format=form) == [(2, "warning"), (1, "info")]


def test_other_lines_between_pieces_are_in_the_same_record() -> None:
    """The most severe of the two streams counts, and a record ends where no piece is open."""
    body = cri('{"level":"debug","msg":"a ', tag="P") + cri("ERROR: b", "stderr") + cri('c"}') + cri("INFO: d")
    assert all_records(body) == [(3, "err"), (1, "info")]
    both = cri("INFO: a ", tag="P") + cri("WARN: b ", "stderr", "P") + cri("a") + cri("b", "stderr") + cri("DEBUG: c")
    assert all_records(both) == [(4, "warning"), (1, "debug")]


def test_what_stderr_has_is_an_error_only_if_nothing_is_stated() -> None:
    """Neither in its first piece nor in the others."""
    assert all_records(cri("a ", "stderr", "P") + cri("b", "stderr")) == [(2, "err")]
    assert all_records(docker("a ", "stderr", "") + docker("b", "stderr")) == [(2, "err")]
    assert all_records(cri("IN", "stderr", "P") + cri("FO: b", "stderr")) == [(2, "info")]


NEXT = "2025-03-04 10:15:33,000 INFO [main] a.B: next"
TRACE = ["2025-03-04 10:15:32,206 ERROR [main] a.B: failed", "java.lang.Exception: x", "\tat a.B.c(B.java:46)"]


@pytest.mark.parametrize("line", [cri, docker])
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_traces_of_containers_are_one_record(line: type, stream: str) -> None:
    """A preset sees what the container wrote; a whole line of the other stream ends the record."""
    other = "stderr" if stream == "stdout" else "stdout"
    trace = b"".join(line(text, stream) for text in TRACE)
    assert all_records(trace + line(NEXT, stream), multiline=JAVA) == [(3, "err"), (1, "info")]
    found = all_records(trace + line("WARN: other", other) + line("\tat x", stream), multiline=JAVA)
    assert found[:2] == [(3, "err"), (1, "warning")]
    assert len(found) == 3


def test_the_first_line_of_a_trace_may_be_in_pieces() -> None:
    """The kind of a text is that of all of it."""
    body = cri("2025-03-04 10:15:32,206 ERR", tag="P") + cri("WARN: x", "stderr") + cri("OR [main] a.B: failed")
    body += cri("java.lang.Exc", tag="P") + cri("eption: x") + cri("\tat a.B.c(B.java:46)") + cri(NEXT)
    assert all_records(body, multiline=JAVA) == [(6, "err"), (1, "info")]
    keys = Multiline(start=r"^\S+ \S+ ERROR", end="^end")
    assert all_records(body + cri("e", tag="P") + cri("nd") + cri("z"), multiline=keys) == [(9, "err"), (1, "info")]


def test_a_level_of_an_object_over_several_lines() -> None:
    """It is read of what the container wrote."""
    body = b"".join(cri(text, "stderr") for text in ("{", '  "level": "info",', '  "msg": "x"', "}"))
    assert all_records(body, multiline=Multiline(start=r"^\{")) == [(4, "info")]


@pytest.mark.parametrize("line", [cri, docker])
def test_what_a_line_holds_inherits(line: type) -> None:
    """Without multiline, a frame has the severity of its record, but never that of the other stream."""
    body = line("WARN: x", "stderr") + line("  at f", "stderr") + line("  at g") + line("plain", "stderr")
    assert all_records(body) == [(1, "warning"), (1, "warning"), (1, "info"), (1, "err")]
    assert [word for _, word in all_records(body, inherit=False)] == ["warning", "err", "info", "err"]


@pytest.mark.parametrize("line", [cri, docker])
def test_the_beginning_of_a_record_is_searched_before_its_rest(line: type) -> None:
    """After a restart as well; pieces are joined there, too."""
    recorder = Recorder(Input(paths=["x"]))
    rest = line("  at f")
    assert not recorder.begins(rest)
    before = recorder.look_back(b"x\n" + line("ERROR: x") + line("  at e"), 9)
    assert recorder.finish(rest, None, 0.0, 0, before).levels == b"3"
    before = recorder.look_back(b"x\n" + cri("ERR", tag="P") + cri("OR: x"), 9)
    assert recorder.finish(cri("  at f"), None, 0.0, 0, before).levels == b"3"


def test_a_joined_record_has_the_time_of_its_first_text() -> None:
    """As its text states it, not that of the runtime."""
    rules = TimeRules(zone_named("UTC"), None, None, 1_772_600_000 * 10**6)
    found = FileClock(rules).event_time(docker(TRACE[0]) + docker(TRACE[1]))
    assert text_of(found.time_us) == "2025-03-04T10:15:32.206Z"


NOT_WRAPPED = [
    b'{"log":"x","level":"warn"}\n',
    b'{"log":"x","stream":"stdout"}\n',
    b'{"log":"x","stream":"stdout","time":1}\n',
    b'{"log":"x\\\n',
    b'{"stream":"stdout","log":"x","time":"2025-03-04T12:45:18.240393806Z"}\n',
    b"2025-03-04T10:15:32Z stdout X x\n",
    b"2025-03-04T10:15:32Z stdout Px\n",
    b"at 2025-03-04T10:15:32Z stdout P x\n",
    b"stdout P x\n",
]


@pytest.mark.parametrize("line", NOT_WRAPPED)
def test_what_only_looks_like_a_piece_is_a_line(line: bytes) -> None:
    """It waits for nothing."""
    recorder = Recorder(Input(paths=["x"]))
    found = recorder.cut(line * 2)
    assert (found.end, found.bounds) == (2 * len(line), None)


def test_bodies_without_pieces_have_no_lengths() -> None:
    """They are as verbatim as any other."""
    for line in (cri, docker):
        body = line('{"level":"info"}') + line("x", "stderr")
        recorder = Recorder(Input(paths=["x"]))
        found = recorder.cut(body)
        assert found.body == body
        assert recorder.finish(body, found.bounds, 0.0, 0, NOTHING, found.marks).lengths is None


def test_an_escaped_backslash_before_an_n_is_no_newline() -> None:
    r"""`C:\\n` is a text that ends with a backslash and an n."""
    body = docker("C:\\n", end="") + docker("x")
    assert all_records(body) == [(2, "info")]
    assert all_records(docker("C:\\n") + docker("x\\", end="\n")) == [(1, "info")] * 2


def test_filters_and_redaction_see_the_bytes_of_the_file() -> None:
    """And an object in Docker's line stays one."""
    body = docker('{"level":"warn","password":"geheim', end="") + docker('nis","x":"jo@example.com"}') + docker("x")
    recorder = Recorder(Input(paths=["x"], drop=[Selection(contains='"x\\n"')], redact=Redact(presets=["email"])))
    found = recorder.cut(body)
    finished = recorder.finish(body, found.bounds, 0.0, 0, NOTHING, found.marks)
    assert finished.levels[:1] == b"4"
    assert b"jo@" not in finished.body
    assert b'"x\\n"' not in finished.body
    assert [json.loads(line)["stream"] for line in finished.body.splitlines()] == ["stdout"] * 2


TEXTS = st.sampled_from(
    ['{"level":"info",', '"msg":"x"}', "ERROR: x", "\tat a.B.c(B.java:1)", "a.BException: x", "", "y"]
)
STREAM = st.sampled_from(["stdout", "stderr"])
CRI_LINE = st.builds(cri, TEXTS, STREAM, st.sampled_from(["P", "F", "F", "P:x", "F:x"]))
DOCKER_LINE = st.builds(docker, TEXTS, STREAM, st.sampled_from(["\n", "\n", ""]))
STRIDE = 8
"""Each example tries one byte in so many; which ones is drawn."""
INPUTS: list[dict[str, object]] = [
    {},
    {"multiline": JAVA},
    {"multiline": Multiline(start="^ERROR", max_lines=3)},
    {"multiline": Multiline(preset="indent", max_bytes=512)},
    {"max_record_bytes": 1024},
    {"inherit": False, "redact": Redact(presets=["private_key"])},
]


@pytest.mark.parametrize("keys", INPUTS)
@given(lines=st.lists(CRI_LINE, max_size=5) | st.lists(DOCKER_LINE, max_size=5), begin=st.integers(0, STRIDE - 1))
def test_read_boundaries_do_not_matter(keys: dict[str, object], lines: list[bytes], begin: int) -> None:
    """However the streams are interleaved and pieces are open, at every byte a read may end."""
    body = b"".join(lines) + lines[0][:28] + b"stdout F end\n" if lines else b""
    recorder = Recorder(Input(paths=["x"], **keys))  # type: ignore[arg-type]
    whole, _ = records(body, recorder)
    assert b"".join(record for record, _ in whole) == body[: sum(len(record) for record, _ in whole)]
    for boundary in range(begin, len(body), STRIDE):
        first, before = records(body[:boundary], recorder)
        rest, _ = records(body[sum(len(record) for record, _ in first) :], recorder, before)
        assert first + rest == whole, boundary


@given(st.lists(CRI_LINE | DOCKER_LINE | st.sampled_from([b"\n", b"x\n", *NOT_WRAPPED]), max_size=12), st.data())
def test_any_lines_in_any_order(lines: list[bytes], data: st.DataObject) -> None:
    """What no runtime writes makes records that no boundary changes."""
    body = b"".join(lines)
    recorder = Recorder(Input(paths=["x"], inherit=False, **data.draw(st.sampled_from(INPUTS[:4]))))  # type: ignore[arg-type]
    whole, _ = records(body, recorder)
    boundary = data.draw(st.integers(0, len(body)))
    first, before = records(body[:boundary], recorder)
    rest, _ = records(body[sum(len(record) for record, _ in first) :], recorder, before)
    assert first + rest == whole


def test_pieces_without_an_end_are_cut_in_linear_time() -> None:
    """A million of them, and such of a MiB; a record has at most 1000 lines or 128 KiB, unless one line has more."""
    for line, count in (
        (cri("x", tag="P"), 100_000),
        (docker("x", end=""), 50_000),
        (cri("y" * (1 << 20), tag="P"), 8),
    ):
        body, recorder = line * count, Recorder(Input(paths=["x"]))
        began, at = time.perf_counter(), 0
        while (found := recorder.cut(body[at : at + (2 << 20)])).end:
            assert found.bounds
            assert max(found.bounds.lines) <= 1000
            assert max(found.bounds.sizes) <= max(len(line), 128 << 10)
            at += found.end
        assert len(body) - at < 256 << 10
        assert time.perf_counter() - began < 20


def test_a_piece_at_the_end_waits_for_the_next() -> None:
    """Until nothing has come for a while, or its file is over."""
    recorder = Recorder(Input(paths=["x"]))
    body = cri("INFO: x") + cri("y", tag="P")
    assert recorder.cut(body).end == len(cri("INFO: x"))
    assert recorder.cut(body, flush=True).forced
    assert recorder.cut(body, flush=True).end == len(body)


@given(st.text("oOeEs", max_size=12), st.integers(1, 5))
def test_units_are_as_line_by_line(letters: str, most: int) -> None:
    """By the rules of pieces: whatever is open ends with its stream's next line, a strange one, or at the limit."""
    starts, is_open, first = [0], set(), 0
    for number, letter in enumerate(letters, 1):
        is_open.discard(letter.lower())
        is_open |= {letter.lower()} if letter.isupper() else set()
        if letter == "s" or not is_open or (number - first >= most):
            is_open, first = set(), number
            starts.append(number)
    found = units_of(letters.encode(), list(range(len(letters) + 1)), most, 100)
    assert found.starts == (starts if not found.open else [*starts, len(letters)])
    assert found.open == (starts[-1] < len(letters))


def test_lines_that_are_not_wrapped_are_no_container_lines() -> None:
    """So nothing is unwrapped."""
    assert lines_of(b"INFO: x\n" + NOT_WRAPPED[0]) is None
