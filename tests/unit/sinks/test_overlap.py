"""Two sinks never write to one file: refused where the configuration shows it, and by a lock where it does not."""

import os
from pathlib import Path

import pytest

from logbus.errors import ConfigError, OutputError
from sinks.file.holding import hold, last_writer
from sinks.file.output_files import Outputs
from sinks.file.safe_open import open_append, open_base
from sinks.overlap import collisions
from sinks.settings import load_plan

APART = [
    ("/a/{host}.err", "/a/{host}.log"),
    ("/a/{host}/x", "/b/{host}/x"),
    ("/a/x.log", "/a/y.log"),
    ("/a/{host}/{label}/{name}", "/a/errors.log"),
    ("/a/{date}", "/a/errors"),
    ("/a/{host}", "/a/.hidden"),
    ("/a/x.log-{date}", "/a/x.log"),
    ("/a/{path}", "/ab/{path}"),
]
ONE_FILE = [
    ("/a/x.log", "/a/x.log"),
    ("/a/x.log", "/a/../a/x.log"),
    ("/a/x.log", "/a//./x.log"),
    ("/a/{host}.log", "/a/{name}.log"),
    ("/a/{host}", "/a/errors"),
    ("/a/{path}", "/a/{host}/{label}/{name}"),
    ("/a/{host}-{label}", "/a/{name}"),
    ("/a/x{date}", "/a/{name}"),
    ("/a/{date}.log", "/a/2026-11-28.log"),
    ("/a/{stream}", "/a/{host}"),
]


@pytest.mark.parametrize(("one", "other"), APART)
def test_templates_that_never_meet_go_together(one: str, other: str) -> None:
    """Two templates that cannot stand for one file are both taken."""
    assert not list(collisions({"a": (one,), "b": (other,)}))
    assert not list(collisions({"a": (other,), "b": (one,)}))


@pytest.mark.parametrize(("one", "other"), ONE_FILE)
def test_templates_that_could_meet_are_found(one: str, other: str) -> None:
    """Two templates that could stand for one file are found, however they are written."""
    assert list(collisions({"a": (one,), "b": (other,)})) == [("a", "b")]
    assert list(collisions({"b": (other,), "a": (one,)})) == [("b", "a")]


def test_relative_paths_and_links_are_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path, and a directory that is reached through a link, are the same place."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert list(collisions({"a": ("real/x",), "b": (f"{tmp_path}/link/x",)}))


@pytest.mark.parametrize(
    "sinks",
    [
        "a: {type: file, path: /o/x}\n  b: {type: file, path: /o/x}",
        "a: {type: severity, min: err, label: l, write: {type: file, path: /o/x}}\n  b: {type: file, path: /o/x}",
        "a: {type: severity, min: err, write: &w {type: file, path: /o/x}}\n  b: {type: severity, min: err, write: *w}",
        "a: {type: file, path: '/o/{host}'}\n  b: {type: severity, min: err, write: {type: file, path: /o/x}}",
        "a: {type: file, path: /o/x, rotate: {max_bytes: 1}}\n  b: {type: file, path: '/o/x-{host}'}",
    ],
)
def test_a_configuration_with_one_output_for_two_is_refused(tmp_path: Path, sinks: str) -> None:
    """A sinks.yml in which two sinks, of whatever type, could write to one file is refused, naming both."""
    config = tmp_path / "sinks.yml"
    config.write_text(f"sinks:\n  {sinks}\n")
    with pytest.raises(ConfigError, match="the sinks a and b"):
        load_plan(config, "a")


def outputs(root: Path, writer: str = "us", is_new: bool = False, open_max: int = 128) -> Outputs:
    """Return outputs beneath `root`."""
    return Outputs(root, lambda _name, _mark: None, writer=writer, is_new=is_new, open_max=open_max)


