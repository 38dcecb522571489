"""`rewind PATH`: ship a file again, under a new stream id, so that sinks do not leave out what they hold."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from shipper.__main__ import main
from shipper.state.registry import Registry
from support.shores import Shore

TEXT = b"one\ntwo\nthree\n"


def rewind(shore: Shore, *arguments: object, name: str = "a.log") -> Result:
    """Invoke the command on a file of the logs folder."""
    words = ["rewind", str(shore.logs / name), "--state", str(shore.folder / "state"), *map(str, arguments)]
    return CliRunner().invoke(main, words)


def shipped(shore: Shore, name: str = "a.log") -> None:
    """Ship a file, and stop."""
    shore.write(name, TEXT)
    shore.start()
    shore.run()
    shore.stop()


def test_a_file_is_shipped_again_from_its_start(shore: Shore) -> None:
    """After a rewind the whole file goes out once more, as a new stream, and what is appended goes on in it."""
    shipped(shore)
    result = rewind(shore)
    assert result.exit_code == 0, result.output
    assert "again from byte 0, up to byte 14 a second time" in result.stdout
    shore.start()
    shore.run()
    shore.write("a.log", b"four\n")
    shore.run()
    assert shore.lives() == [TEXT, TEXT + b"four\n"]


def test_from_an_offset_means_from_that_line(shore: Shore) -> None:
    """--to: from the start of the line that holds this byte; nothing before it is sent."""
    shipped(shore)
    assert "from byte 4 (where the line of byte 6 begins)" in rewind(shore, "--to", 6).stdout
    shore.start()
    shore.run()
    again = shore.publisher.batches[-1]
    assert (again.offset, again.body) == (4, TEXT[4:])
    assert again.stream != shore.publisher.batches[0].stream


def test_a_restart_after_it_is_as_usual(shore: Shore) -> None:
    """The new stream is remembered like any other: a crash after it resends nothing, a second rewind works."""
    shipped(shore)
    assert rewind(shore, "--to", 4).exit_code == 0
    for _ in range(2):
        shore.start()
        shore.run()
        shore.run()
        shore.crash()
    assert [batch.offset for batch in shore.publisher.batches] == [0, 4]
    assert rewind(shore).exit_code == 0
    shore.start()
    shore.run()
    assert len({batch.stream for batch in shore.publisher.batches}) == 3


@pytest.mark.parametrize("deleted", [False, True])
def test_a_rotated_file_can_be_shipped_again(shore: Shore, deleted: bool) -> None:
    """A file that was renamed out of every input goes out again before what follows it; a deleted one cannot."""
    shipped(shore)
    (shore.logs / "a.log").rename(shore.logs / "a.log.1")
    shore.write("a.log", b"new\n")
    if deleted:
        (shore.logs / "a.log.1").unlink()
        assert rewind(shore, name="a.log.1").exit_code == 1
        return
    assert rewind(shore, name="a.log.1").exit_code == 0
    shore.start()
    shore.run()
    assert shore.lives() == [TEXT, TEXT, b"new\n"]


def test_a_running_shipper_is_left_alone(shore: Shore) -> None:
    """C8: while a shipper holds the registry, the command refuses and changes nothing."""
    shore.write("a.log", TEXT)
    shore.start()
    shore.run()
    result = rewind(shore)
    assert result.exit_code == 1
    assert "a shipper is running on it (stop it first)" in result.stderr
    shore.stop()
    shore.start()
    shore.run()
    assert shore.lives() == [TEXT]


def test_what_cannot_be_rewound_is_one_line(shore: Shore, tmp_path: Path) -> None:
    """An offset beyond what is shipped, no offset, a file that was never shipped, is gone or rewritten, no registry."""
    shipped(shore)
    shore.write("b.log", b"never\n")
    for name, to, code, words in [
        ("a.log", "15", 2, "is shipped up to byte 14 only"),
        ("a.log", "-1", 2, "it is not an offset"),
        ("a.log", "\u0661", 2, "it is not an offset"),
        ("b.log", "0", 1, "nothing of it was shipped"),
        ("c.log", "0", 1, "no such file"),
    ]:
        result = rewind(shore, "--to", to, name=name)
        (line,) = result.stderr.splitlines()
        assert (result.exit_code, words in line) == (code, True), line
    (shore.logs / "a.log").write_bytes(b"rewritten, and longer than it was\n")
    assert rewind(shore).exit_code == 1
    nowhere = CliRunner().invoke(main, ["rewind", str(shore.logs / "a.log"), "--state", str(tmp_path / "no")])
    assert nowhere.exit_code == 1
    assert not (tmp_path / "no").exists()


def test_a_line_longer_than_a_look_back_is_found(shore: Shore) -> None:
    """B6: the start of a line is found however long the line is."""
    shore.write("a.log", b"x\n" + b"y" * 300_000 + b"\n")
    shore.start()
    shore.run()
    shore.stop()
    assert "from byte 2 " in rewind(shore, "--to", 290_000).stdout


def test_nothing_is_begun_if_it_cannot_be_saved(shore: Shore, monkeypatch: pytest.MonkeyPatch) -> None:
    """C6: with the disk full the registry stays as it was, and this is said."""
    shipped(shore)
    monkeypatch.setattr(Registry, "add", lambda *_: False)
    result = rewind(shore)
    assert result.exit_code == 1
    assert "cannot be written now" in result.stderr
