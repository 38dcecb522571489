"""`status`: what an operator sees of each stream, while the shipper runs and when it does not."""

import gzip
import json
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from shipper.__main__ import main
from shipper.commands.remembered import remembered
from shipper.state.registry import Registry, Row
from support.shores import Shore


def status(*arguments: object) -> Result:
    """Invoke the command."""
    return CliRunner().invoke(main, ["status", *map(str, arguments)])


def objects(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what --json says, by file name."""
    result = status("--state", folder / "state", "--json")
    assert result.exit_code == 0, result.stderr
    found = [json.loads(line) for line in result.stdout.splitlines()]
    return {os.path.basename(each["path"]): each for each in found}  # noqa: PTH119 - any bytes


def test_a_running_shipper_is_looked_at(shore: Shore) -> None:
    """While the shipper holds the registry: each stream with its path, id, offset and what it is behind."""
    path = shore.write("a.log", b"1\n2\n")
    shore.start()
    shore.run()
    shore.write("a.log", b"345\n")
    said = objects(shore.folder)["a.log"]
    assert said["path"] == said["file"] == str(path)
    assert (said["offset"], said["size"], said["behind"]) == (4, 8, 4)
    assert (said["state"], said["held"], said["done"]) == ("in place", False, False)
    assert said["stream"] == shore.publisher.batches[0].stream
    shore.run()
    shore.run()
    assert objects(shore.folder)["a.log"]["behind"] == 0


def test_it_neither_locks_nor_writes(shore: Shore) -> None:
    """Whether a shipper runs, was killed or has ended: not a file is made or changed, so the next start is as usual."""
    shore.write("a.log", b"1\n")
    shore.start()
    for end in (lambda: None, shore.crash, shore.start, shore.stop):
        end()
        before = {each.name: each.read_bytes() for each in (shore.folder / "state").iterdir()}
        assert objects(shore.folder)
        after = {each.name: each.read_bytes() for each in (shore.folder / "state").iterdir()}
        before.pop("registry.sqlite-shm", None)  # where SQLite marks readers, in the memory that they share
        after.pop("registry.sqlite-shm", None)
        assert after == before
    shore.start()


def test_held_lives_are_shown(shore: Shore) -> None:
    """Files rotated or deleted before they were confirmed are listed: with their present name, if there is one."""
    shore.publisher.holding = True
    for name in ("a.log", "b.log"):
        shore.write(name, b"1\n2\n")
    shore.start()
    shore.run()
    (shore.logs / "a.log").rename(shore.logs / "a.log.1")
    (shore.logs / "b.log").unlink()
    said = objects(shore.folder)
    assert (said["a.log"]["state"], said["a.log"]["file"]) == ("rotated", str(shore.logs / "a.log.1"))
    assert (said["b.log"]["state"], said["b.log"]["file"]) == ("deleted", "")
    assert [each["behind"] for each in said.values()] == [4, 4]
    assert all(each["held"] for each in said.values())
    result = status("--state", shore.folder / "state")
    assert "rotated to a.log.1" in result.stdout
    assert "2 rotated or deleted" in result.stderr


def test_a_compressed_life_is_rotated(shore: Shore) -> None:
    """With the shipper stopped, a life that was compressed is shown under its archive's name."""
    path = shore.write("a.log", b"1\n2\n")
    shore.start()
    shore.run()
    shore.stop()
    (shore.logs / "a.log.1.gz").write_bytes(gzip.compress(path.read_bytes() + b"3\n"))
    path.unlink()
    said = objects(shore.folder)["a.log"]
    assert (said["state"], said["file"]) == ("rotated", str(shore.logs / "a.log.1.gz"))


def test_an_inode_with_other_bytes_is_no_progress(shore: Shore) -> None:
    """A8: with the shipper stopped, the file was rewritten: it is said to be replaced, and its size is not taken."""
    path = shore.write("a.log", b"one\ntwo\n")
    shore.start()
    shore.run()
    shore.stop()
    path.write_bytes(b"other bytes, and more of them\n")
    said = objects(shore.folder)["a.log"]
    assert (said["state"], said["behind"]) == ("replaced", 0)


def test_what_is_over_is_done(shore: Shore) -> None:
    """A deleted file that was confirmed to its end is done, and comes last."""
    shore.write("a.log", b"1\n")
    shore.write("b.log", b"1\n")
    shore.start()
    shore.run()
    (shore.logs / "a.log").unlink()
    for _ in range(5):
        shore.run(3.0)
    said = objects(shore.folder)
    assert list(said) == ["b.log", "a.log"]
    assert (said["a.log"]["state"], said["a.log"]["done"], said["a.log"]["behind"]) == ("done", True, 0)


ROW = Row("s1", 1, 2, 3, "/no/such.log", 0, b"m", 10, b"p", 5, b"h")


def test_the_oldest_unconfirmed_byte_ages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While more is published and nothing confirmed the age counts from the first; a confirm begins it anew."""
    seen = []
    registry = Registry(tmp_path)
    for now_s, row in [
        (100, ROW),
        (200, replace(ROW, published=20)),
        (300, replace(ROW, offset=10, published=20)),
        (400, replace(ROW, offset=20, published=20)),
        (500, replace(ROW, offset=20, published=30)),
        (600, replace(ROW, offset=20, published=40)),
    ]:
        monkeypatch.setattr(time, "time", lambda now_s=now_s: now_s)
        registry.save([row])
        seen.append(remembered(tmp_path)[0][1])
    registry.close()
    assert seen == [100, 100, 300, 400, 500, 500]


def test_hostile_paths_are_escaped(shore: Shore) -> None:
    """S1, D17: no control character of a path reaches the terminal; a tab does not break the columns."""
    shore.write("a\x1b[2J\t\udcff.log", b"1\n")
    shore.start()
    shore.run()
    result = status("--state", shore.folder / "state")
    heading, line = result.stdout.splitlines()
    assert "\x1b" not in result.stdout
    assert line.count("\t") == heading.count("\t")
    assert "a\\x1b[2J\\t\\udcff.log" in line
    assert json.loads(status("--state", shore.folder / "state", "--json").stdout)["path"].endswith("\\xff.log")


def test_a_terminal_gets_a_table(shore: Shore, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal there is a table in colour, without it with NO_COLOR; names that look like markup stay names."""
    shore.write("[red]a.log", b"1\n")
    shore.start(r"*a.log")
    shore.run()
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich's way to be told that this is a terminal
    monkeypatch.setenv("COLUMNS", "400")
    assert "\x1b[1m" in status("--state", shore.folder / "state").stdout
    assert "[red]a.log" in status("--state", shore.folder / "state").stdout


def test_errors_are_one_line(tmp_path: Path) -> None:
    """No registry, no SQLite, a newer one, neither or both of --state and --config: one line, and nothing is made."""
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/registry.sqlite").write_bytes(b"x" * 5000)
    Registry(tmp_path / "newer").close()
    with sqlite3.connect(tmp_path / "newer/registry.sqlite") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    for arguments, code, words in [
        (["--state", tmp_path / "none"], 1, "is that the shipper's state directory?"),
        (["--state", tmp_path / "bad"], 1, "is that the shipper's state directory?"),
        (["--state", tmp_path / "newer"], 1, "newer Logbus"),
        ([], 2, "one of --state and --config"),
    ]:
        result = status(*arguments)
        assert result.exit_code == code
        (line,) = result.stderr.splitlines()
        assert words in line
    assert not (tmp_path / "none").exists()


def test_a_configuration_names_the_state(tmp_path: Path) -> None:
    """--config: the state that the file gives; a file that gives none is told so."""
    Registry(tmp_path / "s").close()
    config = tmp_path / "shipper.yml"
    config.write_text(f"state: {tmp_path / 's'}\n")
    assert status("--config", config).exit_code == 0
    config.write_text("host: a\n")
    result = status("--config", config)
    assert result.exit_code == 2
    assert "gives no state" in result.stderr
