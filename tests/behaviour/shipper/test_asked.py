"""A shipper that is asked: the end of what it follows, and of nothing else."""

import os
from pathlib import Path

import pytest

from logbus.control.messages import ANSWER_MAX_BYTES, Answer, decode_answer, encode_answer
from logbus.errors import LogbusError
from shipper.control import MOST_BYTES, MOST_LINES, Shipper
from shipper.records.encoding import Newline
from shipper.records.filters import RateLimit, Selection
from shipper.records.redaction.presets import Redact
from shipper.settings import Input, Settings
from support.shores import Kind, Shore


def tail(shore: Shore, path: Path, *count: str) -> str:
    """Return what the shipper shows of a file."""
    return Shipper(Settings(), shore.agent.lives).tail([str(path), *count]).text


def test_the_last_lines_are_shown(shore: Shore) -> None:
    """Ten, or as many as are asked for; what the shipper has not read is not among them."""
    path = shore.write("a.log", b"".join(b"line %d\n" % number for number in range(30)))
    shore.start()
    shore.write("a.log", b"not yet\n")
    assert tail(shore, path, "2") == "line 28\nline 29"
    assert tail(shore, path).split("\n") == [f"line {number}" for number in range(20, 30)]
    shore.run()
    assert tail(shore, path, "1") == "not yet"


def test_it_is_bounded(shore: Shore) -> None:
    """However long lines are and whatever they hold, the answer fits into a message."""
    for name, data in (("a.log", b"\x01" * 200_000 + b"\n"), ("b.log", b"\xff\n" * 100_000), ("c.log", b"\n" * 70_000)):
        shore.write(name, data)
    shore.start()
    for name in ("a.log", "b.log", "c.log"):
        text = tail(shore, shore.logs / name, "999")
        assert text.count("\n") < MOST_LINES
        assert len(text) <= 4 * MOST_BYTES
        sent = encode_answer(Answer("h", "shipper", "i", ok=True, text=text), "q", "t", None)
        assert decode_answer(sent).text == text
        assert len(sent.body) <= ANSWER_MAX_BYTES


@pytest.mark.parametrize("encoding", ["utf-16le", "utf-16be"])
def test_utf_16_is_shown_as_it_is_shipped(shore: Shore, encoding: str) -> None:
    """The text is decoded, also where its beginning is cut off."""
    codec = {"utf-16le": "utf-16-le", "utf-16be": "utf-16-be"}[encoding]
    path = shore.write("a.log", ("\u00e4\U0001f600" * 10_000 + "\nlast \u010a\n").encode(codec))
    shore.start(encoding=encoding)  # type: ignore[arg-type] # one of the two
    assert tail(shore, path, "1") == "last \u010a"
    assert tail(shore, path, "2").endswith("\u00e4\U0001f600\nlast \u010a")


@pytest.mark.parametrize(("newline", "end"), [("cr", b"\r"), ("nul", b"\0")])
def test_other_newlines_end_lines(shore: Shore, newline: Newline, end: bytes) -> None:
    """Lines are those of the input."""
    path = shore.write("a.log", end.join([b"one", b"two", b"three", b""]))
    shore.start(newline=newline)
    assert tail(shore, path, "2") == "two\nthree"


@pytest.mark.parametrize(
    "kind",
    [
        {"redact": Redact(presets=["credentials"])},
        {"keep": [Selection(contains="x")]},
        {"drop": [Selection(contains="x")]},
        {"rate_limit": RateLimit(records_per_s=1)},
    ],
)
def test_what_is_not_all_shipped_is_not_shown(shore: Shore, kind: Kind) -> None:
    """Where records are changed or left out on purpose, nothing of the file is."""
    path = shore.write("a.log", b"password=x\n")
    shore.start(**kind)
    with pytest.raises(LogbusError, match="not all of it may be seen"):
        tail(shore, path)


def test_a_file_that_is_not_followed_is_not_shown(shore: Shore) -> None:
    """Neither beside the followed ones, nor by another spelling of a path, nor through a link of nobody's input."""
    shore.write("a.log", b"one\n")
    other = shore.write("secret.txt", b"secret\n")
    link = shore.folder / "link.log"
    link.symlink_to(shore.logs / "a.log")
    shore.start()
    for path in (other, link, Path(f"{shore.logs}/../logs/a.log"), Path("a.log"), Path(os.devnull), shore.logs):
        with pytest.raises(LogbusError):
            tail(shore, path)


def test_a_file_that_is_closed_for_want_of_descriptors(shore: Shore) -> None:
    """It is opened for that, and closed again; what another has put into its place is not shown."""
    paths = [shore.write(name, b"%s\n" % name.encode()) for name in ("a.log", "b.log", "c.log")]
    shore.start(budget=1)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - only their number
    assert [tail(shore, path) for path in paths] == ["a.log", "b.log", "c.log"]
    closed = next(path for path in paths if (life := shore.agent.lives.index.at(str(path))) and life.tail.fd < 0)
    closed.rename(shore.folder / "aside")
    closed.write_bytes(b"another\n")
    with pytest.raises(LogbusError, match="another file is there by now"):
        tail(shore, closed)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


@pytest.mark.parametrize("given", [[], ["/a", "1", "2"], ["/a", "many"], ["/a", "-1"], ["/a", "²"], ["/a", "9" * 99]])
def test_mistakes_of_tail(shore: Shore, given: list[str]) -> None:
    """No path, and no number, are told."""
    shore.start()
    with pytest.raises(LogbusError):
        Shipper(Settings(), shore.agent.lives).tail(given)


def test_nothing_is_looked_up_that_no_input_names(shore: Shore, tmp_path: Path) -> None:
    """Whether there is such a file, nobody learns; a name with a line end makes one line."""
    shore.start()
    asked = Shipper(Settings(inputs=[Input(paths=[f"{shore.logs}/*.log"])]), shore.agent.lives)
    there = tmp_path / "there\nx"
    there.write_bytes(b"")
    for path in (there, tmp_path / "none\nx"):
        assert asked.explain([str(path)]).text.endswith("\\nx: not shipped: no input names it")
    assert "no such file" in asked.explain([f"{shore.logs}/none.log"]).text
