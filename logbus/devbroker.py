"""A private RabbitMQ node in a folder of its own, for the demo, the tests and a first try.

The installed server is started beside whatever else runs on the machine: own node name, cookie, epmd, ports (free
ones, loopback only), configuration, data and logs, all below one folder. Nothing outside it is written, and a broker
on 5672 is left alone. The folder keeps data and ports: a node that was stopped or killed comes back as itself.

Each process of a node carries the folder in its environment. That mark, not a pid file, says what belongs to the
node: it survives a `kill -9`, cannot point to a stranger with the same pid, and finds epmd too (Linux: from /proc).

    python -m logbus.devbroker start --dir DIR      prints the amqp:// URL; the node stays in the background
    python -m logbus.devbroker stop --dir DIR       also: kill, status, ctl --dir DIR -- list_queues
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

import click

from logbus.daemon import configure_logging, errors_to_exit_codes
from logbus.errors import BrokerUnavailable, LogbusError, UsageError

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
CTL_TIMEOUT_S = 60.0
EXEC_S = 0.5
_POLL_S = 0.02
_CAUSE_CHARACTERS = 300  # an unknown command makes rabbitmqctl print its whole manual

_MARK = "LOGBUS_DEVBROKER"
_NODE = "logbus@localhost"
_LOOPBACK_ONLY = "-kernel inet_dist_use_interface {127,0,0,1}"
_AMQP_HEADER = b"AMQP\x00\x00\x09\x01"
_START_FRAME = b"\x01\x00\x00"  # a method frame on channel 0: what a broker answers, and an echo does not
_PORTS = range(20_000, 32_000)  # below what the kernel lends to clients, so that a restart finds its port free

# Quorum queues keep in memory what is in their write-ahead log until that is full, 512 MiB by default, and then halt
# while it is written out: 16 MB halt them for less than 50 ms (docs/performance.md).
_CONFIG = """\
listeners.tcp.1 = 127.0.0.1:{amqp}
loopback_users.guest = true
vm_memory_high_watermark.absolute = 1GiB
raft.wal_max_size_bytes = 16000000
disk_free_limit.absolute = 50MB
log.console = false
log.file.level = info
"""


class DevBroker:
    """One private RabbitMQ node; the folder is its identity, an object merely a handle on it."""

    def __init__(self, directory: Path | str) -> None:
        self.dir = Path(directory).resolve()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The AMQP port: chosen once per folder, also known while the node is down."""
        return self._ports()["amqp"]

    @property
    def url(self) -> str:
        """Where clients connect, as `amqp://user:password@host:port/`."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    @property
    def log(self) -> Path:
        """The node's own log file."""
        return self.dir / "node.log"

    def running(self) -> bool:
        """Whether the node answers on its AMQP port."""
        return bool(_processes(self.dir)) and _speaks_amqp(self.port)

    def start(self) -> str:
        """Start the node if it does not run, wait until it takes connections, and return its URL.

        Raises UsageError when no RabbitMQ server is installed, BrokerUnavailable when the node does not come up; then,
        as after an interrupt, nothing of it is left running.
        """
        server = _program("rabbitmq-server")
        ours = not self._alive()
        try:
            if ours:
                self._make_folder()
                self._spawn(server)
            self._await_readiness()
        except BaseException:
            if ours:
                self.kill()
            raise
        return self.url

    def stop(self) -> None:
        """Shut the node down in good order (about 1 s); nothing of it is left running."""
        self.resume()
        self._signal(signal.SIGTERM)
        _within(STOP_TIMEOUT_S, lambda: not self._beam())
        self.kill()

    def kill(self) -> None:
        """End the node at once, as `kill -9` and power cuts do; its folder stays as it was."""
        while processes := _processes(self.dir):
            for pid in processes:
                _send(pid, signal.SIGKILL)
            time.sleep(_POLL_S)

    def pause(self) -> None:
        """Freeze the node: connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused node go on."""
        self._signal(signal.SIGCONT)

    def ctl(self, *args: str) -> str:
        """Run `rabbitmqctl` on this node (about 0.3 s) and return what it prints; raises LogbusError if it fails."""
        cannot = f"run rabbitmqctl {' '.join(args)}"
        try:
            done = subprocess.run(  # noqa: S603 - the installed program, no shell
                [_program("rabbitmqctl"), "--quiet", *args],
                env=self._environment(), capture_output=True, text=True, check=False, timeout=CTL_TIMEOUT_S,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise BrokerUnavailable(cannot, f"no answer after {CTL_TIMEOUT_S:.0f} s") from error
        if done.returncode:
            raise LogbusError(cannot, " ".join((done.stderr or done.stdout).split())[:_CAUSE_CHARACTERS])
        return done.stdout

    def _await_readiness(self) -> None:
        if not _within(START_TIMEOUT_S, self._ready):
            raise self._failed(f"it does not answer after {START_TIMEOUT_S:.0f} s")

    def _ready(self) -> bool:
        if not _within(EXEC_S, self._alive):  # in the middle of an exec, a process shows no environment
            raise self._failed("it exited")
        return _speaks_amqp(self.port)

    def _failed(self, cause: str) -> BrokerUnavailable:
        return BrokerUnavailable(
            f"start the RabbitMQ node in {self.dir}", cause, f"see startup.log and {self.log.name} there"
        )

    def _alive(self) -> bool:
        return any(name != "epmd" for name in _processes(self.dir).values())  # beam, or the shell that leads to it

    def _beam(self) -> list[int]:
        return [pid for pid, name in _processes(self.dir).items() if name == "beam.smp"]

    def _signal(self, number: int) -> None:
        for pid in self._beam():
            _send(pid, number)

    def _make_folder(self) -> None:
        (self.dir / "data").mkdir(parents=True, exist_ok=True)
        (self.dir / "rabbitmq.conf").write_text(_CONFIG.format(**self._ports()))
        (self.dir / "enabled_plugins").write_text("[].\n")

    def _ports(self) -> dict[str, int]:
        saved = self.dir / "ports.json"
        if not saved.exists():
            self.dir.mkdir(parents=True, exist_ok=True)
            saved.write_text(json.dumps(dict(zip(("amqp", "epmd", "dist"), free_ports(3), strict=True))))
        ports: dict[str, int] = json.loads(saved.read_text())
        return ports

    def _spawn(self, server: str) -> None:
        # The shell is gone at once, so the node is init's child: it outlives us, and is nobody's zombie here.
        with (self.dir / "startup.log").open("wb") as output:
            subprocess.run(  # noqa: S603 - the installed program, its name passed as an argument
                ["/bin/sh", "-c", '"$1" &', "sh", server],
                env={**self._environment(), _MARK: str(self.dir)},
                cwd=self.dir, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, check=True,
            )  # fmt: skip

    def _environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("RABBITMQ_", "ERL_", "NOTIFY_"))}
        return inherited | {
            "HOME": str(self.dir),  # where Erlang looks for its cookie
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._ports()["epmd"]),
            "RABBITMQ_NODENAME": _NODE,
            "RABBITMQ_DIST_PORT": str(self._ports()["dist"]),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _LOOPBACK_ONLY,
            "RABBITMQ_CTL_ERL_ARGS": _LOOPBACK_ONLY,
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_CONFIG_FILE": str(self.dir / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.dir / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.dir / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.dir / "data"),
            "RABBITMQ_LOG_BASE": str(self.dir),
            "RABBITMQ_LOGS": str(self.log),
            "RABBITMQ_PID_FILE": str(self.dir / "pid"),
        }


