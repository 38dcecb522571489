"""Fixtures of the broker tests.

cluster         a DevCluster of three nodes that all these tests share, each with nothing declared and all nodes up
"""

from collections.abc import Iterator

import pytest

from logbus.broker.declaring import new_queues
from logbus.devbroker import DevCluster
from support import forget_everything


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Let new queues settle for a moment only, where no node is killed."""
    if not {"faulty_broker", "cluster"} & set(request.fixturenames):
        monkeypatch.setattr(new_queues, "SETTLE_S", 0.1)


@pytest.fixture(scope="package")
def started_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevCluster]:
    """Give a cluster; it takes about 20 s to start."""
    nodes = DevCluster(tmp_path_factory.mktemp("cluster"))
    try:
        nodes.start(3)
        yield nodes
    finally:
        nodes.kill()


@pytest.fixture
def cluster(started_cluster: DevCluster) -> Iterator[DevCluster]:
    """Give the cluster, to kill nodes of."""
    yield started_cluster
    for node in started_cluster.nodes:
        node.start()
    forget_everything(started_cluster.nodes[0])
