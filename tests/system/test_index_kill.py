"""The index of a sink that is killed: what it tells of the output is true, and goes on after the restart."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pika
import pytest

from logbus.batch import Batch, encode
from logbus.broker import topology
from logbus.broker.messages import properties_of
from support.indexes import check, line_of, told
from support.programs import Start, Until

pytestmark = [pytest.mark.broker, pytest.mark.system]

STREAM = "0123456789abcdef"
LINES = 2_000
BATCHES = 24
BLOCK_BYTES = 1 << 20


def body(number: int) -> bytes:
    """Return the lines of a batch, of a length that does not depend on the number."""
    return b"".join(line_of((number + line) % 8, "h", STREAM, number * LINES + line) for line in range(LINES))


@pytest.fixture
def publish(broker_url: str) -> Iterator[Callable[[int], None]]:
    """Return a function that publishes the batch of a number, confirmed."""
    connection = pika.BlockingConnection(pika.URLParameters(broker_url))
    channel = connection.channel()
    channel.confirm_delivery()

    def send(number: int) -> None:
        content, levels = body(number), b"".join(b"%d" % ((number + line) % 8) for line in range(LINES))
        begin = number * len(content)
        batch = Batch(content, levels, "h", "app", "/app.log", STREAM, begin, begin + len(content))
        message = encode(batch)
        channel.basic_publish(topology.LOGS, message.routing_key, message.body, properties_of(message), mandatory=True)

    yield send
    connection.close()


def test_a_killed_sink_leaves_no_wrong_row(
    start: Start, tmp_path: Path, broker_url: str, publish: Callable[[int], None], eventually: Until
) -> None:
    """F2: killed amid writes three times; each row that holds is true, and what follows is told as well.

    A search finds every line that is in the output, while the sink writes and after each kill.
    """
    config = tmp_path / "sinks.yml"
    config.write_text(
        f"broker: {{url: '{broker_url}'}}\nstate: {tmp_path}/states\n"
        f"sinks: {{archive: {{type: file, path: '{tmp_path}/out/{{label}}.log'}}}}\n"
    )
    output, size = tmp_path / "out" / "app.log", len(body(0))
    for turn in range(3):
        sink = start("sinks", "--config", config, "archive", "-v")
        eventually(lambda: sink.says("connected"))  # noqa: B023 - asked at once
        for number in range(turn * BATCHES, (turn + 1) * BATCHES):
            publish(number)
        written = size * BATCHES * (turn + 0.8)
        eventually(lambda: output.exists() and output.stat().st_size > written)  # noqa: B023 - asked at once
        before = lines_in(output)
        assert before <= found(start, config) <= BATCHES * (turn + 1) * LINES
        sink.kill()
        covered(tmp_path)
        assert found(start, config) == lines_in(output)
    last = start("sinks", "--config", config, "archive")
    for number in range(3 * BATCHES, 4 * BATCHES):
        publish(number)
    eventually(lambda: output.stat().st_size == size * BATCHES * 4)
    eventually(lambda: covered(tmp_path) >= BLOCK_BYTES)
    last.terminate()
    assert output.read_bytes() == b"".join(body(number) for number in range(BATCHES * 4))
    assert found(start, config) == BATCHES * 4 * LINES


def lines_in(output: Path) -> int:
    """Return how many lines an output has."""
    return output.read_bytes().count(b"\n")


def found(start: Start, config: Path) -> int:
    """Return how many records a search finds, by the index."""
    search = start("sinks", "search", "--config", config, "--count")
    assert search.ends() == 0, search.said()
    return int(search.printed())


def covered(folder: Path) -> int:
    """Check each row; return how many bytes they tell of."""
    blocks = told(folder / "states" / "archive", folder / "out")
    for block in blocks:
        check(block)
    return sum(len(block.content) for block in blocks)
