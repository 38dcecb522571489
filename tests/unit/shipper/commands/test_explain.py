"""`explain PATH`: why a file is shipped, or why it is not."""

import gzip
import os
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from logbus.output_mark import is_output, mark_output
from shipper.__main__ import main
from support.shores import Shore


def explain(shore: Shore, name: str, inputs: str = "") -> Result:
    """Invoke the command on a file of the logs folder, with inputs in YAML (of `*.log`, if none are given)."""
    inputs = inputs.replace("LOGS", str(shore.logs)) or f"[{{paths: ['{shore.logs}/*.log'], label: apps}}]"
    config = shore.folder / "shipper.yml"
    config.write_text(f"state: {shore.folder / 'state'}\ninputs: {inputs}\n")
    return CliRunner().invoke(main, ["explain", str(shore.logs / name), "--config", str(config)])


def says(result: Result, code: int, *words: str) -> None:
    """Check the exit code, and that each of these is said."""
    assert result.exit_code == code, result.output
    for each in words:
        assert each in result.stdout


def test_a_file_that_is_shipped(shore: Shore) -> None:
    """The input, the label, the stream, and how far it is; exit 0; while the shipper runs."""
    shore.write("a.log", b"1\n2\n")
    shore.start()
    shore.run()
    shore.write("a.log", b"345\n")
    stream = shore.publisher.batches[0].stream
    says(explain(shore, "a.log"), 0, ": shipped: ", "label apps", f"stream {stream}", "4 of 8 bytes", "4 behind")


def test_a_file_that_was_not_begun(shore: Shore) -> None:
    """Without any registry, too: where it will begin; an empty file begins with its first line."""
    shore.write("a.log", b"1\n")
    shore.write("empty.log", b"")
    says(explain(shore, "a.log"), 0, "nothing of it is remembered yet", "read from its start")
    says(explain(shore, "empty.log"), 0, "begins with its first line")
    says(explain(shore, "a.log", "[{paths: [LOGS/*.log], start: end}]"), 0, "it counts as read")


def test_no_input_names_it(shore: Shore) -> None:
    """Each input is listed with what it says to the path; exit 1."""
    shore.write("a.txt", b"1\n")
    says(
        explain(shore, "a.txt"), 1, "not shipped: no input names it", f"input 0 ({shore.logs}/*.log): does not name it"
    )


def test_an_input_excludes_it(shore: Shore) -> None:
    """D15: the glob that excludes it is named; an input further down may ship it all the same."""
    shore.write("a.log", b"1\n")
    one = "{paths: [LOGS/*.log], exclude: ['a.*']}"
    says(explain(shore, "a.log", f"[{one}]"), 1, "not shipped", "excluded by 'a.*'")
    two = f"[{one}, {{paths: [LOGS/a.log]}}, {{paths: [LOGS/*]}}]"
    says(explain(shore, "a.log", two), 0, "excluded by 'a.*'", "input 1", "names it, but an earlier input takes it")


def test_it_is_compressed(shore: Shore) -> None:
    """B15: by its name, or by its first bytes whatever its name."""
    shore.write("a.log.gz", b"1\n")
    shore.write("b.log", b"\x1f\x8b\x08\0\0\0\0\0\0\0")
    says(explain(shore, "a.log.gz", "[{paths: [LOGS/*]}]"), 1, "compressed, by its name")
    says(explain(shore, "b.log"), 1, "it is compressed")


def test_a_sink_writes_it(shore: Shore) -> None:
    """H6: what is marked as a sink's output is not shipped, and this is said."""
    with shore.write("a.log", b"1\n").open("rb") as file:
        mark_output(file.fileno())
        if not is_output(file.fileno()):
            pytest.skip("this filesystem has no extended attributes")
    says(explain(shore, "a.log"), 1, "a Logbus sink writes it")


def test_it_is_no_regular_file(shore: Shore) -> None:
    """D8: directories, pipes, sockets and devices are told, and not opened; a file that is not there is waited for."""
    (shore.logs / "d.log").mkdir()
    os.mkfifo(shore.logs / "p.log")
    (shore.logs / "z.log").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(shore.logs / "s.log"))
    for name, words in [("d", "a directory"), ("p", "a named pipe"), ("z", "a device"), ("s", "a socket")]:
        says(explain(shore, f"{name}.log"), 1, f"it is {words}")
    says(explain(shore, "no.log"), 1, "no such file or directory: the shipper waits for it")


def test_it_cannot_be_read(shore: Shore, monkeypatch: pytest.MonkeyPatch) -> None:
    """D7: a file that this user may not read."""
    path = shore.write("a.log", b"1\n")

    def refuse(name: str, *_: object) -> int:
        assert name == str(path)
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("shipper.files.opening.os.open", refuse)  # root may read everything
    result = explain(shore, "a.log")
    monkeypatch.undo()
    says(result, 1, "not shipped: permission denied")


