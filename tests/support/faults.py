"""What can go wrong in a world of `support.world`: each fault begins, and is healed."""

import random
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress

import pika
import pika.exceptions

from logbus.batch import Message
from logbus.broker.messages import properties_of
from support.world import PATIENCE_S, ROLES, World, limit_descriptors, limit_file_size

Heal = Callable[[], object]
SINKS = ROLES[1:]
AT_REST = "queue deleted"
"""What is in a deleted queue is lost, and nobody promised otherwise: so that happens before anything is written."""
TIMEOUTS = (
    "application:set_env(rabbit, consumer_timeout, {timeout_ms}), "
    "application:set_env(rabbit, channel_tick_interval, {tick_ms})."
)
NO_DESCRIPTORS, DESCRIPTORS = 3, 1024
FULL = '{"max-length": 8, "overflow": "reject-publish"}'


class Faults:
    """What can be done to a world; each method returns how it is healed."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self._world = world
        self._chance = chance
        self.kinds = {
            "kill": self._kill,
            "terminate": self._terminate,
            "kill broker": self._kill_broker,
            "freeze": self._freeze,
            "freeze broker": self._freeze_broker,
            "cut": self._cut,
            "cut after bytes": self._cut_after_bytes,
            "unreachable": self._unreachable,
            "half open": self._half_open,
            "slow wire": self._slow,
            "disk full": self._disk_full,
            "no descriptors": self._no_descriptors,
            "consumer timeout": self._consumer_timeout,
            "memory alarm": self._alarm,
            "queue full": self._queue_full,
            "poison": self._poison,
            "output moved": self._move_output,
            "connections closed": self._close_connections,
            "password replaced": self._replace_password,
            "reload": self._reload,
            "restart of the broker's application": self._restart_application,
            AT_REST: self._delete_queue,
        }

    def begin(self, kind: str) -> Heal:
        """Let something go wrong."""
        return self.kinds[kind]()

    def _any(self) -> str:
        return self._chance.choice(ROLES)

    def _kill(self) -> Heal:
        role = self._any()
        self._world.kill(role, signal.SIGKILL)
        self._world.processes[role].wait()
        return lambda: self._world.start(role)

    def _terminate(self) -> Heal:
        role = self._any()
        asked = self._world.processes[role]  # another fault may kill it, and start one that nobody asked
        self._world.kill(role, signal.SIGTERM)
        self._world.kill(role, signal.SIGCONT)

        def heal() -> None:
            asked.wait(PATIENCE_S)
            self._world.start(role)

        return heal

    def _kill_broker(self) -> Heal:
        self._world.broker.kill()
        return self._world.broker.start

    def _freeze(self) -> Heal:
        role = self._any()
        self._world.kill(role, signal.SIGSTOP)
        return lambda: self._world.kill(role, signal.SIGCONT)

    def _freeze_broker(self) -> Heal:
        self._world.broker.pause()
        return self._world.broker.resume

    def _cut(self) -> Heal:
        self._world.proxies[self._any()].cut()
        return lambda: None

    def _cut_after_bytes(self) -> Heal:
        proxy = self._world.proxies[self._any()]
        proxy.limit(self._chance.randrange(200, 1_000_000))
        return lambda: None

    def _unreachable(self) -> Heal:
        proxy = self._world.proxies[self._any()]
        proxy.down()
        return proxy.up

    def _half_open(self) -> Heal:
        proxy = self._world.proxies[self._any()]
        proxy.pause()
        return proxy.resume

    def _slow(self) -> Heal:
        proxy = self._world.proxies[self._any()]
        for _ in range(20):
            proxy.pause()
            time.sleep(0.05)
            proxy.resume()
            time.sleep(0.005)
        return lambda: None

    def _disk_full(self) -> Heal:
        role = self._any()
        sizes = [path.stat().st_size for path in (self._world.root / role).rglob("*.log")]
        pid = self._world.processes[role].pid
        limit_file_size(pid, max(sizes, default=0) + self._chance.randrange(100_000))
        return lambda: limit_file_size(pid, -1)

    def _no_descriptors(self) -> Heal:
        """Let a process open nothing, no connection either, which it may lose by another fault."""
        process = self._world.processes[self._any()]
        limit_descriptors(process.pid, NO_DESCRIPTORS)
        return lambda: limit_descriptors(process.pid, DESCRIPTORS)

    def _consumer_timeout(self) -> Heal:
        """Let a sink hold deliveries for longer than the broker waits for their acknowledgement."""
        role = self._chance.choice(SINKS)
        self._ctl("eval", TIMEOUTS.format(timeout_ms=1_000, tick_ms=200))
        self._world.proxies[role].cut()  # a channel looks as often as it was to when it was opened
        pid = self._world.processes[role].pid
        limit_file_size(pid, 0)

        def heal() -> None:
            time.sleep(self._chance.uniform(1.0, 3.0))
            limit_file_size(pid, -1)
            self._ctl("eval", TIMEOUTS.format(timeout_ms=1_800_000, tick_ms=60_000))

        return heal

    def _alarm(self) -> Heal:
        self._ctl("set_vm_memory_high_watermark", "absolute", "1")
        return lambda: self._ctl("set_vm_memory_high_watermark", "absolute", "1GiB")

    def _queue_full(self) -> Heal:
        role = self._chance.choice(SINKS)
        self._ctl("set_policy", f"full-{role}", rf"^logs\.{role}$", FULL, "--apply-to", "queues")
        freeze = self._chance.random() < 0.5
        if freeze:
            self._world.kill(role, signal.SIGSTOP)

        def heal() -> None:
            self._world.kill(role, signal.SIGCONT)
            time.sleep(self._chance.random())
            self._ctl("clear_policy", f"full-{role}")

        return heal

    def _poison(self) -> Heal:
        if not self._world.broker.running():
            return lambda: None
        with suppress(pika.exceptions.AMQPError), ExitStack() as closing:  # it may be blocked, or about to go away
            connection = pika.BlockingConnection(
                pika.URLParameters(self._world.broker.url + "?blocked_connection_timeout=5")
            )
            closing.callback(connection.close)
            channel = connection.channel()
            lies = properties_of(Message(b"", type="logbus.batch.v1", headers={"offset": -1}))
            channel.basic_publish("logs", "", b"\0" * 100, lies)
            channel.basic_publish("logs", "", b"a line of a stranger\n")
        return lambda: None

    def _move_output(self) -> Heal:
        self._world.move_outputs(self._chance.choice(SINKS))
        return lambda: None

    def _close_connections(self) -> Heal:
        self._ctl("close_all_connections", "chaos")
        return lambda: None

    def _replace_password(self) -> Heal:
        """Have a process log in anew, 10 to 20 s later, whatever happens to it by then."""
        self._world.put_password(self._any())
        return lambda: None

    def _reload(self) -> Heal:
        """Have a process read another configuration, and execute itself again; one that did not listen yet is gone."""
        role = self._any()
        self._world.change_configuration(role)
        self._world.kill(role, signal.SIGHUP)
        return lambda: self._world.start(role)

    def _restart_application(self) -> Heal:
        self._ctl("stop_app")
        time.sleep(self._chance.random())
        self._world.broker.ctl("start_app")  # not _ctl: it would find the node not running
        return lambda: None

    def _delete_queue(self) -> Heal:
        self._world.delete_queue(self._chance.choice(SINKS))
        return lambda: None

    def _ctl(self, *args: str) -> None:
        self._world.broker.resume()
        if not self._world.broker.running():
            self._world.broker.start()
        self._world.broker.ctl(*args)
