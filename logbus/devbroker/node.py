"""One private RabbitMQ node in a folder of its own; alone, or as a member of a cluster.

The installed server is started beside whatever else runs on the machine: own node name, cookie, epmd, ports (free
ones, loopback only), configuration, data and logs, all in one folder. Nothing outside it is written, and a broker
on 5672 is left alone. The folder keeps data and ports: a node that was stopped or killed comes back as itself.
"""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Final, Self

from msgspec import Struct, structs

from logbus.devbroker.processes import MARK, free_ports, kill, processes, program, send, speaks_amqp, within
from logbus.errors import BrokerUnavailable, LogbusError

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
CTL_TIMEOUT_S = 60.0
EXEC_S = 0.5
_CAUSE_CHARACTERS = 300  # rabbitmqctl prints its whole manual for an unknown command

MEMBERSHIP = "member.json"
_LOOPBACK_ONLY = "-kernel inet_dist_use_interface {127,0,0,1}"

# Quorum queues keep their write-ahead log in memory until it is full, 512 MiB by default, and then stall while it is
# written out: 16 MB stall them for less than 50 ms (docs/performance.md).
_CONFIG = """\
listeners.tcp.1 = 127.0.0.1:{amqp}
loopback_users.guest = true
vm_memory_high_watermark.absolute = 1GiB
raft.wal_max_size_bytes = 16000000
disk_free_limit.absolute = 50MB
log.console = false
log.file.level = info
net_ticktime = 8
"""
"""`net_ticktime`: how soon the nodes of a cluster notice that one is frozen; see docs/cluster.md."""

# RabbitMQ 4.3 withholds the deliveries of a killed node's consumers from all others, for 60 s by default. Older
# versions do not know the setting, and would refuse it in rabbitmq.conf. MORE stands for the node's extras.
_ADVANCED = "[{rabbit, [{consumer_disconnected_timeout, 1000}]}MORE].\n"


class Member(Struct, frozen=True):
    """What a node shares with its cluster: `home` holds the cookie, and identifies the common epmd."""

    name: str
    home: str
    epmd_port: int


class Extras(Struct, frozen=True):
    """What a node has besides: more lines of rabbitmq.conf, plugins, and more of advanced.config's applications."""

    conf: str = ""
    plugins: tuple[str, ...] = ()
    advanced: str = ""


_NO_EXTRAS: Final = Extras()