def test_another_name_of_a_file(shore: Shore) -> None:
    """A19: a hard link or a symlink is said to be the same file as the one that is shipped."""
    path = shore.write("a.log", b"1\n")
    shore.start("a.log")
    shore.run()
    (shore.logs / "b.log").symlink_to(path)
    (shore.logs / "c.log").hardlink_to(path)
    for name in ("b.log", "c.log"):
        says(explain(shore, name), 0, f"the same file is shipped as {path}")


def test_a_rotated_file(shore: Shore) -> None:
    """A5: a life that was renamed, out of every input, is still shipped; once it is over, it was shipped to its end."""
    path = shore.write("a.log", b"1\n")
    shore.start()
    shore.run()
    shore.stop()
    path.rename(shore.logs / "a.log.1")
    says(explain(shore, "a.log.1"), 0, f"a life of {path}", "0 behind")


def test_a_copy_that_copytruncate_made(shore: Shore) -> None:
    """A15: the copy is the truncated life, and is not shipped as a file of its own."""
    path = shore.write("a.log", b"1\n2\n")
    shore.start("*.log*")
    shore.run()
    (shore.logs / "a.log.1").write_bytes(path.read_bytes())
    os.truncate(path, 0)
    shore.run()
    shore.write("a.log", b"new\n")
    shore.run()
    shore.run()
    says(explain(shore, "a.log.1", "[{paths: ['LOGS/*.log*']}]"), 0, f"a life of {path}", "0 behind")


def test_a_rewritten_file(shore: Shore) -> None:
    """A13: other bytes than those that were shipped: it will be a new stream."""
    path = shore.write("a.log", b"1\n2\n")
    shore.start()
    shore.run()
    shore.stop()
    path.write_bytes(b"other\n")
    assert explain(shore, "a.log").exit_code == 0
    assert "known file" not in explain(shore, "a.log").stdout


def test_hostile_names_are_escaped(shore: Shore) -> None:
    """S1: no control character of a name is printed."""
    shore.write("a\x1b[2J.log", b"1\n")
    result = explain(shore, "a\x1b[2J.log")
    says(result, 0, "a\\x1b[2J.log: shipped")
    assert "\x1b" not in result.stdout


def test_a_configuration_is_needed(tmp_path: Path) -> None:
    """Without --config, or with a wrong file: exit 2."""
    assert CliRunner().invoke(main, ["explain", "a.log"]).exit_code == 2
    assert CliRunner().invoke(main, ["explain", "a.log", "--config", str(tmp_path / "no.yml")]).exit_code == 2


def test_it_is_older_than_ignore_older(shore: Shore) -> None:
    """It is ignored, since when and until when, before the first start and after it; one written to since is not."""
    shore.write("a.log", b"1\n")
    os.utime(shore.logs / "a.log", (1_000_000_000, 1_000_000_000))
    inputs = "[{paths: [LOGS/*.log], ignore_older: 7d}]"
    said = (
        "not shipped: it is ignored: it was last written at 2001-09-09",
        "ignore_older: 7 days",
        "read from its start",
    )
    says(explain(shore, "a.log", inputs), 1, *said)
    shore.start(ignore_older=7 * 86_400)
    says(explain(shore, "a.log", inputs), 1, *said)
    shore.write("a.log", b"2\n")
    says(explain(shore, "a.log", inputs), 0, ": shipped: ")


def test_an_archive_that_is_included(shore: Shore) -> None:
    """It is read at the first start; then its stream is shown; one that rotation makes later is not shipped."""
    inputs = "[{paths: ['LOGS/*.log*'], include_compressed: true}]"
    (shore.logs / "a.log.1.gz").write_bytes(gzip.compress(b"1\n"))
    says(explain(shore, "a.log.1.gz", inputs), 0, ": shipped: it is unpacked and read at the first start")
    shore.start("*.log*", include_compressed=True)
    for _ in range(3):
        shore.run(6.0)
    says(explain(shore, "a.log.1.gz", inputs), 0, ": shipped: ", f"stream {shore.publisher.batches[0].stream}")
    (shore.logs / "a.log.2.gz").write_bytes(gzip.compress(b"2\n"))
    says(explain(shore, "a.log.2.gz", inputs), 1, "not shipped: ", "not there at the first start")
    (shore.logs / "b.log.gz").write_bytes(gzip.compress(b"3\n" * 999)[:4])
    says(explain(shore, "b.log.gz", inputs), 1, "not shipped: nothing can be unpacked")
