"""A world on a cluster of three nodes, of which some are killed while 10,000 lines a second are written and rotated.

    make cluster                              the leader killed ten times with the shipper on its node, a follower
                                              killed, the leader frozen, every node restarted in turn, the majority
                                              killed and started again: some ten minutes
    make cluster ARGS='--kills 1'             the same with one kill of the leader

After each, all that was written has to arrive, once and in order; how long nothing arrived is measured at the sink.
"""

import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from logbus.devbroker import DevBroker, DevCluster
from support import keep_new_queues, wait_until
from support.findings import Findings
from support.proxy import Proxy
from support.world import PATIENCE_S, ROLES, World

ARCHIVE = "logs.archive"
LONGEST_STALL_S = 5.0
LONGEST_FROZEN_S = 20.0
"""A frozen node is noticed by its silence, for the time of a heartbeat: 10 s by default. RabbitMQ 4.3 gives a sink's
queue to its new connection only when it counts the node as down, up to 6 s later."""
LONGEST_RESTART_S = 10.0
"""RabbitMQ 4.3 takes 5 s to stop a node that leads queues."""
STOPPED_WITHIN_S = 15.0
WATCHED_LONGER_S = 2.0
"""How much longer the outputs are watched than the stall may last."""
LOOK_EVERY_S = 0.01


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a fault did: the longest time in which nothing arrived, how long it may be, and whether everything has."""

    what: str
    stall_s: float
    most_s: float
    findings: Findings

    def __str__(self) -> str:
        found = self.findings
        return (
            f"{self.what:<42} nothing arrived for {self.stall_s:5.2f} s; lost {found.lost}, "
            f"duplicated {found.duplicated}, out of order {found.out_of_order}"
        )


class ClusterWorld(World):
    """Writers, a shipper and two sinks, each of which knows all three nodes."""

    heartbeat_s = 10

    def start_broker(self) -> DevBroker:
        """Start the cluster; return one node to ask."""
        self.cluster = DevCluster(self.root / "broker")
        self.cluster.start(3)
        return self.cluster.nodes[0]

    def make_proxies(self) -> dict[str, Proxy]:
        """Return none: every process reaches every node."""
        return {}

    def url(self, role: str) -> str:  # noqa: ARG002 - as above
        """Return all nodes."""
        return _urls(self.cluster.nodes)

    def kill_broker(self) -> None:
        """End the cluster."""
        self.cluster.kill()

    def begin(self) -> None:
        """Start everything, and wait until the queues would survive any node."""
        super().begin()
        for node in self.cluster.nodes:
            keep_new_queues(node)

    def leader(self) -> DevBroker:
        """Return the node that leads the archive's queue."""
        rows = [row.split("\t") for row in self._asked().ctl("list_queues", "name", "leader").splitlines()]
        return self._node(next(leader for name, leader in rows if name == ARCHIVE))

    def follower(self) -> DevBroker:
        """Return a node that does not lead it."""
        leader = self.leader()
        return next(node for node in self.cluster.nodes if node.dir != leader.dir)

    def bring_shipper_to(self, node: DevBroker) -> None:
        """Have the shipper read a configuration that begins with this node, and wait until it is there."""
        others = [each for each in self.cluster.nodes if each.dir != node.dir]
        self.configure("shipper", _urls([node, *others]))
        self.kill("shipper", signal.SIGHUP)
        wait_until(lambda: self._shippers_node() == node.dir, PATIENCE_S)

    def stall_s(self, maltreat: Callable[[], None], watched_s: float) -> float:
        """Maltreat nodes while lines are written; return the longest time in which nothing arrived at the archive."""
        self.writing = True
        begun = self._arrived()
        wait_until(lambda: self._arrived() > begun, PATIENCE_S)
        maltreat()
        started = last = time.monotonic()
        size, longest_s = self._arrived(), 0.0
        while (now := time.monotonic()) < started + watched_s:
            if (present := self._arrived()) != size:
                longest_s, size, last = max(longest_s, now - last), present, now
            time.sleep(LOOK_EVERY_S)
        return max(longest_s, time.monotonic() - last)

    def start_again(self, nodes: list[DevBroker]) -> None:
        """Start nodes, and wait until the archive's queue is on line on all three."""
        for node in nodes:
            node.spawn()
        for node in nodes:
            node.await_readiness()
        wait_until(self._is_whole, PATIENCE_S)

    def _is_whole(self) -> bool:
        rows = [row.split("\t") for row in self._asked().ctl("list_queues", "name", "online").splitlines()]
        return any(name == ARCHIVE and online.count("@") == len(self.cluster.nodes) for name, online in rows)

    def _arrived(self) -> int:
        return sum(path.stat().st_size for path in (self.root / "archive" / "h").glob("*.log*"))

    def _asked(self) -> DevBroker:
        return next(node for node in self.cluster.nodes if node.running())

    def _node(self, name: str) -> DevBroker:
        number = name.partition("@")[0].removeprefix("logbus")
        return next(node for node in self.cluster.nodes if node.dir.name == f"node{number}")

    def _shippers_node(self) -> Path | None:
        rows = self._asked().ctl("list_connections", "pid", "client_properties").splitlines()
        ours = [row for row in rows if "logbus shipper" in row]
        return self._node(ours[0].removeprefix("<").partition(".")[0]).dir if len(ours) == 1 else None


