"""A private RabbitMQ cluster on one machine: nodes in subfolders of one folder, with a common cookie and epmd.

Each node is a `DevBroker` with a folder `node1`, `node2`, ... of its own, and can be killed and started alone:
`python -m logbus.devbroker kill --dir DIR/node2`. All nodes start at once, because each waits for those that went down
after it; at the first start each then joins the first one.
"""

from pathlib import Path

from logbus.devbroker.node import MEMBERSHIP, DevBroker, Member
from logbus.devbroker.processes import free_ports, kill
from logbus.errors import UsageError

NAME = "logbus{}@localhost"


def nodes_in(directory: Path) -> list[DevBroker]:
    """Return the nodes of the cluster in a folder; none if there is no cluster."""
    return [DevBroker(saved.parent) for saved in sorted(directory.glob(f"node[0-9]/{MEMBERSHIP}"))]


class DevCluster:
    """The nodes of one cluster; the folder is its identity, an object only a handle."""

    def __init__(self, directory: Path | str) -> None:
        self.dir = Path(directory).resolve()

    @property
    def nodes(self) -> list[DevBroker]:
        """The nodes, by number."""
        return nodes_in(self.dir)

    @property
    def urls(self) -> list[str]:
        """The URLs for clients, one per node."""
        return [node.url for node in self.nodes]

    def start(self, count: int) -> list[str]:
        """Start or restart a cluster of `count` nodes, and return the URL of each node.

        Raises UsageError if the folder holds something else, BrokerUnavailable if a node does not come up; then, as
        after an interrupt, nothing that was started is left running.
        """
        new = not self.nodes
        self._check(count)
        if new:
            self._make(count)
        try:
            self._start_in_turn() if new else self._start_at_once()
        except BaseException:
            self.kill()
            raise
        return self.urls

    def stop(self) -> None:
        """Shut the nodes down gracefully; nothing of the cluster is left running."""
        for node in self.nodes:
            node.stop()
        kill(self.dir)  # epmd

    def kill(self) -> None:
        """Kill all nodes at once, as a power cut does; their folders stay as they were."""
        for node in self.nodes:
            node.kill()
        kill(self.dir)  # epmd

    def _check(self, count: int) -> None:
        there = len(self.nodes)
        if there not in {0, count}:
            raise UsageError(f"start {count} nodes in {self.dir}", f"there are {there}", "choose another --dir")
        if (self.dir / "ports.json").exists():
            raise UsageError(f"start {count} nodes in {self.dir}", "a single node is there", "choose another --dir")

    def _make(self, count: int) -> None:
        (epmd_port,) = free_ports(1)
        for number in range(1, count + 1):
            DevBroker(self.dir / f"node{number}").enrol(Member(NAME.format(number), str(self.dir), epmd_port))

    def _start_in_turn(self) -> None:
        self._start_at_once()
        for node in self.nodes[1:]:
            node.join(NAME.format(1))

    def _start_at_once(self) -> None:
        for node in self.nodes:
            node.spawn()
        for node in self.nodes:
            node.await_readiness()
