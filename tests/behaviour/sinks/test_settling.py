"""A file sink has its finished outputs settled, in another process, which may be killed at any time."""

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from functools import partial
from itertools import count, pairwise
from pathlib import Path

import msgspec
import pytest

from logbus.wire import frames
from sinks.file import Settings, open_sink
from sinks.file.upkeep.rotation import Rotation
from sinks.file.upkeep.settler import COMMAND, Settler
from sinks.index.blocks import Limits
from sinks.index.index import Index
from sinks.index.names import FILE_NAME
from sinks.settling.archive import archive_of, opened_store
from sinks.settling.listing import outputs_in
from sinks.settling.work import work
from sinks.sink import Context, Sink
from support import wait_until
from support.stages import Stage

LINE = b"2026-11-24T10:00:00Z INFO request\n"


def settled(state: Path) -> list[bool]:
    """Return whether each row is settled."""
    if not (state / FILE_NAME).exists():
        return []
    with closing(sqlite3.connect(state / FILE_NAME)) as db:
        return [bool(each) for (each,) in db.execute("SELECT settled FROM block ORDER BY output, begin")]


def test_a_rotated_output_is_settled(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Soon after the rotation, by a process of its own; the output that is written is not."""
    monkeypatch.setattr("sinks.file.upkeep.settler.FIRST_S", 0.0)
    monkeypatch.setattr("sinks.file.upkeep.settler.LEAST_S", 0.0)
    monkeypatch.setattr("sinks.file.upkeep.settler.EVERY_S", 0.2)
    settings = Settings(path=str(stage.root / "out" / "{host}.log"), rotate=Rotation(max_bytes=1))
    sinks: list[Sink] = []

    def make(context: Context) -> Sink:
        sinks.append(open_sink(settings, context))
        return sinks[-1]

    runner = stage.start(make_sink=make)
    for number in range(2):
        stage.queue.put(stage.batch(LINE * 3_000, number * 3_000 * len(LINE)))
        runner.step(number * 2.0)
        runner.step(number * 2.0 + 1)
    wait_until(lambda: True in settled(stage.root / "state"))
    sinks[0].close()
    [output] = [path for path in (stage.root / "out").iterdir() if path.name != "web-1.log"]
    assert output.read_bytes() == LINE * 3_000


def test_an_output_by_day_is_settled_an_hour_after_the_day(tmp_path: Path) -> None:
    """Neither before that, nor while late lines come."""
    (tmp_path / "out").mkdir()
    (tmp_path / "state").mkdir()
    path = tmp_path / "out" / "2026-11-24.log"
    path.write_bytes(LINE)
    settings = Settings(path=str(tmp_path / "out" / "{date}.log"))
    archive = archive_of(settings, tmp_path / "state")
    over_s = 1_795_564_800
    os.utime(path, (over_s - 10, over_s - 10))
    for now_s, expected in ((over_s + 3_599, []), (over_s + 3_600, [True])):
        sqlite3.connect(tmp_path / "state" / FILE_NAME).close()
        work(archive, now_s, lambda _level, text: pytest.fail(text))
        assert settled_or_none(tmp_path / "state") == expected


def settled_or_none(state: Path) -> list[bool]:
    """Return whether each row is settled; none in an index that was not begun."""
    try:
        return settled(state)
    except sqlite3.OperationalError:
        return []


def test_a_damaged_output_is_told_once_and_the_others_are_settled(tmp_path: Path) -> None:
    """What cannot be read has no rows."""
    (tmp_path / "out").mkdir()
    (tmp_path / "state").mkdir()
    for name, data in (("a", b"\x28\xb5\x2f\xfd\x24\xffdamaged and so on, for a while"), ("b", LINE)):
        (tmp_path / "out" / f"{name}.log-20261124T000000Z").write_bytes(data)
    archive = archive_of(Settings(path=str(tmp_path / "out" / "{host}.log"), rotate=Rotation(1)), tmp_path / "state")
    sqlite3.connect(tmp_path / "state" / FILE_NAME).close()
    said: list[tuple[str, str]] = []
    work(archive, time.time(), lambda level, text: said.append((level, text)))
    assert settled(tmp_path / "state") == [True]
    assert [level for level, _ in said] == ["warning"]


@pytest.mark.parametrize("compress", ["none", "zstd"])
def test_a_killed_process_leaves_rows_that_are_right_or_missing(tmp_path: Path, compress: str) -> None:
    """Killed at any moment, also while files are replaced; the next one does what is left."""
    data = LINE * 20_000 if compress == "none" else frames.compress(LINE * 10, 1) * 2_000
    (tmp_path / "out").mkdir()
    (tmp_path / "state").mkdir()
    for number in range(20):
        (tmp_path / "out" / f"a.log-20261124T0000{number:02}Z").write_bytes(data)
    path = str(tmp_path / "out" / "{host}.log")
    settings = Settings(path=path, rotate=Rotation(1), compress="zstd" if compress == "zstd" else "none")
    sqlite3.connect(tmp_path / "state" / FILE_NAME).close()
    for delay_s in (0.3, 0.6, 0.9, 30.0):
        process = subprocess.Popen((*COMMAND, str(tmp_path / "state")), stdin=subprocess.PIPE)
        assert process.stdin
        process.stdin.write(msgspec.json.encode(settings))
        process.stdin.close()
        try:
            assert process.wait(delay_s) == 0
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert all(settled_or_none(tmp_path / "state"))
    assert settled(tmp_path / "state") == [True] * 20
    for each in (tmp_path / "out").iterdir():
        content = each.read_bytes() if compress == "none" else frames.open_file(each).read()
        assert content == LINE * 20_000
        assert compress == "none" or each.stat().st_size < len(data) / 2
    assert len(list((tmp_path / "out").iterdir())) == 20


def test_a_process_that_fails_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else happens."""
    monkeypatch.setattr("sinks.file.upkeep.settler.COMMAND", (sys.executable, "-c", "raise SystemExit(3)"))
    for name, value in (("FIRST_S", 0.0), ("LEAST_S", 0.0), ("EVERY_S", 0.01)):
        monkeypatch.setattr(f"sinks.file.upkeep.settler.{name}", value)
    said: list[str] = []
    monkeypatch.setattr("sinks.file.upkeep.settler.logger.warning", lambda _format, text: said.append(text))
    settler = Settler(Settings(path=str(tmp_path / "{host}.log")), tmp_path)
    settler.start()
    wait_until(lambda: bool(said))
    settler.close()
    assert said == ["the process that settles outputs ended with 3; they are searched without exact rows"]


def test_a_late_line_comes_once_into_an_output_that_was_replaced(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiny frames become large ones once the sink has let go of them; it writes on, also after a crash."""
    monkeypatch.setattr("sinks.file.output_files.SWEEP_S", 0.0)
    monkeypatch.setattr("sinks.file.output_files.LET_GO_S", 0.0)
    settings = Settings(path=str(stage.root / "out" / "{date}" / "{host}.zst"), compress="zstd")
    runner = stage.start(make_sink=lambda context: open_sink(settings, context))
    offsets, times = {"web-1": 0, "other": 0}, count(0.0, 10.0)

    def put(line: bytes, host: str = "web-1") -> None:
        stage.queue.put(stage.batch(line, offsets[host], host=host, stream=f"{len(host):016x}"))
        offsets[host] += len(line)
        now = next(times)
        runner.step(now)
        runner.step(now + 1)

    lines = [LINE.replace(b"request", b"request %d" % number) for number in range(20)]
    for line in lines:
        put(line)
    [path] = (stage.root / "out").glob("*/web-1.zst")
    os.utime(path, (1_795_600_000, 1_795_600_000))
    archive = archive_of(settings, stage.root / "state")
    said: list[str] = []
    before = path.stat()
    work(archive, 1_800_000_000.0, lambda _level, text: said.append(text))
    assert path.stat().st_ino == before.st_ino
    put(LINE, host="other")
    wait_until((stage.root / "state" / FILE_NAME).exists)
    work(archive, 1_800_000_000.0, lambda _level, text: said.append(text))
    assert said == []
    assert path.stat().st_ino != before.st_ino
    assert path.stat().st_size < before.st_size / 2
    put(b"late\n")
    runner = stage.start(make_sink=lambda context: open_sink(settings, context))
    put(b"later\n")
    with frames.open_file(path) as file:
        assert file.read() == b"".join([*lines, b"late\n", b"later\n"])


def test_an_output_is_settled_anew_while_the_sink_writes_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as its rows go; the sink's thread saves its own behind them, and no two rows tell of one byte."""
    monkeypatch.setattr("sinks.file.sink.Index", partial(Index, limits=Limits(block_s=0.0)))
    monkeypatch.setattr("sinks.index.writer.RIPEN_S", 0.0)
    monkeypatch.setattr("sinks.index.writer.SAVE_S", 0.01)
    settings = Settings(path=str(stage.root / "out" / "{host}.log"))
    runner = stage.start(make_sink=lambda context: open_sink(settings, context))
    archive = archive_of(settings, stage.root / "state")

    def put(number: int, rows: int) -> None:
        stage.queue.put(stage.batch(LINE * 20_000, number * 20_000 * len(LINE)))
        runner.step(number * 10.0)
        runner.step(number * 10.0 + 1)
        wait_until(lambda: len(settled(stage.root / "state")) == rows)

    for number in range(3):
        put(number, number + 1)
    [source] = outputs_in(archive)[0]
    with opened_store(archive) as store:
        opened = archive.open(source)
        assert opened
        assert archive.settle(store, opened, lambda _size: None) > 0
        os.close(opened.fd)
    assert settled(stage.root / "state") == [True, True]
    put(3, 3)
    with closing(sqlite3.connect(stage.root / "state" / FILE_NAME)) as db:
        places = db.execute("SELECT begin, end, settled FROM block ORDER BY begin").fetchall()
    assert [each for _, _, each in places] == [1, 1, 0]
    assert all(after[0] >= before[1] for before, after in pairwise(places))
