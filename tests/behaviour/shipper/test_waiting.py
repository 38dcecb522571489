"""What a step returns: how long nothing is due."""

from shipper.records.rules import Multiline
from support.shores import Shore


def test_a_step_that_left_something_to_read_is_due_at_once(shore: Shore) -> None:
    """A record that has been held for long enough when it is first read is due now, not after the next scan."""
    shore.publisher.window = 0
    shore.start(multiline=Multiline(preset="python"), scan_interval_s=25.0)
    shore.write("app.log", b"one 1\ntwo 2\n")
    shore.run(30.0)
    shore.now += 5.0
    shore.publisher.window = 10
    before = len(shore.publisher.batches)
    waited_s = shore.agent.step(shore.now)
    assert len(shore.publisher.batches) == before + 1
    assert waited_s == 0
    shore.run(0.0)
    assert shore.lives() == [b"one 1\ntwo 2\n"]