def _urls(nodes: list[DevBroker]) -> str:
    return f"[{', '.join(node.url for node in nodes)}]"


def kill_leader(world: ClusterWorld) -> Outcome:
    """Kill the leader of the archive's queue, with the shipper on its node."""
    leader = world.leader()
    world.bring_shipper_to(leader)
    return _killed(world, [leader], "the leader, and the shipper's node")


def kill_follower(world: ClusterWorld) -> Outcome:
    """Kill a follower, with the shipper on its node."""
    follower = world.follower()
    world.bring_shipper_to(follower)
    return _killed(world, [follower], "a follower, and the shipper's node")


def freeze_leader(world: ClusterWorld) -> Outcome:
    """Freeze the leader, with the shipper on its node: connections stay open, and nothing answers."""
    leader = world.leader()
    world.bring_shipper_to(leader)
    stall_s = world.stall_s(leader.pause, LONGEST_FROZEN_S + WATCHED_LONGER_S)
    leader.resume()
    return _outcome(world, "the leader, frozen, and the shipper's node", stall_s, LONGEST_FROZEN_S)


def restart_in_turn(world: ClusterWorld) -> Outcome:
    """Stop each node in order, as for an upgrade, and start it again, with the shipper on its node."""
    longest_s = 0.0
    for node in world.cluster.nodes:
        world.bring_shipper_to(node)
        stopping = threading.Thread(target=node.stop)
        longest_s = max(longest_s, world.stall_s(stopping.start, STOPPED_WITHIN_S))
        stopping.join()
        world.start_again([node])
    return _outcome(world, "each node, stopped and started in turn", longest_s, LONGEST_RESTART_S)


def kill_majority(world: ClusterWorld) -> Outcome:
    """Kill two nodes and start them again: nothing can arrive meanwhile."""
    return _killed(world, [world.leader(), world.follower()], "two of three, for a while", float("inf"))


def _killed(world: ClusterWorld, nodes: list[DevBroker], what: str, most_s: float = LONGEST_STALL_S) -> Outcome:
    def kill() -> None:
        for node in nodes:
            node.kill()

    stall_s = world.stall_s(kill, LONGEST_STALL_S + WATCHED_LONGER_S)
    world.start_again(nodes)
    return _outcome(world, what, stall_s, most_s)


def _outcome(world: ClusterWorld, what: str, stall_s: float, most_s: float) -> Outcome:
    for role in ROLES:
        world.ended_well(role)
    return Outcome(what, stall_s, most_s, world.check())


Fault = Callable[["ClusterWorld"], Outcome]
OTHERS: tuple[Fault, ...] = (kill_follower, freeze_leader, restart_in_turn, kill_majority)


def play(root: Path, seed: int, kills: int, others: Sequence[Fault] = OTHERS) -> list[Outcome]:
    """Kill the leader so often, then do the other faults. Print and return what that did."""
    world = ClusterWorld(root, seed)
    outcomes: list[Outcome] = []
    try:
        world.begin()
        for fault in [*[kill_leader] * kills, *others]:
            outcomes.append(fault(world))
            print(outcomes[-1], flush=True)  # noqa: T201 - the report, as it comes
    finally:
        world.close()
    return outcomes


def good(outcomes: list[Outcome]) -> bool:
    """Return True if every line arrived once and in order, and nothing stalled but without a majority."""
    return all(each.findings.exact and each.stall_s < each.most_s for each in outcomes)


@click.command()
@click.option("--kills", default=10, help="How often the leader is killed. [default: 10]")
@click.option("--seed", type=int, help="Of what is written.")
def main(kills: int, seed: int | None) -> None:
    """Kill nodes of a cluster under load."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # leave nothing running
    root = Path(tempfile.mkdtemp(prefix="logbus-cluster-"))
    outcomes = play(root, random.SystemRandom().randrange(1_000_000) if seed is None else seed, kills)
    longest_s = max(each.stall_s for each in outcomes[:-1])
    click.echo(f"{len(outcomes)} faults; the longest stall with a majority was {longest_s:.2f} s")
    if good(outcomes):
        shutil.rmtree(root, ignore_errors=True)
    else:
        click.echo(f"see {root}: {outcomes[-1].findings.detail}")
    raise SystemExit(not good(outcomes))


if __name__ == "__main__":
    main()
