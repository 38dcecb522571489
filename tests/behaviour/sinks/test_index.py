"""The index that a file sink keeps: complete when nothing disturbs it, and void where something does."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import pytest

from logbus.batch import Lengths
from logbus.wire import frames
from logbus.wire.times import Times
from sinks import severity
from sinks.delivery.runner import Runner
from sinks.file import Settings, open_sink
from sinks.file.upkeep.rotation import Rotation
from sinks.index import index as index_room
from sinks.index import names
from sinks.index.blocks import Limits
from sinks.index.index_file import open_file
from sinks.index.names import FILE_NAME
from sinks.index.writer import Work, Writer
from sinks.sink import Context, Sink
from support import wait_until
from support.indexes import Told, check, line_of, told
from support.no_descriptors import no_descriptors
from support.no_threads import no_threads
from support.stages import Stage

STREAM = "0123456789abcdef"
SMALL = Limits(block_bytes=1_000, least_bytes=1, block_s=0.0, part_bytes=1)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make rows about few bytes, so that a test needs no megabytes."""
    monkeypatch.setattr("sinks.file.sink.Index", partial(index_room.Index, limits=SMALL))
    monkeypatch.setattr("sinks.index.writer.RIPEN_S", 0.0)
    monkeypatch.setattr("sinks.index.writer.SAVE_S", 0.01)


def making(stage: Stage, **keys: object) -> Callable[[Context], Sink]:
    """Return what opens a file sink with these keys."""
    settings = Settings(path=str(stage.root / "out" / "{host}.log"), **keys)  # type: ignore[arg-type]
    return lambda context: open_sink(settings, context)


class Source:
    """A file whose lines say what is true of them."""

    def __init__(self, stage: Stage, host: str = "web-1", stream: str = STREAM) -> None:
        self.stage, self.host, self.stream, self.offset, self.number = stage, host, stream, 0, 0

    def put(self, digits: bytes) -> bytes:
        """Queue a batch with a line of each digit; return its body."""
        body = b""
        for digit in digits:
            self.number += 1
            body += line_of(digit - 48, self.host, self.stream, self.number)
        batch = self.stage.batch(body, self.offset, levels=digits, host=self.host, stream=self.stream)
        self.stage.queue.put(batch)
        self.offset += len(body)
        return body


def turn(runner: Runner, now: float) -> None:
    """Write what is queued, and commit it."""
    runner.step(now)
    runner.step(now + 1)


def covered(stage: Stage) -> list[Told]:
    """Return the blocks that hold, each of which was checked."""
    blocks = told(stage.root / "state", stage.root / "out")
    for block in blocks:
        check(block)
    return blocks


def wait_covered(stage: Stage, size: int) -> list[Told]:
    """Wait until so many bytes of content are told of; return the blocks."""

    def found() -> list[Told] | None:
        blocks = covered(stage)
        return blocks if sum(len(block.content) for block in blocks) == size else None

    return wait_until(found)


def told_of_four(stage: Stage) -> tuple[Source, Runner, int]:
    """Write four lines, and wait until they are told of; return their source, the sink's runner, and their size."""
    source = Source(stage)
    runner = stage.start(make_sink=making(stage))
    size = len(source.put(b"0000"))
    turn(runner, 0.0)
    wait_covered(stage, size)
    return source, runner, size


