"""The ledger: ranges and marks that survive, and what happens when they cannot."""

import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from logbus.errors import StateError, WireError
from sinks.commands.coverage import coverage
from sinks.ledger import ledger as module
from sinks.ledger.ledger import SPAN_MAX_BYTES, Ledger, LedgerUnsaved
from sinks.ledger.ledger_file import FILE_NAME
from sinks.ledger.streams import Source
from sinks.sink import Mark

Open = Callable[[Path | None], Ledger]
WEB = Source("web", "web-1", "0123456789abcdef")


@pytest.fixture
def open_ledger() -> Iterator[Open]:
    """Return a function that opens a ledger, which is closed at the end."""
    ledgers: list[Ledger] = []

    def opened(directory: Path | None) -> Ledger:
        ledgers.append(Ledger(directory))
        return ledgers[-1]

    yield opened
    for ledger in ledgers:
        ledger.close()


def rows(directory: Path, query: str = "SELECT start, end FROM held") -> list[tuple[int, ...]]:
    """Return what a ledger's file holds."""
    with closing(sqlite3.connect(directory / FILE_NAME)) as db:
        return db.execute(query).fetchall()


def test_ranges_survive_only_a_commit(open_ledger: Open, tmp_path: Path) -> None:
    """What was added counts at once, is forgotten by a rollback, and is still there after a commit and a restart."""
    ledger = open_ledger(tmp_path)
    ledger.add(WEB, "/a", (0, 10))
    assert ledger.missing(WEB, 0, 20) == [(10, 20)]
    ledger.rollback()
    assert ledger.missing(WEB, 0, 20) == [(0, 20)]
    ledger.add(WEB, "/a", (0, 10))
    ledger.commit({})
    ledger.add(WEB, "/a", (10, 20))
    ledger.close()
    assert open_ledger(tmp_path).missing(WEB, 0, 20) == [(10, 20)]


def test_a_batch_before_its_predecessor_leaves_the_gap_open(open_ledger: Open, tmp_path: Path) -> None:
    """G3: N+1 is written before N; the ledger still wants N, and then holds one range."""
    ledger = open_ledger(tmp_path)
    for part in [(100, 200), (0, 100)]:
        assert ledger.missing(WEB, *part) == [part]
        ledger.add(WEB, "/a", part)
        ledger.commit({})
    assert rows(tmp_path) == [(0, 200)]


def test_ranges_that_a_commit_joins_become_one_row(open_ledger: Open, tmp_path: Path) -> None:
    """Two new ranges on both sides of an old one end up as a single one."""
    ledger = open_ledger(tmp_path)
    ledger.add(WEB, "/a", (10, 20))
    ledger.commit({})
    ledger.add(WEB, "/a", (20, 30))
    ledger.add(WEB, "/a", (0, 10))
    ledger.commit({})
    assert ledger.missing(WEB, 0, 40) == [(30, 40)]
    assert rows(tmp_path) == [(0, 30)]


def test_nobody_elses_positions_hide_a_stream(open_ledger: Open, tmp_path: Path) -> None:
    """S8, G4: the same stream id under another user or host is another stream."""
    ledger = open_ledger(tmp_path)
    ledger.add(WEB, "/a", (0, 100))
    ledger.commit({})
    for other in (WEB._replace(user="eve"), WEB._replace(user=""), WEB._replace(host="web-2")):
        assert ledger.missing(other, 0, 100) == [(0, 100)]


@pytest.mark.parametrize("span", [(-1, 5), (5, 4), (0, SPAN_MAX_BYTES + 1), (2**63, 2**63 + 1)])
def test_an_absurd_position_is_refused(open_ledger: Open, tmp_path: Path, span: tuple[int, int]) -> None:
    """S9: a range that no file can have is a broken message, and marks nothing as written."""
    ledger = open_ledger(tmp_path)
    with pytest.raises(WireError):
        ledger.missing(WEB, *span)


def test_marks_are_replaced_as_a_whole(open_ledger: Open, tmp_path: Path) -> None:
    """A commit keeps the marks it is given and forgets the others; names may be any bytes."""
    ledger = open_ledger(tmp_path)
    ledger.remember("/out/\udcff", Mark(5, "1.2"))
    ledger.remember("/out/b", Mark(7, "3.4"))
    ledger.commit({"/out/\udcff": Mark(9, "1.2")})
    ledger.close()
    assert open_ledger(tmp_path).marks() == {"/out/\udcff": Mark(9, "1.2")}