def test_an_output_that_another_process_holds_is_waited_for(tmp_path: Path) -> None:
    """What another open file holds is an OutputError that says which process, until it lets go."""
    (tmp_path / "x").touch()
    fd = os.open(tmp_path / "x", os.O_WRONLY)
    hold(fd)
    ours = outputs(tmp_path)
    with pytest.raises(OutputError, match=f"another process \\({os.getpid()}\\).*writes to it.*path of its own"):
        ours.append("x", b"line\n")
    os.close(fd)
    ours.append("x", b"line\n")
    ours.commit()
    assert (tmp_path / "x").read_bytes() == b"line\n"
    ours.close()


def test_what_another_sink_wrote_is_not_cut_off(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Lines that a sink of another state directory appended meanwhile stay, and it is reported."""
    ours, theirs = outputs(tmp_path, "us"), outputs(tmp_path, "them")
    ours.append("x", b"ours\n")
    ours.commit()
    marks = ours.marks()
    ours.close()
    theirs.append("x", b"theirs\n")
    theirs.commit()
    if not last_writer(fd := os.open(tmp_path / "x", os.O_RDONLY)):
        pytest.skip("this filesystem has no extended attributes")
    os.close(fd)
    again = outputs(tmp_path, "us")
    with pytest.raises(OutputError, match="another process"):
        again.restore(marks)
    theirs.close()
    again.restore(marks)
    assert (tmp_path / "x").read_bytes() == b"ours\ntheirs\n"
    assert "of another sink, with the state directory them" in caplog.text


def test_our_own_uncommitted_bytes_are_cut_off(tmp_path: Path) -> None:
    """What the sink itself wrote and did not commit is cut off as before."""
    ours = outputs(tmp_path)
    ours.append("x", b"kept\n")
    ours.commit()
    ours.append("x", b"torn")
    marks = ours.marks()
    ours.close()
    outputs(tmp_path).restore(marks)
    assert (tmp_path / "x").read_bytes() == b"kept\n"


def test_a_new_ledger_warns_once_of_old_data_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An output that this sink began is not old data, after a failed write nor when it is opened again."""
    ours = outputs(tmp_path, is_new=True, open_max=1)
    for name in ("a", "b", "a", "b"):
        ours.append(name, b"line\n")
    ours.commit()
    ours.restore(ours.marks())
    ours.append("a", b"line\n")
    assert "the ledger is new" not in caplog.text
    (tmp_path / "old").write_bytes(b"old\n")
    ours.append("old", b"line\n")
    assert "old holds data, and the ledger is new" in caplog.text
    ours.close()


def test_a_file_with_other_names_is_not_written_to(tmp_path: Path) -> None:
    """A file that was linked to the output's place is left alone; without its other name it is written to."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"mine\n")
    (tmp_path / "out").mkdir()
    os.link(secret, tmp_path / "out" / "x.log")
    ours = outputs(tmp_path / "out")
    with pytest.raises(OutputError, match="2 names"):
        ours.append("x.log", b"line\n")
    assert secret.read_bytes() == b"mine\n"
    secret.unlink()
    ours.append("x.log", b"line\n")
    ours.close()


def test_a_backup_by_links_does_not_stop_a_sink(tmp_path: Path) -> None:
    """An output of ours that a backup or a rotation linked elsewhere goes on, in this process and the next."""
    ours = outputs(tmp_path)
    ours.append("x.log", b"one\n")
    ours.commit()
    os.link(tmp_path / "x.log", tmp_path / "backup")
    ours.append("x.log", b"two\n")
    ours.commit()
    marks = ours.marks()
    ours.close()
    again = outputs(tmp_path)
    again.restore(marks)
    again.append("x.log", b"three\n")
    assert (tmp_path / "x.log").read_bytes() == b"one\ntwo\nthree\n"
    again.close()


def test_a_known_output_needs_no_mark(tmp_path: Path) -> None:
    """Where a filesystem keeps no attributes, the ledger says which files are ours."""
    (tmp_path / "x").write_bytes(b"")
    os.link(tmp_path / "x", tmp_path / "backup")
    base = open_base(tmp_path)
    os.close(open_append(base, "x", known=True))
    os.close(base)
