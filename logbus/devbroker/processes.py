"""The processes and ports of private RabbitMQ nodes: found by a tag in their environment, never by a pid file.

The tag is the node's folder. It survives a `kill -9`, cannot point to an unrelated process with the same pid, and
finds epmd too (Linux: from /proc).
"""

import os
import secrets
import shutil
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from logbus.errors import UsageError

MARK = "LOGBUS_DEVBROKER"
POLL_S = 0.02
_AMQP_HEADER = b"AMQP\x00\x00\x09\x01"
_START_FRAME = b"\x01\x00\x00"  # a method frame on channel 0: a broker's answer, which no echo service gives
_PORTS = range(20_000, 32_000)  # below the kernel's ephemeral ports, so that a restart finds its port free


def program(name: str) -> str:
    """Return the path of a program that comes with RabbitMQ or Erlang. Raises UsageError when there is none."""
    # Debian's /usr/sbin/rabbitmq-server requires root or the user rabbitmq; the script it wraps does not.
    home = os.environ.get("RABBITMQ_HOME")
    folders = [f"{home}/sbin"] if home else []
    found = shutil.which(name, path=os.pathsep.join([*folders, "/usr/lib/rabbitmq/bin", os.environ.get("PATH", "")]))
    if not found:
        raise UsageError(
            f"run {name}", "RabbitMQ is not installed", "on Debian and Ubuntu: apt-get install rabbitmq-server"
        )
    return found


def processes(directory: Path) -> dict[int, str]:
    """Return pid -> name of every running process with the folder's tag."""
    mark = os.fsencode(f"{MARK}={directory}")
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                found[int(entry.name)] = (entry / "comm").read_text().strip()
        except OSError:  # gone, or another user's
            continue
    return found


def kill(directory: Path) -> None:
    """Kill every process with the folder's tag, until none is left."""
    while marked := processes(directory):
        for pid in marked:
            send(pid, signal.SIGKILL)
        time.sleep(POLL_S)


def send(pid: int, number: int) -> None:
    """Send a signal to a process, if it still exists."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def speaks_amqp(port: int) -> bool:
    """Return True if an AMQP broker answers on a loopback port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0) as connection:
            connection.sendall(_AMQP_HEADER)
            return connection.recv(len(_START_FRAME)) == _START_FRAME
    except OSError:
        return False


def free_ports(count: int) -> list[int]:
    """Return `count` different unused ports outside the kernel's ephemeral range."""
    with ExitStack() as held:
        ports: list[int] = []
        while len(ports) < count:
            port = secrets.choice(_PORTS)
            listener = held.enter_context(socket.socket())
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            ports.append(port)
        return ports


def within(timeout_s: float, condition: Callable[[], bool]) -> bool:
    """Poll `condition` until it holds or the time is over; return whether it holds."""
    deadline = time.monotonic() + timeout_s
    while not (done := condition()) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return done
