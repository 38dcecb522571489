"""The hosts that should run, in a file."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from logbus.errors import UsageError
from logbus.fleet.status import Status
from sinks.fleet import remembered
from sinks.fleet.remembered import Remembered, hosts_in
from sinks.fleet.seen import Row, unheard


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Remembered]:
    """Return the memory of a page, in a file that people have begun."""
    (tmp_path / "hosts").write_text("web-1  # the shop\n\n")
    with closing(Remembered(tmp_path / "hosts")) as found:
        yield found


def told(host: str, role: str = "shipper") -> Status:
    """Return a status."""
    return Status(host, role, "a1", 0, 0)  # type: ignore[arg-type]


def test_hosts_of_shippers_are_remembered_once(hosts: Remembered, tmp_path: Path) -> None:
    """Each new one is a line behind those that were there; sinks are not expected anywhere."""
    for host in ("web-1", "web-2", "web-2"):
        hosts.see(told(host))
    hosts.see(told("logs-1", "sink"))
    assert list(hosts.hosts()) == hosts_in(tmp_path / "hosts") == ["web-1", "web-2"]
    assert (tmp_path / "hosts").read_text() == "web-1  # the shop\n\nweb-2\n"


@pytest.mark.parametrize("name", ["", " a", "a\nb", "a#b", "#", "\x1b[2J", "a\u2028b", "a\u202eb"])
def test_names_that_are_no_line_are_not_remembered(hosts: Remembered, tmp_path: Path, name: str) -> None:
    """Anybody may call a host anything: a name never becomes two lines, a comment, or an escape in an editor."""
    hosts.see(told(name))
    assert hosts_in(tmp_path / "hosts") == ["web-1"]


def test_made_up_hosts_fill_no_disk(hosts: Remembered, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """There are only so many."""
    monkeypatch.setattr(remembered, "HOSTS_MAX", 3)
    for number in range(9):
        hosts.see(told(f"h{number}"))
    assert hosts_in(tmp_path / "hosts") == ["web-1", "h0", "h1"]


def test_what_cannot_be_used_is_said(tmp_path: Path) -> None:
    """A link is not followed, a directory is no file, and bytes that are no text are no hosts."""
    (tmp_path / "other").write_bytes(b"\xff\n")
    (tmp_path / "link").symlink_to(tmp_path / "other")
    for path in (tmp_path / "link", tmp_path, tmp_path / "missing" / "hosts"):
        with pytest.raises(UsageError, match="remember hosts in"):
            Remembered(path)
    with pytest.raises(UsageError, match=r"read .*other"):
        Remembered(tmp_path / "other")


def test_a_full_disk_ends_nothing(hosts: Remembered, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """A host that cannot be written is remembered by this process, which says so."""
    fd = os.open("/dev/full", os.O_WRONLY)
    os.dup2(fd, hosts._fd)  # noqa: SLF001 - a disk that is full
    os.close(fd)
    hosts.see(told("web-2"))
    assert list(hosts.hosts()) == ["web-1", "web-2"]
    assert "the host web-2 is not remembered" in caplog.text
    assert hosts_in(tmp_path / "hosts") == ["web-1"]


def test_known_hosts_that_nobody_hears_are_silent() -> None:
    """As long as the page runs, or longer."""
    heard = [Row(told("web-1"), "idle", 0, 0, 0, 1)]
    [row] = unheard(["web-1", "web-2"], heard, 42.0)
    assert (row.status.host, row.state, row.silent_s) == ("web-2", "silent", 42.0)
