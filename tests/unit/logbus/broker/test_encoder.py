"""Encoding beside the loop: large batches on a thread, the order of each stream kept."""

import os
import signal
import threading

import pytest

from logbus.batch import Batch, decode
from logbus.broker.publishing.encoder import LARGE_BYTES, Encoder
from support.no_threads import no_threads

WITHIN_S = 20.0
LARGE = os.urandom(LARGE_BYTES * 8).replace(b"\n", b" ") + b"\n"


def batch(stream: str, offset: int, body: bytes) -> Batch:
    """Return a batch of one record."""
    return Batch(body, b"6", stream=stream * 16, offset=offset, end=offset + len(body))


@pytest.mark.parametrize("cores", [1, 2])
def test_a_small_batch_waits_for_its_own_stream_alone(monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    """Behind a large batch of its stream it follows that; what is of another stream goes at once."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(cores)))
    done = threading.Event()
    encoder = Encoder(done.set)
    encoder.put(batch("a", 0, LARGE), None)
    encoder.put(batch("a", len(LARGE), b"x\n"), None)
    encoder.put(batch("b", 0, b"y\n"), None)
    taken = encoder.take()
    if cores > 1 and len(taken) == 1:
        assert taken[0].batch.stream == "b" * 16
        assert len(encoder) == 2
    assert cores == 1 or done.wait(WITHIN_S)
    taken += encoder.take()
    assert [each.batch.offset for each in taken if each.batch.stream == "a" * 16] == [0, len(LARGE)]
    assert [decode(each.message) for each in taken] == [each.batch for each in taken]
    assert not len(encoder)


def test_it_is_full_while_more_would_only_wait() -> None:
    """Two batches ahead are enough: the next is not read before one of them is taken."""
    encoder = Encoder(lambda: None)
    for number in range(2):
        assert not encoder.is_full
        encoder.put(batch("a", number * len(LARGE), LARGE), None)
    assert encoder.is_full
    while encoder.is_full:
        encoder.take()


def test_without_a_thread_it_is_encoded_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system allows none: more slowly, and nothing ends."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    encoder = Encoder(lambda: None)
    with no_threads():
        encoder.put(batch("a", 0, LARGE), None)
        assert [decode(each.message).body for each in encoder.take()] == [LARGE]


def test_a_batch_that_breaks_the_contract_is_an_error_of_ours() -> None:
    """It is raised where the message is taken, not lost on a thread."""
    encoder = Encoder(lambda: None)
    with pytest.raises(ValueError, match="position"):
        _put_and_take(encoder, batch("a", -5, LARGE))


def _put_and_take(encoder: Encoder, batch: Batch) -> None:
    encoder.put(batch, None)
    while len(encoder):
        encoder.take()


def test_signals_are_left_to_the_main_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else one that arrives while it waits would wake nobody."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    blocked: list[set[signal.Signals | int]] = []
    monkeypatch.setattr(
        "logbus.broker.publishing.encoder.encode",
        lambda *_, **__: blocked.append(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
    )
    encoder = Encoder(lambda: None)
    _put_and_take(encoder, batch("a", 0, LARGE))
    assert {signal.SIGTERM, signal.SIGINT, signal.SIGHUP} <= blocked[0]
