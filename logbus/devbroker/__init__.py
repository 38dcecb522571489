"""A private RabbitMQ node, or a cluster of them, for the demo, the tests and a first try."""

from logbus.devbroker.cluster import DevCluster
from logbus.devbroker.node import DevBroker, Extras

__all__ = ["DevBroker", "DevCluster", "Extras"]