def _program(name: str) -> str:
    # Debian's /usr/sbin/rabbitmq-server insists on root or the user rabbitmq; the one it wraps does not.
    home = os.environ.get("RABBITMQ_HOME")
    folders = [f"{home}/sbin"] if home else []
    found = shutil.which(name, path=os.pathsep.join([*folders, "/usr/lib/rabbitmq/bin", os.environ.get("PATH", "")]))
    if not found:
        raise UsageError(
            f"run {name}", "RabbitMQ is not installed", "on Debian and Ubuntu: apt-get install rabbitmq-server"
        )
    return found


def _processes(directory: Path) -> dict[int, str]:
    """Return pid -> name of every living process that carries the folder's mark."""
    mark = os.fsencode(f"{_MARK}={directory}")
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                found[int(entry.name)] = (entry / "comm").read_text().strip()
        except OSError:  # gone meanwhile, or another user's
            continue
    return found


def _send(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _speaks_amqp(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0) as connection:
            connection.sendall(_AMQP_HEADER)
            return connection.recv(len(_START_FRAME)) == _START_FRAME
    except OSError:
        return False


def free_ports(count: int) -> list[int]:
    """Return `count` different ports that nobody listens on, of those the kernel lends to no client."""
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


def _within(timeout_s: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + timeout_s
    while not (done := condition()) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return done


@click.command()
@click.argument("action", type=click.Choice(["start", "stop", "kill", "status", "ctl"]))
@click.option("--dir", "directory", type=click.Path(path_type=Path), required=True, help="The node's folder.")
@click.argument("args", nargs=-1)
@errors_to_exit_codes
def main(action: str, directory: Path, args: tuple[str, ...]) -> int:
    """Run a private RabbitMQ node in a folder of its own.

    start prints its URL, the node goes on in the background; status exits 1 if it does not run; kill is kill -9;
    ctl --dir DIR -- ARGS is its rabbitmqctl.
    """
    configure_logging("devbroker")
    broker = DevBroker(directory)
    match action:
        case "start":
            click.echo(broker.start())
        case "status":
            click.echo(broker.url if broker.running() else "not running")
            return 0 if broker.running() else 1
        case "ctl":
            click.echo(broker.ctl(*args), nl=False)
        case _:
            {"stop": broker.stop, "kill": broker.kill}[action]()
    return 0


if __name__ == "__main__":
    main()
