"""Registry: what a shipper remembers, and what it does with a damaged memory."""

import logging
import os
import resource
import sqlite3
import stat
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from logbus.errors import StateError
from shipper.state.registry import Registry, Row
from support.registries import MortalRegistry

ROW = Row("s1", 1, 2, 3, "/var/log/\udcff\n.log", 10, b"m", 20, b"p", 5, b"h")


def test_what_was_saved_is_there_again(tmp_path: Path) -> None:
    """Rows come back as they were, paths with any bytes and inodes of 64 bits too."""
    rows = [ROW, replace(ROW, stream="s2", inode=2**64 - 1, device=2**63, generation=None)]
    registry = Registry(tmp_path / "state")
    assert registry.add(rows)
    assert registry.save([replace(ROW, offset=20)])
    registry.close()
    registry = Registry(tmp_path / "state")
    assert registry.unfinished() == [replace(ROW, offset=20), rows[1]]
    assert registry.candidates(2**64 - 1) == [rows[1]]
    assert registry.has("s1")
    assert not registry.has("s3")
    registry.close()


def test_what_is_done_is_no_candidate_but_its_id_stays_taken(tmp_path: Path) -> None:
    """A life that is over is not resumed, and its id is never given again."""
    registry = Registry(tmp_path)
    registry.add([ROW, replace(ROW, stream="s2")])
    registry.save([ROW.ended()])
    assert [row.stream for row in registry.candidates(2)] == ["s2"]
    assert registry.has("s1")
    registry.close()


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b"\0" * 8192, b"SQLite format 3\0" + b"x" * 5000])
def test_a_damaged_registry_is_set_aside(tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """C4: empty, truncated, NULs or another file's bytes: kept, said, and the shipper starts."""
    (tmp_path / "registry.sqlite").write_bytes(damage)
    registry = Registry(tmp_path)
    assert registry.unfinished() == []
    registry.close()
    aside = list(tmp_path.glob("registry.corrupt-*"))
    assert [path.read_bytes() for path in aside] == [damage]
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 1


def test_a_damaged_page_is_noticed(tmp_path: Path) -> None:
    """C4: damage in the middle of a real registry is found at the start, not in use."""
    registry = Registry(tmp_path)
    registry.add([replace(ROW, stream=f"s{number}") for number in range(500)])
    registry.close()
    path = tmp_path / "registry.sqlite"
    data = bytearray(path.read_bytes())
    data[8192:16384] = os.urandom(8192)
    path.write_bytes(data)
    Registry(tmp_path).close()
    assert len(list(tmp_path.glob("registry.corrupt-*"))) == 1


def test_a_full_disk_is_no_damage(tmp_path: Path) -> None:
    """C6: a registry that cannot be opened now, because the disk is full, is left as it is, and is there afterwards."""
    registry = Registry(tmp_path)
    registry.add([ROW])
    registry.close()
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(StateError, match="its disk must have room"):
            Registry(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    registry = Registry(tmp_path)
    assert registry.unfinished() == [ROW]
    registry.close()
    assert not list(tmp_path.glob("registry.corrupt-*"))


def test_another_programs_database_is_set_aside(tmp_path: Path) -> None:
    """C4: a sound database that is no registry is not written to."""
    db = sqlite3.connect(tmp_path / "registry.sqlite")
    db.execute("CREATE TABLE theirs (x)")
    db.close()
    Registry(tmp_path).close()
    assert len(list(tmp_path.glob("registry.corrupt-*"))) == 1


def test_a_newer_registry_is_refused(tmp_path: Path) -> None:
    """C10: what a newer Logbus wrote is neither read nor set aside."""
    Registry(tmp_path).close()
    db = sqlite3.connect(tmp_path / "registry.sqlite")
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StateError, match="upgrade Logbus"):
        Registry(tmp_path)
    assert not list(tmp_path.glob("registry.corrupt-*"))


def test_a_second_shipper_is_refused(tmp_path: Path) -> None:
    """C8: two shippers on one state directory: the second says so, the first goes on."""
    first = Registry(tmp_path)
    with pytest.raises(StateError, match="another shipper uses it"):
        Registry(tmp_path)
    assert first.add([ROW])
    first.close()
    Registry(tmp_path).close()


def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """C7: a state directory that cannot be written stops the start with one line."""
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match="cannot use the state directory"):
        Registry(tmp_path / "file" / "state")


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    """S16: paths of logs are nobody else's business, whatever the umask."""
    old = os.umask(0)
    registry = Registry(tmp_path / "state")
    os.umask(old)
    registry.add([ROW])
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "state").iterdir()}
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    assert set(modes.values()) == {0o600}
    registry.close()


def test_a_full_disk_is_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """C6: a save that fails is said once and can be tried again."""
    registry = MortalRegistry(tmp_path)
    registry.fill_disk()
    rows = [replace(ROW, stream=f"s{number}", path="/x" * 500) for number in range(200)]
    assert not registry.add(rows)
    assert not registry.add(rows)
    registry.free_disk()
    assert registry.add(rows)
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "cannot save the registry",
        "the registry can be saved again",
    ]
    registry.close()


def test_without_a_directory_nothing_is_kept() -> None:
    """Ad hoc, the memory is as good, and gone at the end."""
    registry = Registry()
    assert registry.add([ROW])
    assert registry.unfinished() == [ROW]
    assert not registry.persistent
    registry.close()


def test_what_is_gone_for_long_is_forgotten(tmp_path: Path) -> None:
    """C11: old entries go unless their file is there, done or not, a part at a time, and the file shrinks."""
    registry = Registry(tmp_path)
    registry.add(
        [replace(ROW, stream=f"{number:016x}", inode=number, done=number % 2 == 0) for number in range(50_000)]
    )
    kept = {7, 8}
    before = (tmp_path / "registry.sqlite").stat().st_size
    assert registry.expire(0, lambda *_: False) == 0
    assert len(registry.outline()) == 25_000
    after, parts = -1, 0
    while after:
        after = registry.expire(time.time() + 10, lambda life: life.inode in kept, max(after, 0))
        parts += 1
    assert parts == 3
    assert [life.inode for life in registry.outline()] == [7]
    assert registry.has(f"{8:016x}")
    registry.close()
    assert (tmp_path / "registry.sqlite").stat().st_size < before / 4
