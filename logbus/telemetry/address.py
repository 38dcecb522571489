"""Where metrics are served: a host and a port."""

from typing import Final

from logbus.errors import UsageError

PORT_MAX: Final = 65_535
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def address_of(listen: str) -> tuple[str, int]:
    """Return host and port of `host:port`. Raises UsageError for anything else."""
    host, _, port = listen.rpartition(":")
    if not (port.isascii() and port.isdecimal() and int(port) <= PORT_MAX):
        cause = f"metrics {listen!r} names no port from 0 to {PORT_MAX}"
        raise UsageError("serve metrics", cause, "give host:port, such as 127.0.0.1:9600")
    if not host:
        raise UsageError("serve metrics", f"metrics {listen!r} names no host", f"write 127.0.0.1:{port}")
    return host.strip("[]"), int(port)
