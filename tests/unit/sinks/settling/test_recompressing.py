"""Recompression: the same content in larger frames, at once or not at all, and never while somebody may write."""

import errno
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC
from pathlib import Path

import pytest

from logbus.errors import SourceError
from logbus.wire import frames
from sinks.file.settings import Settings
from sinks.index.packing import unpacked
from sinks.index.place import token_of
from sinks.ledger.ledger import Ledger
from sinks.search.files.opening import open_listed
from sinks.settling import recompressing, rows
from sinks.settling.archive import Archive
from sinks.settling.opened import Opened, open_output
from sinks.settling.recompressing import is_worthwhile, recompress
from sinks.settling.store import Store
from sinks.sink import Mark
from support.settled import check_rows, settled, written

RECORDS = [b"2026-11-24T10:%02d:00Z INFO request %d\n\tat a.B.c(D.java:1)\n" % (n % 60, n) for n in range(400)]
CONTENT = b"".join(RECORDS)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "ROW_BYTES", 4_000)
    monkeypatch.setattr(recompressing, "ROW_BYTES", 4_000)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Return an archive with one output, a frame for each line."""
    (tmp_path / "state").mkdir()
    (tmp_path / "out" / "web-1").mkdir(parents=True)
    data = b"".join(frames.compress(line, 1) for line in CONTENT.splitlines(keepends=True))
    written(path_in(tmp_path), data).chmod(0o604)
    settings = Settings(path=str(tmp_path / "out" / "{host}" / "a.zst"), compress="zstd")
    return Archive(settings, tmp_path / "state", UTC)


@pytest.fixture
def store(archive: Archive) -> Iterator[Store]:
    """Return an empty index."""
    with closing(Store(archive.state, "")) as found:
        yield found


def path_in(root: Path) -> Path:
    """Return the path of the output."""
    return root / "out" / "web-1" / "a.zst"


def opened(archive: Archive) -> Opened:
    """Open the output."""
    found = open_output(archive.base, "web-1/a.zst", lambda _identity: None)
    assert found
    return found


def content_of(path: Path) -> bytes:
    """Return the content of a file of frames."""
    with frames.open_file(path) as file:
        return file.read()


def test_the_content_stays_and_the_frames_grow(tmp_path: Path, archive: Archive, store: Store) -> None:
    """With mode, time of change and attributes; the rows are right, and settled."""
    path = path_in(tmp_path)
    before, token = path.stat(), token_of(path)
    os.setxattr(path, "user.logbus.writer", b"state")
    output = opened(archive)
    assert is_worthwhile(output)
    assert recompress(archive, store, output)
    after = path.stat()
    assert content_of(path) == CONTENT
    assert after.st_size < before.st_size / 4
    assert (after.st_mode, after.st_mtime_ns, after.st_uid) == (before.st_mode, before.st_mtime_ns, before.st_uid)
    assert os.getxattr(path, "user.logbus.writer") == b"state"
    assert token_of(path) not in {token, b""}
    new = opened(archive)
    assert store.is_settled(new)
    assert not is_worthwhile(new)
    check_rows(path, settled(path), CONTENT)
    assert len(store.stored(new)) == len(settled(path)) > 1
    assert [each.name for each in path.parent.iterdir()] == ["a.zst"]


def test_published_severities_are_kept(tmp_path: Path, archive: Archive, store: Store) -> None:
    """Although the file and its token are others."""
    output = opened(archive)
    archive.settle(store, output, lambda _size: None)
    with closing(sqlite3.connect(tmp_path / "state" / "index.db")) as db, db:
        digits = [(begin, unpacked(row, 9_999)) for begin, row in db.execute("SELECT begin, digits FROM block")]
        db.executemany(
            "UPDATE block SET digits = ? WHERE begin = ?", [(frames.compress(b"1" * len(d), 1), b) for b, d in digits]
        )
    assert recompress(archive, store, output)
    found = b"".join(frames.decompress(row.digits, 9_999) for row in store.stored(opened(archive)))
    assert found == b"1" * 800


def test_an_output_that_a_sink_holds_stays(tmp_path: Path, archive: Archive, store: Store) -> None:
    """Open, remembered by the ledger, or changed meanwhile."""
    path = path_in(tmp_path)
    before = path.read_bytes()
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert not recompress(archive, store, opened(archive))
    output = opened(archive)
    ledger = Ledger(archive.state)
    ledger.remember(str(path), Mark(len(before), output.place.identity))
    ledger.close()
    assert not recompress(archive, store, output)
    (archive.state / "ledger.sqlite").unlink()
    with path.open("ab") as file:
        file.write(frames.compress(b"late\n", 1))
    assert not recompress(archive, store, output)
    assert content_of(path) == CONTENT + b"late\n"
    assert [each.name for each in path.parent.iterdir()] == ["a.zst"]


@pytest.mark.parametrize("step", ["fsync", "rename", "utime", "fchmod", "write", "setxattr"])
@pytest.mark.parametrize("number", [0, 1, 3])
def test_an_error_at_any_step_leaves_one_whole_file(  # noqa: PLR0913, PLR0917 - fixtures
    tmp_path: Path, archive: Archive, store: Store, monkeypatch: pytest.MonkeyPatch, step: str, number: int
) -> None:
    """The old one or the new one, with rows that are right or missing, and nothing beside it."""
    real, calls = getattr(os, step), iter(range(10_000))

    def failing(*args: object, **keys: object) -> object:
        if next(calls) == number:
            raise OSError(errno.EIO, "broken")
        return real(*args, **keys)

    path = path_in(tmp_path)
    output = opened(archive)
    with monkeypatch.context() as patch, suppress(OSError):
        patch.setattr(os, step, failing)
        recompress(archive, store, output)
    assert content_of(path) == CONTENT
    assert [each.name for each in path.parent.iterdir()] == ["a.zst"]
    found = opened(archive)
    check_rows(path, settled(path), CONTENT)
    assert archive.settle(store, found, lambda _size: None) > 0
    assert store.is_settled(found)


def test_another_content_takes_no_place(
    tmp_path: Path, archive: Archive, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it is renamed, the new file is read and compared: if a byte is missing, the old one stays."""
    path = path_in(tmp_path)
    real = recompressing._compressed  # noqa: SLF001 - the step that could go wrong
    monkeypatch.setattr(recompressing, "_compressed", lambda body: real(body[:-1]))
    with pytest.raises(SourceError, match="another content"):
        recompress(archive, store, opened(archive))
    assert content_of(path) == CONTENT
    assert [each.name for each in path.parent.iterdir()] == ["a.zst"]


def test_a_search_reads_on_in_the_file_that_took_the_place(tmp_path: Path, archive: Archive, store: Store) -> None:
    """One that was listed before is found afterwards, though it is another."""
    path = path_in(tmp_path)
    before = path.stat()
    assert recompress(archive, store, opened(archive))
    found = open_listed(path, (before.st_dev, before.st_ino), follow=False)
    assert found.path == path
    os.close(found.fd)
