"""What a batch of one line costs a file sink, in processor time: 100,000 of them are in its queue when it begins.

    python -m benchmarks.small_batches [BATCHES]

They come from 100 hosts, then from 5,000, each with an output of its own, in turn. A second sink is not needed, nor a
shipper: the messages are a shipper's, published without waiting.
"""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pika

from benchmarks.processes import Stage, await_that, cpu_s
from logbus.batch import Batch, Message, encode
from logbus.broker.messages import properties_of
from logbus.broker.topology import LOGS
from logbus.devbroker import DevBroker

BATCHES = 100_000
OUTPUTS = (100, 5_000)
PATH = "{folder}/out-%s/{host}/{name}"
"""Where a sink writes; for its name."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a sink used of a processor, and of time, for a batch."""

    cpu_us: float
    wall_us: float


def messages(batches: int, hosts: int) -> Iterator[Message]:
    """Yield one-line batches of these hosts in turn, each going on where the host's last one ended."""
    for number in range(batches):
        turn, host = divmod(number, hosts)
        body = b"2026-11-24 10:00:00,000 INFO request %010d served by worker %06d\n" % (turn, host)
        yield encode(
            Batch(
                body,
                b"6",
                host=f"host-{host}",
                label="app",
                path="/var/log/app.log",
                stream=f"{host:016x}",
                offset=turn * len(body),
                end=(turn + 1) * len(body),
                read_at_us=time.time_ns() // 1000,
            ),
            user_id="guest",
        )


def measure(stage: Stage, batches: int, hosts: int, keys: dict[str, str]) -> dict[str, Cost]:
    """Fill the queues of file sinks that are stopped, then let them go on, all at once, until each has written all.

    `keys`: what is in each sink's configuration, by its name. Whatever else the machine does, it does to all of them.
    """
    folder = stage.folder()
    sinks = {name: f'{{type: file, path: "{PATH % name}"{more}}}' for name, more in keys.items()}
    with stage.sinks(folder, sinks) as pids:
        try:
            _signal(pids, signal.SIGSTOP)
            size_bytes = _publish(stage.broker.url, batches, hosts)
        finally:
            _signal(pids, signal.SIGCONT)
        before_s, began = {name: cpu_s(pid) for name, pid in pids.items()}, time.perf_counter()
        costs: dict[str, Cost] = {}

        def are_complete() -> bool:
            for name in pids.keys() - costs.keys():
                if _size_bytes(folder / f"out-{name}") >= size_bytes:
                    used_s, took_s = cpu_s(pids[name]) - before_s[name], time.perf_counter() - began
                    costs[name] = Cost(used_s / batches * 1e6, took_s / batches * 1e6)
            return len(costs) == len(pids)

        await_that(are_complete, pause_s=0.1)
        return costs


def _signal(pids: dict[str, int], number: signal.Signals) -> None:
    for pid in pids.values():
        os.kill(pid, number)


def _publish(url: str, batches: int, hosts: int) -> int:
    """Publish everything; return how many bytes the outputs are to hold.

    The last message is confirmed, and with it all before it: a quorum queue may not have taken yet what a channel that
    closes has sent.
    """
    size_bytes = 0
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        for number, message in enumerate(messages(batches, hosts), start=1):
            if number == batches:
                channel.confirm_delivery()
            channel.basic_publish(LOGS, message.routing_key, message.body, properties_of(message))
            size_bytes += len(message.body)
    return size_bytes


def _size_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*/*"))


def main() -> int:
    """Measure, and print what a batch costs."""
    batches = int(sys.argv[1]) if len(sys.argv) > 1 else BATCHES
    with tempfile.TemporaryDirectory(prefix="logbus-small-") as root, DevBroker(Path(root) / "broker") as broker:
        stage = Stage(Path(root), broker)
        for hosts in OUTPUTS:
            cost = measure(stage, batches, hosts, {"archive": ""})["archive"]
            rate = 1e6 / cost.wall_us
            print(f"{hosts:,} outputs: {cost.cpu_us:.0f} us of processor time, {rate:,.0f} batches/s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