def test_a_second_process_is_refused(open_ledger: Open, tmp_path: Path) -> None:
    """F8: two sinks cannot share a state directory; the first is not harmed, and its end frees the place."""
    first = open_ledger(tmp_path)
    with pytest.raises(StateError, match="another sink process uses it"):
        open_ledger(tmp_path)
    first.add(WEB, "/a", (0, 1))
    first.commit({})
    first.close()
    open_ledger(tmp_path).close()


@pytest.mark.parametrize("damage", ["garbage", "empty", "torn page"])
def test_a_damaged_ledger_is_refused_and_kept(open_ledger: Open, tmp_path: Path, damage: str) -> None:
    """F15: it is never replaced in silence by an empty one, which would write everything delivered again twice."""
    ledger = open_ledger(tmp_path)
    for i in range(2_000):
        ledger.add(WEB, "/a", (i * 2, i * 2 + 1))
    ledger.commit({})
    ledger.close()
    path = tmp_path / FILE_NAME
    content = path.read_bytes()
    path.write_bytes({"garbage": b"\0" * 4096, "empty": b"", "torn page": content[:8192] + b"\xff" * 9000}[damage])
    before = path.read_bytes()
    with pytest.raises(StateError, match=r"it is damaged.*move it away"):
        open_ledger(tmp_path)
    assert path.read_bytes() == before
    path.rename(tmp_path / "aside")
    open_ledger(tmp_path).close()


def test_a_ledger_that_is_refused_is_closed(open_ledger: Open, tmp_path: Path) -> None:
    """One whose marks cannot be read keeps neither its file open nor its directory locked."""
    open_ledger(tmp_path).close()
    rows(tmp_path, "DROP TABLE output")
    with pytest.raises(StateError, match="no such table"):
        open_ledger(tmp_path)
    links = [entry.readlink() for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]
    assert not [link for link in links if link.is_relative_to(tmp_path)]


def test_a_newer_ledger_is_refused(open_ledger: Open, tmp_path: Path) -> None:
    """C10: an older Logbus does not touch the ledger of a newer one."""
    open_ledger(tmp_path).close()
    rows(tmp_path, "PRAGMA user_version = 99")
    with pytest.raises(StateError, match="upgrade"):
        open_ledger(tmp_path)


class HastyLedger(Ledger):
    """Waits for no other connection: a test need not wait five seconds."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._db.execute("PRAGMA busy_timeout=0")


def test_a_ledger_that_cannot_be_saved_keeps_what_it_was_to_note(open_ledger: Open, tmp_path: Path) -> None:
    """C6: a full disk fails the commit; when there is space again, the same commit succeeds."""
    ledger = HastyLedger(tmp_path)
    ledger.add(WEB, "/a", (0, 10))
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerUnsaved):
            ledger.commit({})
    ledger.commit({})
    ledger.close()
    assert open_ledger(tmp_path).missing(WEB, 0, 10) == []


def test_nobody_else_may_read_the_ledger(open_ledger: Open, tmp_path: Path) -> None:
    """S16: directory 0700, file 0600, whatever the umask."""
    open_ledger(tmp_path / "state").close()
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "state" / FILE_NAME).stat().st_mode) == 0o600


def test_a_state_directory_that_cannot_be_made_is_refused(open_ledger: Open, tmp_path: Path) -> None:
    """A file in the way is one clear line."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot use the state directory"):
        open_ledger(tmp_path / "file" / "state")


