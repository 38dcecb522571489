"""A private RabbitMQ node, or a cluster of them, for the demo, the tests and a first try.

    python -m logbus.devbroker start --dir DIR      prints the amqp:// URL; the node stays in the background
    python -m logbus.devbroker stop --dir DIR       also: kill, status, ctl --dir DIR -- list_queues
    python -m logbus.devbroker start --dir DIR --nodes 3      a cluster: one URL per node, in DIR/node1 and so on

`node` is one node, `cluster` several, `processes` what both are made of.
"""

from pathlib import Path

import click

from logbus.command_line import logs
from logbus.daemon import errors_to_exit_codes
from logbus.devbroker.cluster import DevCluster, nodes_in
from logbus.devbroker.node import DevBroker
from logbus.devbroker.processes import free_ports

__all__ = ["DevBroker", "DevCluster", "free_ports"]

_MAX_NODES = 9


@click.command()
@click.argument("action", type=click.Choice(["start", "stop", "kill", "status", "ctl"]))
@click.option("--dir", "directory", type=click.Path(path_type=Path), required=True, help="The folder of the node.")
@click.option("--nodes", type=click.IntRange(1, _MAX_NODES), help="Start a cluster of this many nodes.  [default: 1]")
@click.argument("args", nargs=-1)
@errors_to_exit_codes
def main(action: str, directory: Path, nodes: int | None, args: tuple[str, ...]) -> int:
    """Run a private RabbitMQ node, or a cluster of them, in a folder of its own.

    start prints one URL per node and leaves the nodes in the background; status exits 1 if one is not running; kill is
    kill -9; ctl --dir DIR -- ARGS runs rabbitmqctl. Each node of a cluster can be used alone, as DIR/node1 and so on.
    """
    logs.configure("devbroker")
    there = nodes_in(directory)
    broker = DevCluster(directory) if there or (nodes or 1) > 1 else DevBroker(directory)
    match action:
        case "start":
            started = broker.start(nodes or len(there)) if isinstance(broker, DevCluster) else [broker.start()]
            click.echo("\n".join(started))
        case "status":
            return _status(there or [DevBroker(directory)])
        case "ctl":
            click.echo(_answering(there or [DevBroker(directory)]).ctl(*args), nl=False)
        case _:
            {"stop": broker.stop, "kill": broker.kill}[action]()
    return 0


def _status(nodes: list[DevBroker]) -> int:
    running = [node.running() for node in nodes]
    for node, runs in zip(nodes, running, strict=True):
        click.echo(node.url if runs else "not running")
    return int(not all(running))


def _answering(nodes: list[DevBroker]) -> DevBroker:
    """Return the first running node, or else the first."""
    return next((node for node in nodes if node.running()), nodes[0])


if __name__ == "__main__":
    main()