@pytest.mark.parametrize("form", ["raw", "prefix", "json"])
@pytest.mark.parametrize("compress", ["none", "zstd"])
def test_every_committed_line_is_told(stage: Stage, form: str, compress: str) -> None:
    """Digits, counts, host, stream, offsets and times, about a second after the commit, in each format."""
    source = Source(stage)
    runner = stage.start(make_sink=making(stage, format=form, compress=compress))
    sizes = [len(source.put(digits)) for digits in (b"6356", b"777", b"0")]
    turn(runner, 0.0)
    path = stage.root / "out" / "web-1.log"
    content = path.read_bytes() if compress == "none" else frames.open_file(path).read()
    blocks = wait_covered(stage, len(content))
    assert b"".join(block.digits for block in blocks) == b"63567770"
    assert (blocks[0].parts or [])[0][:4] == (STREAM, "web-1", "/var/log/app.log", 0)
    assert (blocks[-1].parts or [])[-1][4] == sum(sizes)
    assert {block.read_us for block in blocks} == {(1_795_490_466_123_456,) * 2}
    assert (stage.root / "state" / FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_records_of_several_lines_and_their_times_are_told(stage: Stage) -> None:
    """Each line has its record's digit, and the times are those that the headers tell."""
    body = b"3 web-1 s 1\n3 web-1 s 2\n6 web-1 s 3\n"
    runner = stage.start(make_sink=making(stage))
    stage.queue.put(
        stage.batch(
            body, levels=b"36", lengths=Lengths.of(((24, 24), (12, 12))), times=Times("UTC", 7_000_000, 5_000_000)
        )
    )
    turn(runner, 0.0)
    [block] = wait_until(lambda: told(stage.root / "state", stage.root / "out"))
    assert (block.digits, block.event_us) == (b"336", (5_000_000, 7_000_000))


@pytest.mark.parametrize("rotates", [False, True])
def test_the_last_commits_of_a_burst_are_told(stage: Stage, monkeypatch: pytest.MonkeyPatch, rotates: bool) -> None:
    """They come faster than they are handed over, and nothing comes behind them; also if the output is rotated."""
    monkeypatch.setattr("sinks.index.writer.SAVE_S", 0.3)
    source = Source(stage)
    runner = stage.start(make_sink=making(stage, rotate=Rotation(max_bytes=1) if rotates else None))
    sizes = []
    for number in range(5):
        sizes.append(len(source.put(b"64")))
        turn(runner, number * 10.0)
    wait_covered(stage, sum(sizes))


def test_what_is_not_committed_is_not_told(stage: Stage) -> None:
    """Bytes that may still be cut off are in no row, before a crash and after it."""
    source = Source(stage)
    runner = stage.start(make_sink=making(stage))
    size = len(source.put(b"66"))
    turn(runner, 0.0)
    source.put(b"33")
    runner.step(10.0)
    wait_covered(stage, size)
    assert (stage.root / "out" / "web-1.log").stat().st_size > size
    stage.start(make_sink=making(stage))
    assert [block.end for block in covered(stage)] == [size]


def test_without_threads_the_outputs_are_written_and_rotated(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """Where the system allows none: no index, nothing tidied up, both said; the lines are there."""
    source = Source(stage)
    rotation = Rotation(max_bytes=1, compress="gzip")
    with no_threads():
        runner = stage.start(make_sink=making(stage, rotate=rotation))
        bodies = [source.put(b"64")]
        turn(runner, 0)
        bodies.append(source.put(b"3"))
        turn(runner, 10)
    for what in ("keep an index", "settle outputs", "clean up after rotating"):
        assert f"cannot {what}" in caplog.text
    outputs = sorted((stage.root / "out").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    assert b"".join(path.read_bytes() for path in outputs) == b"".join(bodies)


def test_the_index_goes_on_after_a_restart(stage: Stage) -> None:
    """What was told before still holds, and what follows is told as well."""
    source = Source(stage)
    size = 0
    for _ in range(3):
        runner = stage.start(make_sink=making(stage))
        size += len(source.put(b"6543"))
        turn(runner, 0.0)
        wait_covered(stage, size)


def test_truncation_by_others_voids_what_was_told(stage: Stage) -> None:
    """copytruncate: once the output has grown again, what is told is true of the new bytes, all of them."""
    source, runner, size = told_of_four(stage)
    os.truncate(stage.root / "out" / "web-1.log", 0)
    grown = len(source.put(b"777777"))
    runner.step(10.0)
    assert grown > size
    assert covered(stage) == []
    runner.step(11.0)
    grown += len(source.put(b"55"))
    turn(runner, 20.0)
    assert b"".join(block.digits for block in wait_covered(stage, grown)) == b"77777755"


def test_truncation_amid_a_commit_voids_what_was_told(stage: Stage) -> None:
    """Where in the output the writes of that commit went is not known: nothing is told of them."""
    source, runner, _ = told_of_four(stage)
    source.put(b"5")
    runner.step(10.0)
    os.truncate(stage.root / "out" / "web-1.log", 0)
    lost = len(source.put(b"777777"))
    turn(runner, 10.1)
    assert covered(stage) == []
    size = len(source.put(b"55"))
    turn(runner, 20.0)
    assert [block.begin for block in wait_covered(stage, size)] == [lost]


def test_truncation_before_a_crash_voids_what_was_told(stage: Stage) -> None:
    """Also where the output has grown beyond what the ledger knows, and nothing of that was committed."""
    source, runner, size = told_of_four(stage)
    os.truncate(stage.root / "out" / "web-1.log", 0)
    source.put(b"777777")
    runner.step(10.0)
    stage.stop()
    assert (stage.root / "out" / "web-1.log").stat().st_size > size
    stage.start(make_sink=making(stage)).step(20.0)
    assert covered(stage) == []


def test_truncation_while_the_sink_is_down_voids_what_was_told(stage: Stage) -> None:
    """At the start an output's length is not the one that the ledger knows."""
    source, _, _ = told_of_four(stage)
    stage.stop()
    os.truncate(stage.root / "out" / "web-1.log", 0)
    runner = stage.start(make_sink=making(stage))
    size = len(source.put(b"77777777"))
    turn(runner, 0.0)
    assert [block.digits for block in wait_covered(stage, size)] == [b"7" * 8]


def test_a_ledger_from_a_backup_takes_rows_with_it(stage: Stage) -> None:
    """Where the output is cut back further than the index knew, what it told of those bytes is deleted."""
    source = Source(stage)
    ledger = stage.root / "state" / "ledger.sqlite"
    runner = stage.start(make_sink=making(stage))
    size = len(source.put(b"0000"))
    turn(runner, 0.0)
    wait_covered(stage, size)
    stage.stop()
    backup = ledger.read_bytes()
    runner = stage.start(make_sink=making(stage))
    size += len(source.put(b"11"))
    turn(runner, 0.0)
    wait_covered(stage, size)
    stage.stop()
    ledger.write_bytes(backup)
    runner = stage.start(make_sink=making(stage))
    runner.step(0.0)
    assert [block.digits for block in covered(stage)] == [b"0000"]


@pytest.mark.parametrize("compress", ["none", "gzip"])
def test_the_index_follows_rotated_outputs(stage: Stage, compress: str) -> None:
    """Renamed, compressed: the rows still tell of the content; deleted: so are they."""
    rotation = Rotation(max_bytes=1, keep_files=2, compress=compress)  # type: ignore[arg-type]
    source = Source(stage)
    runner = stage.start(make_sink=making(stage, rotate=rotation))
    for number in range(4):
        size = len(source.put(b"%d" % number * 3))
        turn(runner, number * 10.0)
    wait_covered(stage, size * 3)
    stage.stop()
    assert sorted(block.digits for block in covered(stage)) == [b"111", b"222", b"333"]
    assert {block.path.suffix == ".gz" for block in covered(stage)} == {False, compress == "gzip"}
    with closing(sqlite3.connect(stage.root / "state" / FILE_NAME)) as db:
        paths = [Path(os.fsdecode(path)) for (path,) in db.execute("SELECT path FROM output")]
    assert {stage.root / "out" / path for path in paths} == {block.path for block in covered(stage)}


def test_outputs_that_others_deleted_are_forgotten(stage: Stage) -> None:
    """At the start, what is told of a file that is gone is deleted; one that was renamed stays."""
    sources = [Source(stage, f"web-{n}", f"{n:016x}") for n in (1, 2)]
    runner = stage.start(make_sink=making(stage))
    size = sum(len(source.put(b"6")) for source in sources)
    turn(runner, 0.0)
    wait_covered(stage, size)
    stage.stop()
    (stage.root / "out" / "web-1.log").unlink()
    (stage.root / "out" / "web-2.log").rename(stage.root / "out" / "web-2.log.1")
    stage.start(make_sink=making(stage)).step(0.0)

    def outputs() -> list[tuple[int]]:
        with closing(sqlite3.connect(stage.root / "state" / FILE_NAME)) as db:
            return db.execute("SELECT count(*) FROM output").fetchall()

    wait_until(lambda: outputs() == [(1,)])
    assert [block.path.name for block in covered(stage)] == ["web-2.log.1"]


def test_no_output_is_forgotten_because_its_folder_cannot_be_listed(stage: Stage) -> None:
    """It is gone if it is not in its folder, not if nobody can look."""
    source, _, size = told_of_four(stage)
    stage.stop()
    works: SimpleQueue[Work] = SimpleQueue()
    works.put(Writer.stop)
    state = stage.root / "state"
    keeper = Writer(state, stage.root / "out", open_file(state, SMALL), SMALL, list)
    with no_descriptors():
        keeper.run(works)
    assert source.number == len(wait_covered(stage, size)[0].digits)


def test_an_index_is_opened_once_it_can_be(stage: Stage) -> None:
    """A good one is not taken for a bad one because it cannot be opened now."""
    source, _, size = told_of_four(stage)
    stage.stop()
    runner = stage.start(make_sink=making(stage))
    with no_descriptors():
        runner.step(0.0)
    size += len(source.put(b"3333"))
    turn(runner, 60.0)
    wait_covered(stage, size)


def test_an_index_is_begun_once_it_can_be(stage: Stage) -> None:
    """What is written before is searched without it; one from before, whose rows may be wrong by then, is gone."""
    source = Source(stage)
    (stage.root / "state").mkdir()
    (stage.root / "state" / FILE_NAME).write_bytes(b"from before")
    runner = stage.start(make_sink=making(stage))
    with no_descriptors():
        runner.step(0.0)
    assert not (stage.root / "state" / FILE_NAME).exists()
    size = len(source.put(b"3333"))
    turn(runner, 60.0)
    wait_covered(stage, size)


@pytest.mark.parametrize("flaw", [b"no database" * 1000, b""])
def test_an_index_that_is_not_sound_is_begun_anew(stage: Stage, flaw: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """It is only a cache: one warning, and the sink goes on."""
    source = Source(stage)
    (stage.root / "state").mkdir()
    (stage.root / "state" / FILE_NAME).write_bytes(flaw)
    runner = stage.start(make_sink=making(stage))
    size = len(source.put(b"6"))
    turn(runner, 0.0)
    wait_covered(stage, size)
    assert [r.getMessage() for r in caplog.records if "is not usable" in r.getMessage()]


def test_a_directory_in_the_place_of_the_index_stops_nothing(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """Without an index the sink works as well."""
    source = Source(stage)
    (stage.root / "state" / FILE_NAME).mkdir(parents=True)
    runner = stage.start(make_sink=making(stage))
    body = source.put(b"6")
    turn(runner, 0.0)
    assert stage.read("out/web-1.log") == body
    assert [r.getMessage() for r in caplog.records if "going on without one" in r.getMessage()]


def test_a_sink_without_an_index_leaves_none(stage: Stage) -> None:
    """One that does not follow the outputs would be wrong one day."""
    source = Source(stage)
    runner = stage.start(make_sink=making(stage))
    size = len(source.put(b"6"))
    turn(runner, 0.0)
    wait_covered(stage, size)
    runner = stage.start(make_sink=making(stage, index=False))
    source.put(b"6")
    turn(runner, 0.0)
    assert not list((stage.root / "state").glob(f"{FILE_NAME}*"))


def test_an_unsynced_sink_forgets_its_index_with_the_boot(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """With sync: never, nobody knows what a power failure left of the bytes that a row tells of."""
    boot = stage.root / "boot_id"
    monkeypatch.setattr(names, "_BOOT", boot)
    source = Source(stage)
    found = []
    for boot_id in ("a", "a", "b"):
        boot.write_text(boot_id)
        runner = stage.start(make_sink=making(stage, sync="never"))
        runner.step(0.0)
        found.append(len(covered(stage)))
        source.put(b"6")
        turn(runner, 10.0)
        wait_until(lambda: len(covered(stage)) > found[-1])
    assert found == [0, 1, 0]


def test_a_severity_sink_keeps_an_index_of_what_it_writes(stage: Stage) -> None:
    """Its outputs hold the wanted records only, and so do the rows."""
    settings = severity.Settings(min="err", write={"type": "file", "path": str(stage.root / "out" / "errors.log")})
    source = Source(stage)
    runner = stage.start(make_sink=partial(severity.open_sink, settings), hold_batches=None)
    source.put(b"6362")
    turn(runner, 0.0)
    [block] = wait_until(lambda: covered(stage))
    assert block.digits == b"32"


def test_a_copy_with_the_attributes_is_another_file(stage: Stage) -> None:
    """`cp -a` copies the token; the inode is another, so nothing is told of the copy."""
    source = Source(stage)
    runner = stage.start(make_sink=making(stage))
    size = len(source.put(b"6"))
    turn(runner, 0.0)
    [block] = wait_covered(stage, size)
    copy = block.path.with_name("copy.log")
    copy.write_bytes(block.content)
    os.setxattr(copy, "user.logbus.index", os.getxattr(block.path, "user.logbus.index"))
    assert covered(stage) == [block]