@pytest.fixture
def put_away_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ledgers look after every commit."""
    monkeypatch.setattr(module, "PUT_AWAY_EVERY_S", 0.0)


@pytest.mark.usefixtures("put_away_at_once")
def test_a_stream_that_was_put_away_is_still_known(tmp_path: Path) -> None:
    """G7: a digest and a range are left of it; what comes again is known, what goes on is written behind it."""
    with closing(Ledger(tmp_path, put_away_s=0)) as ledger:
        ledger.add(WEB, "/a", (0, 10))
        ledger.commit({})
        assert (rows(tmp_path), coverage(tmp_path)) == ([], [])
        assert ledger.knows(WEB)
        assert ledger.missing(WEB, 0, 20) == [(10, 20)]
        assert ledger.missing(WEB._replace(user="eve"), 0, 20) == [(0, 20)]
        ledger.trimmed(WEB, 10)
        ledger.commit({})
    with closing(Ledger(tmp_path)) as ledger:
        ledger.add(WEB, "/a", (10, 20))
        ledger.commit({})
        assert rows(tmp_path) == [(0, 20)]
        assert rows(tmp_path, "SELECT count(*) FROM finished") == [(0,)]


@pytest.mark.parametrize(("put_away_s", "most_bytes"), [(None, 200), (0, 40)])
@pytest.mark.usefixtures("put_away_at_once")
def test_what_a_stream_costs(tmp_path: Path, put_away_s: float | None, most_bytes: int) -> None:
    """G7: nothing in memory, and on disk a row and a range, or a digest and a range: so a million fit anywhere."""
    count = 20_000
    with closing(Ledger(tmp_path, put_away_s)) as ledger:
        for number in range(count):
            source = Source("shipper", f"web-{number % 500}.example.com", f"{number * 7919:016x}")
            ledger.add(source, f"/var/log/shop/server-{number % 20}.log", (0, number * 1000 + 5))
            if number % 5000 == 4999:
                ledger.commit({})
    ((pages,),) = rows(tmp_path, "PRAGMA page_count")
    ((free,),) = rows(tmp_path, "PRAGMA freelist_count")
    assert (pages - free) * 4096 / count < most_bytes


@pytest.mark.usefixtures("put_away_at_once")
def test_a_stream_with_a_hole_is_never_put_away(tmp_path: Path) -> None:
    """G7: the audit shows it for ever, and what is missing may still come."""
    with closing(Ledger(tmp_path, put_away_s=0)) as ledger:
        ledger.add(WEB, "/a", (0, 10))
        ledger.add(WEB, "/a", (20, 30))
        ledger.commit({})
        assert coverage(tmp_path)[0].holes == [(10, 20)]
        assert ledger.missing(WEB, 0, 30) == [(10, 20)]


def test_a_stream_of_late_is_not_put_away(tmp_path: Path) -> None:
    """Only one to which nothing was written for long."""
    with closing(Ledger(tmp_path, put_away_s=3600)) as ledger:
        ledger.add(WEB, "/a", (0, 10))
        ledger.commit({})
        assert rows(tmp_path) == [(0, 10)]


def test_a_ledger_of_the_first_schema_is_brought_up_to_date(open_ledger: Open, tmp_path: Path) -> None:
    """C10: what it holds stays."""
    ledger = open_ledger(tmp_path)
    ledger.add(WEB, "/a", (0, 10))
    ledger.commit({})
    ledger.close()
    rows(tmp_path, "DROP TABLE finished")
    rows(tmp_path, "PRAGMA user_version = 1")
    assert open_ledger(tmp_path).missing(WEB, 0, 20) == [(10, 20)]
    assert rows(tmp_path, "PRAGMA user_version") == [(2,)]


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_a_new_ledger_appears_whole(tmp_path: Path) -> None:
    """C13: it is written beside its place, synced, renamed into it, and then the directory is synced."""
    code = "import pathlib, sys, sinks.ledger.ledger as it; it.Ledger(pathlib.Path(sys.argv[1])).close()"
    state, trace = tmp_path / "state", tmp_path / "trace"
    calls = "trace=pwrite64,fsync,fdatasync,rename"
    command = ["strace", "-f", "-y", "-o", str(trace), "-e", calls, sys.executable, "-c", code, str(state)]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[4])
    lines = trace.read_text().splitlines()
    renamed = next(i for i, line in enumerate(lines) if "rename(" in line)
    writes = [i for i, line in enumerate(lines) if "pwrite64(" in line and "ledger.new>" in line]
    syncs = [i for i, line in enumerate(lines) if "sync(" in line and "ledger.new>" in line]
    folder = [i for i, line in enumerate(lines) if "fsync(" in line and f"{state}>" in line]
    assert max(writes) < max(syncs) < renamed < max(folder)


def test_without_a_directory_it_is_in_memory(open_ledger: Open) -> None:
    """A console trims what RabbitMQ delivers again, too, as long as it runs."""
    ledger = open_ledger(None)
    ledger.add(WEB, "/a", (0, 10))
    ledger.commit({})
    assert ledger.missing(WEB, 0, 20) == [(10, 20)]