class DevBroker:
    """One private RabbitMQ node; the folder is its identity, an object only a handle."""

    def __init__(self, directory: Path | str, extras: Extras = _NO_EXTRAS) -> None:
        self.dir = Path(directory).resolve()
        self._extras = extras

    def enrol(self, member: Member) -> None:
        """Prepare this node, which was never started, for a cluster: the membership is kept in its folder."""
        self.dir.mkdir(parents=True, exist_ok=True)
        (self.dir / MEMBERSHIP).write_text(json.dumps(structs.asdict(member)))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The AMQP port: chosen once per folder, and known even while the node is down."""
        return self._ports()["amqp"]

    @property
    def url(self) -> str:
        """The URL for clients, as `amqp://user:password@host:port/`."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    @property
    def log(self) -> Path:
        """The node's own log file."""
        return self.dir / "node.log"

    def running(self) -> bool:
        """Return True if the node answers on its AMQP port."""
        return bool(processes(self.dir)) and speaks_amqp(self.port)

    def start(self) -> str:
        """Start the node unless it is running, wait until it accepts connections, and return its URL.

        Raises UsageError when no RabbitMQ server is installed, BrokerUnavailable when the node does not come up; then,
        as after an interrupt, nothing of it is left running.
        """
        ours = self.spawn()
        try:
            self.await_readiness()
        except BaseException:
            if ours:
                self.kill()
            raise
        return self.url

    def spawn(self) -> bool:
        """Launch the node, and return at once: True, or False if its processes already exist."""
        server = program("rabbitmq-server")
        if self._alive():
            return False
        self._make_folder()
        self._start_epmd()
        self._launch([server], self.dir, "startup.log")
        return True

    def await_readiness(self) -> None:
        """Wait until the node accepts connections. Raises BrokerUnavailable if it does not come up."""
        if not within(START_TIMEOUT_S, self._ready):
            raise self._failed(f"no answer after {START_TIMEOUT_S:.0f} s")

    def join(self, name: str) -> None:
        """Join the cluster of the node `name`, discarding all data. Raises LogbusError."""
        self.ctl("stop_app")
        self.ctl("join_cluster", name)
        self.ctl("start_app")
        self.await_readiness()

    def stop(self) -> None:
        """Shut the node down gracefully (about 1 s); nothing of it is left running."""
        self.resume()
        self._signal(signal.SIGTERM)
        within(STOP_TIMEOUT_S, lambda: not self._beam())
        self.kill()

    def kill(self) -> None:
        """Kill the node at once, as `kill -9` and power cuts do; its folder stays as it was."""
        kill(self.dir)

    def pause(self) -> None:
        """Freeze the node: connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Resume a paused node."""
        self._signal(signal.SIGCONT)

    def ctl(self, *args: str) -> str:
        """Run `rabbitmqctl` on this node (about 0.3 s) and return what it prints; raises LogbusError if it fails."""
        cannot = f"run rabbitmqctl {' '.join(args)}"
        try:
            done = subprocess.run(  # noqa: S603 - the installed program, no shell
                [program("rabbitmqctl"), "--quiet", *args],
                env=self._environment(), capture_output=True, text=True, check=False, timeout=CTL_TIMEOUT_S,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise BrokerUnavailable(cannot, f"no answer after {CTL_TIMEOUT_S:.0f} s") from error
        if done.returncode:
            raise LogbusError(cannot, " ".join((done.stderr or done.stdout).split())[:_CAUSE_CHARACTERS])
        return done.stdout

    def _ready(self) -> bool:
        if not within(EXEC_S, self._alive):  # in the middle of an exec, a process shows no environment
            raise self._failed("it exited")
        return speaks_amqp(self.port)

    def _failed(self, cause: str) -> BrokerUnavailable:
        return BrokerUnavailable(
            f"start the RabbitMQ node in {self.dir}", cause, f"see startup.log and {self.log.name} there"
        )

    def _alive(self) -> bool:
        return any(name != "epmd" for name in processes(self.dir).values())  # beam, or the shell that starts it

    def _beam(self) -> list[int]:
        return [pid for pid, name in processes(self.dir).items() if name == "beam.smp"]

    def _signal(self, number: int) -> None:
        for pid in self._beam():
            send(pid, number)

    def _make_folder(self) -> None:
        (self.dir / "data").mkdir(parents=True, exist_ok=True)
        (self.dir / "rabbitmq.conf").write_text(_CONFIG.format(**self._ports()) + self._extras.conf)
        (self.dir / "advanced.config").write_text(_ADVANCED.replace("MORE", self._extras.advanced))
        (self.dir / "enabled_plugins").write_text(f"[{','.join(self._extras.plugins)}].\n")

    def _ports(self) -> dict[str, int]:
        saved = self.dir / "ports.json"
        if not saved.exists():
            self.dir.mkdir(parents=True, exist_ok=True)
            saved.write_text(json.dumps(dict(zip(("amqp", "epmd", "dist"), free_ports(3), strict=True))))
        ports: dict[str, int] = json.loads(saved.read_text())
        return ports

    def _member(self) -> Member:
        """Return what this node shares with its cluster; without one, home and epmd are its own."""
        saved = self.dir / MEMBERSHIP
        if saved.exists():
            return Member(**json.loads(saved.read_text()))
        return Member("logbus@localhost", str(self.dir), self._ports()["epmd"])

    def _start_epmd(self) -> None:
        """Start the cluster's epmd, unless it is running: as a child of one node, it would be killed with that node."""
        member = self._member()
        if member.home != str(self.dir):
            self._launch([program("epmd"), "-port", str(member.epmd_port)], Path(member.home), "epmd.log")

    def _launch(self, command: list[str], mark: Path, log: str) -> None:
        # The shell exits at once, so the program is init's child: it outlives us, and leaves no zombie here.
        with (self.dir / log).open("wb") as output:
            subprocess.run(  # noqa: S603 - the installed program, passed by name
                ["/bin/sh", "-c", '"$@" &', "sh", *command],
                env={**self._environment(), MARK: str(mark)},
                cwd=self.dir, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, check=True,
            )  # fmt: skip

    def _environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("RABBITMQ_", "ERL_", "NOTIFY_"))}
        member = self._member()
        return inherited | {
            "HOME": member.home,  # where Erlang looks for its cookie
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(member.epmd_port),
            "RABBITMQ_NODENAME": member.name,
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
