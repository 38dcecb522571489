"""What a batch of one line costs a sink, in calls and in SQL statements: both are the same on any machine."""

import gc
import sys
from collections.abc import Callable

import pytest

from logbus.batch import Batch
from sinks.delivery.runner import Runner
from support.stages import Stage

LINE = b"INFO served\n"
HOSTS = 20
CALLS_MAX = 245


def lines_of(stage: Stage, hosts: int, turn: int) -> list[Batch]:
    """Return the line of this turn of each host."""
    return [
        stage.batch(LINE, turn * len(LINE), host=f"host-{host}", stream=f"{host:016x}", path=f"/var/log/{host}.log")
        for host in range(hosts)
    ]


def calls_of(work: Callable[[], object]) -> int:
    """Return how many functions were called, Python's own included."""
    calls = 0

    def note(_frame: object, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    gc.collect()
    gc.disable()  # what it would call is of other tests
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return calls


def turn(stage: Stage, runner: Runner, number: int, now: float, hosts: int = HOSTS) -> int:
    """Write and commit a turn; return how many calls a batch took."""
    stage.queue.put(*lines_of(stage, hosts, number))

    def step() -> None:
        runner.step(now)
        runner.step(now + 1)

    calls = calls_of(step)
    assert not stage.queue.unacked
    return calls // hosts


@pytest.fixture
def runner(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """Return a runner with an output a host; what it does once a second by the clock, it does not."""
    monkeypatch.setattr("sinks.file.output_files.SWEEP_S", float("inf"))
    return stage.start("out/{name}", commit_batches=10_000)


def test_a_line_of_a_known_stream_takes_few_calls(stage: Stage, runner: Runner) -> None:
    """A batch of one line that goes on where its stream ended takes few calls."""
    turn(stage, runner, 0, 0.0)
    turn(stage, runner, 1, 10.0)
    assert turn(stage, runner, 2, 20.0) <= CALLS_MAX


def test_idle_outputs_cost_a_commit_nothing(stage: Stage, runner: Runner) -> None:
    """A commit takes as many calls beside 600 idle outputs as beside none; once a second all are checked."""
    turn(stage, runner, 0, 0.0)
    turn(stage, runner, 1, 10.0)
    alone = turn(stage, runner, 2, 10.5)
    turn(stage, runner, 0, 20.0, hosts=600)
    turn(stage, runner, 3, 20.1)
    assert turn(stage, runner, 4, 20.2) <= alone + 5


def test_an_output_is_not_opened_again_for_each_line(
    stage: Stage, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines that go to several hundred outputs in turn open each of them once."""
    opened = []
    open_append = sys.modules["sinks.file.safe_open"].open_append

    def note(*args: object, **named: object) -> int:
        opened.append(args[1])
        return int(open_append(*args, **named))

    monkeypatch.setattr("sinks.file.safe_open.open_append", note)
    for number in range(3):
        turn(stage, runner, number, 10.0 * number, hosts=300)
    assert len(opened) == len(set(opened)) == 300
