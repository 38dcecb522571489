"""A publisher and a consumer on a cluster, stepped together, while nodes are killed, to measure stalls.

Both are those of the daemons, in this process; the nodes are real. The publisher can be moved to a node, which is how
the leader of the queue is killed with the publisher on its node.
"""

import time
from collections.abc import Callable

from logbus.batch import Batch
from logbus.broker import topology
from logbus.broker.connection import Connection
from logbus.broker.consumer import Consumer
from logbus.broker.publisher import Publisher
from logbus.config.settings import Broker
from logbus.devbroker import DevBroker, DevCluster

QUEUE = "stalls"
LINE_BYTES = 7
WATCHED_S = 14.0
"""How long a kill is watched: longer than the stall that it must not make."""
PATIENCE_S = 60.0


class Traffic:
    """Batches of one line, published to one node or another as fast as one process steps; all nodes consume."""

    def __init__(self, cluster: DevCluster) -> None:
        self.cluster = cluster
        urls = cluster.urls
        self._consuming = Connection(Broker(url=urls), role="consumer")
        self._consumer = Consumer(self._consuming, topology.sink_queue(QUEUE))
        self._published = 0
        self.confirmed: set[int] = set()
        self.received: set[int] = set()
        self._start_publisher(urls)

    def publish_at(self, node: DevBroker) -> None:
        """Go on with a publisher whose first URL is that of `node`, once everything is confirmed."""
        self.until(lambda: len(self.confirmed) == self._published, publishing=False)
        self._publishing.close()
        self._start_publisher([node.url, *[url for url in self.cluster.urls if url != node.url]])
        before = len(self.confirmed)
        self.until(lambda: len(self.confirmed) > before)

    def leader(self) -> DevBroker:
        """Return the node that leads the queue."""
        asked = next(node for node in self.cluster.nodes if node.running())
        rows = [row.split("\t") for row in asked.ctl("list_queues", "name", "leader").splitlines()]
        (leader,) = [row[1] for row in rows if row[0] == f"{topology.LOGS}.{QUEUE}"]
        number = leader.partition("@")[0].removeprefix("logbus")
        return next(node for node in self.cluster.nodes if node.dir.name == f"node{number}")

    def longest_stall_s(self, *killed: DevBroker) -> float:
        """Kill nodes, go on publishing for a while, and return the longest time without a confirm."""
        for node in killed:
            node.kill()
        begun = last = time.monotonic()
        longest_s = 0.0
        while (now := time.monotonic()) < begun + WATCHED_S:
            before = len(self.confirmed)
            self.step()
            if len(self.confirmed) > before:
                longest_s, last = max(longest_s, now - last), now
        return max(longest_s, time.monotonic() - last)

    def until(self, condition: Callable[[], object], *, publishing: bool = True) -> None:
        """Step until `condition` holds; fail after a minute."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"not so after {PATIENCE_S} s: {condition}"
            self.step(publishing=publishing)

    def step(self, *, publishing: bool = True) -> None:
        """Publish a batch if there is room, and take what is confirmed and received."""
        if publishing and self._publisher.has_room():
            self._publisher.publish(self._next_batch())
        self._publishing.poll(0.01)
        self._consuming.poll(0.0)
        self.confirmed.update(span.offset // LINE_BYTES for span in self._publisher.take_confirmed())
        taken = self._consumer.take()
        self.received.update(int(each.message.body) for each in taken)
        self._consumer.ack(taken)

    def close(self) -> None:
        """Close both connections."""
        self._publishing.close()
        self._consuming.close()

    def _next_batch(self) -> Batch:
        number = self._published
        self._published += 1
        offset = LINE_BYTES * number
        return Batch(b"%06d\n" % number, b"6", stream="0123456789abcdef", offset=offset, end=offset + LINE_BYTES)

    def _start_publisher(self, urls: list[str]) -> None:
        self._publishing = Connection(Broker(url=urls), role="publisher")
        self._publisher = Publisher(self._publishing)
