"""What is sent to the dead letters is bounded, and no path makes more directories than are bearable."""

import pytest

from logbus.batch import DECODE_MAX_BYTES, MAX_BODY_BYTES, Message
from logbus.wire.bounds import EXCERPT_BYTES
from sinks.delivery.quarantine import WHOLE_BYTES_HEADER, letter_of
from sinks.file.sink import DEPTH_MAX
from support.stages import Stage


def test_a_large_message_is_set_aside_as_an_excerpt(stage: Stage) -> None:
    """Of a message that is too large, the dead letters get the beginning, and how long it was."""
    stage.queue.put(Message(b"a" * (DECODE_MAX_BYTES + 1), headers={str(number): 1 for number in range(5_000)}))
    stage.start().step(0.0)
    [(letter, _)] = stage.queue.quarantined
    assert len(letter.body) == EXCERPT_BYTES
    assert letter.headers == {WHOLE_BYTES_HEADER: DECODE_MAX_BYTES + 1}


def test_what_a_shipper_makes_is_set_aside_whole() -> None:
    """A batch that can be requeued is kept as it is."""
    message = Message(b"a" * MAX_BODY_BYTES, headers={"host": "h"})
    assert letter_of(message) == message


@pytest.mark.parametrize("unit", ["/x", "/" + "y" * 250])
def test_a_path_that_is_too_deep_is_refused(stage: Stage, unit: str) -> None:
    """A path of thousands of directories makes none, and its batch is set aside; others go on."""
    deep = (unit * 4_000)[:8_000]
    stage.queue.put(stage.batch(b"deep\n", path=deep), stage.batch(b"good\n", stream="f" * 16))
    stage.start("out/{path}").step(0.0)
    [(_, reason)] = stage.queue.quarantined
    assert "its path has" in reason
    assert stage.read("out/var/log/app.log") == b"good\n"
    assert sum(1 for _ in (stage.root / "out").rglob("*")) == 3


def test_a_deep_path_that_is_real_is_written(stage: Stage) -> None:
    """A path as deep as is accepted is written."""
    stage.queue.put(stage.batch(b"x\n", path="/d" * DEPTH_MAX + "/app.log"))
    stage.start("out/{path}").step(0.0)
    assert stage.read(f"out/{'d/' * DEPTH_MAX}app.log") == b"x\n"
