"""The daemon's loop: signals, systemd, exit codes. Driven in this process, with a service that does nothing."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from logbus import daemon
from logbus.errors import ConfigError
from support.no_descriptors import no_descriptors


class Service:
    """Says what it was asked; at each step sends the next signal to this very process."""

    def __init__(self, *signals: int) -> None:
        self.signals = list(signals)
        self.asked: list[str] = []
        self.stubborn = False

    def step(self, _now: float) -> float:
        """Send a signal."""
        self.asked.append("step")
        if self.signals:
            os.kill(os.getpid(), self.signals.pop(0))
        return 0.0

    def drain(self) -> None:
        """Note it."""
        self.asked.append("drain")

    def finished(self) -> bool:
        """Return True if it was drained."""
        return "drain" in self.asked and not self.stubborn

    def reload(self) -> None:
        """Note it."""
        self.asked.append("reload")

    def close(self) -> None:
        """Note it."""
        self.asked.append("close")


class Link:
    """Nothing to wait for."""

    def poll(self, timeout_s: float) -> None:
        """Return at once."""

    def wake(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Give the socket at which systemd would listen."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(0)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "2")
        yield sock


def heard(sock: socket.socket) -> list[str]:
    """Return what systemd was told."""
    told = []
    try:
        while True:
            told.append(sock.recv(4096).decode())
    except BlockingIOError:
        return told


def wrong() -> None:
    """Read a configuration that is wrong."""
    raise ConfigError("load the configuration", "shipper.yml:3: no such key")


def test_a_reload_waits_for_descriptors(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A program that could open nothing at its new start does not begin it."""
    taken = []
    monkeypatch.setattr(os, "execv", lambda *how: taken.append(how))
    with ExitStack() as starved:

        def fed(_seconds: float) -> None:
            assert not taken
            starved.close()

        monkeypatch.setattr("logbus.daemon.time.sleep", fed)
        daemon.run(Service(signal.SIGHUP), Link(), read_again=lambda: not starved.enter_context(no_descriptors()))
    assert "cannot start again with the new configuration: too many open files; retrying" in caplog.text
    assert len(taken) == 1


def test_systemd_hears_of_life_without_descriptors(systemd: socket.socket) -> None:
    """A daemon that can open nothing is not killed as one that hangs."""
    daemon.notify("READY=1")
    with no_descriptors():
        daemon.notify("WATCHDOG=1")
    assert heard(systemd) == ["READY=1", "WATCHDOG=1"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_ends(number: int) -> None:
    """SIGTERM and SIGINT: nothing new, what is under way is finished, everything is closed, exit code 0."""
    service = Service(number)
    assert daemon.run(service, Link()) == 0
    assert service.asked == ["step", "drain", "step", "close"]


def test_what_is_left_when_time_is_up_makes_a_failure() -> None:
    """E8: a drain that does not come to its end in time ends all the same, with exit code 1."""
    service = Service(signal.SIGTERM)
    service.stubborn = True
    assert daemon.run(service, Link(), drain_timeout_s=0.0) == 1
    assert service.asked[-1] == "close"


def test_a_second_signal_ends_at_once() -> None:
    """Whoever presses Ctrl-C twice is not kept waiting."""
    service = Service(signal.SIGINT, signal.SIGINT)
    service.stubborn = True
    with pytest.raises(SystemExit):
        daemon.run(service, Link())
    assert service.asked[-1] == "close"


def test_a_wrong_configuration_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """H1: at SIGHUP a configuration that is wrong is said in a line, and all goes on as it was."""
    service = Service(signal.SIGHUP, signal.SIGTERM)
    assert daemon.run(service, Link(), read_again=wrong) == 0
    assert service.asked == ["step", "reload", "step", "drain", "step", "close"]
    assert [record.getMessage() for record in caplog.records] == [
        "cannot load the configuration: shipper.yml:3: no such key; the old settings stay in force"
    ]


def test_systemd_hears_of_start_life_and_end(systemd: socket.socket) -> None:
    """Type=notify and WatchdogSec= work: READY, WATCHDOG at each round, STOPPING."""
    daemon.run(Service(signal.SIGTERM), Link())
    told = heard(systemd)
    assert (told[0], told[-1]) == ("READY=1", "STOPPING=1")
    assert set(told[1:-1]) == {"WATCHDOG=1"}


def test_systemd_hears_of_a_reload(systemd: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """H1: RELOADING, not STOPPING, and then the program takes its own place, as it was called."""
    taken = []
    monkeypatch.setattr(os, "execv", lambda *how: taken.append(how))
    service = Service(signal.SIGHUP)
    daemon.run(service, Link(), read_again=lambda: "settings")
    told = [each for each in heard(systemd) if each != "WATCHDOG=1"]
    assert told[0] == "READY=1"
    assert [each.partition("=")[0] for each in told] == ["READY", "RELOADING"]
    assert service.asked == ["step", "reload", "drain", "step", "close"]
    assert len(taken) == 1
