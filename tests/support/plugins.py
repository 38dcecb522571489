"""RabbitMQ's own plugins, run by a private node while a test needs them."""

from logbus.devbroker import DevBroker


def enable(node: DevBroker, plugins: str) -> None:
    """Run exactly these plugins, an Erlang list."""
    listed = node.dir / "enabled_plugins"
    listed.write_text(f"{plugins}.\n")
    node.ctl("eval", f'rabbit_plugins:ensure("{listed}").')
