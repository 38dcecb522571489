"""When everything is looked at, and what a start makes ready."""

import errno
import os
import re
import time
from pathlib import Path
from typing import Literal, get_args

import pytest

from shipper.agent import Agent
from shipper.files import discovery
from shipper.files.watcher import Watcher
from shipper.lives import lives
from shipper.lives.life import Life
from shipper.lives.open_files import OpenFiles
from shipper.records.levels import FormatName
from shipper.records.rules import Multiline
from shipper.settings import Input, Settings
from shipper.state.registry import Registry
from support.shores import Shore


class Loop:
    """Stands for the loop that descriptors wake."""

    def wake_on(self, fd: int) -> None:
        """Take note of nothing."""

    def ignore(self, fd: int) -> None:
        """Take note of nothing."""


@pytest.mark.parametrize("watch", ["poll", "auto"])
def test_a_scan_that_had_to_wait_does_not_put_off_the_next(
    shore: Shore, monkeypatch: pytest.MonkeyPatch, watch: Literal["auto", "poll"]
) -> None:
    """On a busy machine a scan takes long, and little of the processor: the next one comes as soon as always."""
    for number in range(20):
        shore.write(f"{number}.log", b"line %d\n" % number)
    settings = Settings(inputs=[Input(paths=[str(shore.logs / "*.log")])], host="h", watch=watch)
    shore.agent = agent = Agent(settings, shore.publisher, Registry())
    shore.run()
    look = discovery.regular

    def after_others(path: str) -> os.stat_result | None:
        time.sleep(0.01)
        return look(path)

    monkeypatch.setattr(discovery, "regular", after_others)
    shore.run()
    shore.write("0.log", b"one more\n")
    monkeypatch.undo()
    waited_s = 0.0
    while b"one more\n" not in [batch.body for batch in shore.publisher.batches]:
        wait_s = agent.step(shore.now)
        waited_s += wait_s
        shore.now += wait_s
        assert waited_s < 3.0, "the next scan is far away"


@pytest.mark.parametrize(("watch", "most_s"), [("poll", 0.5), ("auto", 2.5)])
def test_scans_are_repeated_the_less_often_the_more_they_take(
    shore: Shore, watch: Literal["auto", "poll"], most_s: float
) -> None:
    """D9: 10 ms of the processor a scan: where only scans find what is new, they come ten times as often."""
    ticks = iter(range(10_000))
    settings = Settings(inputs=[Input(paths=[str(shore.logs / "*.log")])], host="h", watch=watch)
    waker = None if watch == "poll" else Loop()
    agent = Agent(settings, shore.publisher, Registry(), waker=waker, stopwatch=lambda: next(ticks) / 100)
    shore.agent = agent
    for _ in range(3):
        shore.now += 10.0
        while agent.step(shore.now) == 0:
            pass
    assert most_s / 5 < agent.step(shore.now) <= most_s


@pytest.mark.parametrize(
    ("number", "advice"), [(errno.EMFILE, "max_user_instances"), (errno.ENOSPC, "max_user_watches")]
)
def test_a_limit_of_the_system_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int, advice: str
) -> None:
    """Where inotify's instances or watches are used up, the warning names the setting to raise."""

    def refuse(_path: str) -> None:
        raise OSError(number, "inotify limit reached")

    watcher = Watcher(Loop())
    monkeypatch.setattr(watcher, "_schedule", refuse)
    watcher.watch([str(tmp_path)])
    assert advice in caplog.text
    watcher.close()


@pytest.mark.parametrize("name", [each for each in get_args(FormatName) if each != "pattern"])
def test_no_record_waits_for_a_pattern(shore: Shore, monkeypatch: pytest.MonkeyPatch, name: FormatName) -> None:
    """All patterns are compiled before the shipper says that it is ready, whatever its records will be."""
    joined = Multiline(preset="java") if name == "log4j" else None
    settings = Settings(inputs=[Input(paths=[str(shore.logs / "*.log")], format=name, multiline=joined)], host="h")
    shore.agent = Agent(settings, shore.publisher, Registry(), stopwatch=float)
    late: list[object] = []

    def note(pattern: object, flags: int) -> object:
        late.extend([] if hasattr(pattern, "match") else [pattern])
        return compiled(pattern, flags)

    compiled = vars(re)["_compile"]  # whatever is compiled passes here
    shore.write(
        "a.log", b'2026-11-24 10:00:00,000 INFO a\n{"level":"info"}\n{"log":"ERROR x","stream":"stderr"}\nE1124\n'
    )
    with monkeypatch.context() as patch:
        patch.setattr(re, "_compile", note)
        shore.run(0.0)
        shore.run()
    assert shore.publisher.batches
    assert not late


def test_many_more_files_than_may_be_open(shore: Shore, monkeypatch: pytest.MonkeyPatch) -> None:
    """D7: to open a file beyond the limit takes no look at all open ones: what is done grows as the files do."""
    shore.publisher.window = 10_000
    looks = 0

    class Kept(dict[Life, None]):
        def __contains__(self, _key: object) -> bool:
            nonlocal looks
            looks += 1
            return super().__contains__(_key)

    for number in range(4_000):
        shore.write(f"{number}.log", b"line %d\n" % number)
    monkeypatch.setattr(lives, "OpenFiles", lambda budget, _kept, is_wanted: OpenFiles(budget, Kept(), is_wanted))
    shore.start(budget=400)
    for number in range(4_000):
        shore.write(f"{number}.log", b"more %d\n" % number)
    for _ in range(3):
        shore.run()
    assert len(shore.publisher.batches) == 8_000
    assert looks < 400_000
