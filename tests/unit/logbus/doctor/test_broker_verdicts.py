"""What the doctors make of what is known of RabbitMQ."""

import pytest

from logbus.broker.management import Node, QueueState, Replicas
from logbus.config.settings import Broker
from logbus.doctor import broker, queues, reach
from logbus.doctor.verdicts import Verdict

DAY_S = 86_400.0


@pytest.mark.parametrize(
    ("days", "verdict"), [(-1.0, Verdict.PROBLEM), (0.0, Verdict.PROBLEM), (7.5, Verdict.WARNING), (90.0, Verdict.OK)]
)
def test_days_left_of_a_certificate(days: float, verdict: Verdict) -> None:
    """An expired certificate is a problem, and one with less than 30 days a warning."""
    assert reach.validity("certificates", "ca_file", days * DAY_S, 0.0).verdict is verdict


@pytest.mark.parametrize(
    ("running", "down", "verdict"),
    [(1, 0, Verdict.OK), (2, 0, Verdict.WARNING), (3, 0, Verdict.OK), (2, 1, Verdict.PROBLEM)],
)
def test_nodes_of_a_cluster(running: int, down: int, verdict: Verdict) -> None:
    """A node that is down is a problem; two nodes are a warning, because each is needed for a majority."""
    nodes = [Node(f"n{number}", number < running, ()) for number in range(running + down)]
    assert broker.of_nodes(nodes).verdict is verdict


@pytest.mark.parametrize(
    ("members", "online", "nodes", "verdict"),
    [
        (1, 1, 1, Verdict.OK),
        (3, 3, 3, Verdict.OK),
        (3, 2, 3, Verdict.WARNING),
        (3, 1, 3, Verdict.PROBLEM),
        (1, 1, 3, Verdict.WARNING),
    ],
)
def test_copies_of_a_queue(members: int, online: int, nodes: int, verdict: Verdict) -> None:
    """Without a majority a queue does not work; with copies missing, or too few, it is at risk."""
    assert broker.of_replicas(Replicas("logs.archive", members, online), nodes).verdict is verdict


@pytest.mark.parametrize(
    ("messages", "consumers", "limit", "verdict"),
    [
        (0, 0, None, Verdict.OK),
        (9, 1, None, Verdict.OK),
        (9, 0, None, Verdict.WARNING),
        (9, 1, 9, Verdict.PROBLEM),
    ],
)
def test_depth_of_a_queue(messages: int, consumers: int, limit: int | None, verdict: Verdict) -> None:
    """A full queue is a problem, and one that grows because nobody consumes from it a warning."""
    assert queues.of_state(QueueState("logs.archive", messages, 0, consumers, limit, None)).verdict is verdict


def test_each_url_has_settings_of_its_own() -> None:
    """Of a list of URLs, one with TLS keeps the files, and one without needs none."""
    both = Broker(url=["amqps://a/", "amqp://b/"], ca_file="ca.pem")
    assert broker.alone(both, "amqps://a/").ca_file == "ca.pem"
    assert broker.alone(both, "amqp://b/") == Broker(url="amqp://b/")


def test_a_name_that_nobody_knows() -> None:
    """A name without an address is reported with the system's reason."""
    assert isinstance(reach.resolved("nowhere.invalid", 1), str)
    assert reach.resolved("127.0.0.1", 1) == ["127.0.0.1"]
