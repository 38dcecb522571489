"""The daemons do their work under the system call filters of their units, and where these let them write."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

import pytest

from support.programs import Start, Until

pytestmark = [
    pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed"),
    pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed"),
]
ROOT = Path(__file__).parents[2]
SYSTEMD = ROOT / "config" / "systemd"
ONLY_WRITABLE = """
mount --make-rprivate /
mount --bind "$1/etc" /etc
mount --bind "$1/var" /var
for each in $2; do mount --bind "$each" "$each"; done
for each in /etc /var /; do mount -o remount,bind,ro "$each"; done
shift 2
exec "$@"
"""
"""Runs a program with the /etc and /var of a folder, and writable directories $2 in an otherwise read-only system."""


@cache
def call_sets() -> dict[str, list[str]]:
    """Return the members of each named set of system calls: calls, and other sets."""
    command = ["systemd-analyze", "syscall-filter", "--no-pager"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: dict[str, list[str]] = {}
    members: list[str] = []
    for line in re.sub(r"\x1b\[[\d;]*m", "", printed).splitlines():
        if line.startswith("@"):
            members = found.setdefault(line.strip(), [])
        elif re.match(r"\s+[@\w]", line):
            members.append(line.strip())
    return found


def calls_in(name: str) -> Iterator[str]:
    """Yield the system calls that a word of SystemCallFilter= stands for."""
    if name.startswith("@"):
        for member in call_sets()[name]:
            yield from calls_in(member)
    else:
        yield name


def forbidden_by(unit: str) -> set[str]:
    """Return the system calls that a unit's filter forbids; each line adds to what is allowed, or takes away."""
    allowed = set(calls_in("@default"))
    for line in re.findall(r"^SystemCallFilter=(.+)$", (SYSTEMD / unit).read_text(), re.MULTILINE):
        calls = {call for word in line.removeprefix("~").split() for call in calls_in(word)}
        allowed = allowed - calls if line.startswith("~") else allowed | calls
    return set(calls_in("@known")) - allowed


def under_filter(unit: str, trace: Path) -> tuple[str, ...]:
    """Return a command that runs another one with EPERM for each system call that the unit forbids, as systemd does."""
    calls = ",".join(f"?{call}" for call in sorted(forbidden_by(unit)))
    inject = f"inject={calls}:error=EPERM"
    return ("strace", "-D", "-f", "--seccomp-bpf", "-o", str(trace), "-e", f"trace={calls}", "-e", inject)


def test_the_filters_forbid_something() -> None:
    """Both units forbid what gains privileges, and allow what every program does."""
    for unit in ("logbus-shipper.service", "logbus-sink@.service"):
        forbidden = forbidden_by(unit)
        assert {"setuid", "chroot", "mount", "reboot"} <= forbidden
        assert not forbidden & {"read", "write", "openat", "mmap"}


@pytest.mark.parametrize("where", ["path", "write"])
def test_a_file_sink_gives_its_files_to_a_group(
    tmp_path: Path, broker_url: str, start: Start, eventually: Until, where: str
) -> None:
    """Under its unit's filter, a file sink with `group:` writes, and its directories and files are the group's."""
    group = os.getgid()
    keys = f'path: "{tmp_path}/out/{{label}}.log", group: "{group}"'
    sink = f"{{type: file, {keys}}}"
    if where == "write":
        sink = f"{{type: severity, min: debug, write: {sink}}}"
    config = tmp_path / "sinks.yml"
    config.write_text(f"broker: {{url: '{broker_url}'}}\nstate: {tmp_path}/state\nsinks: {{grouped: {sink}}}\n")
    (tmp_path / "app.log").write_text("a line\n")
    unit = under_filter("logbus-sink@.service", tmp_path / "trace")
    start("sinks", "--config", config, "grouped", under=unit)
    start("shipper", "--state", tmp_path / "shipper", tmp_path / "app.log", url=broker_url)
    output = tmp_path / "out" / "app.log"
    eventually(lambda: output.exists() and output.read_text() == "a line\n")
    assert output.stat().st_gid == output.parent.stat().st_gid == group


def test_a_shipper_ships(tmp_path: Path, broker_url: str, start: Start, eventually: Until) -> None:
    """Under its unit's filter, a shipper ships what is there, and what is appended."""
    start("sinks", "file", "--path", tmp_path / "out.log", "--state", tmp_path / "sink", url=broker_url)
    source, config = tmp_path / "app.log", tmp_path / "shipper.yml"
    source.write_text("one\n")
    config.write_text(
        f"broker: {{url: '{broker_url}'}}\nstate: {tmp_path}/state\ninputs: [{{paths: ['{source}'], start: start}}]\n"
    )
    start("shipper", "--config", config, under=under_filter("logbus-shipper.service", tmp_path / "trace"))
    output = tmp_path / "out.log"
    eventually(lambda: output.exists() and output.read_text() == "one\n")
    with source.open("a") as file:
        file.write("two\n")
    eventually(lambda: output.read_text() == "one\ntwo\n")


@pytest.mark.parametrize("keys", ["password_file: '{}'", "password_command: [cat, '{}']"])
def test_a_shipper_logs_in_with_a_credential(
    tmp_path: Path, broker_url: str, start: Start, eventually: Until, keys: str
) -> None:
    """Under its unit's filter, the password comes from systemd's credential, or from a command that prints it."""
    credential, config, source = tmp_path / "broker-password", tmp_path / "shipper.yml", tmp_path / "app.log"
    credential.write_text("guest")
    credential.chmod(0o400)
    url, secret = broker_url.replace("guest:guest@", "guest@"), keys.format("${CREDENTIALS_DIRECTORY}/broker-password")
    config.write_text(f"broker: {{url: '{url}', {secret}}}\ninputs: [{{paths: ['{source}']}}]\n")
    under = under_filter("logbus-shipper.service", tmp_path / "trace")
    environment = {**os.environ, "CREDENTIALS_DIRECTORY": str(tmp_path)}
    shipper = start("shipper", "-v", "--config", config, under=under, env=environment)
    eventually(lambda: "connected to RabbitMQ" in shipper.said())


def may_mount() -> bool:
    """Return True if this user can have mounts of its own."""
    command = ["unshare", "--mount", "mount", "--make-rprivate", "/"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def writable_under(unit: str) -> list[str]:
    """Return the directories that a unit makes, and may write to despite `ProtectSystem=strict`."""
    text = (SYSTEMD / unit).read_text()
    above = {"State": "/var/lib/", "Logs": "/var/log/"}
    return [above[kind] + name for kind, name in re.findall(r"^(State|Logs)Directory=(.+)$", text, re.MULTILINE)]


def in_place_of(unit: str, folder: Path) -> tuple[str, ...]:
    """Return a command that runs another one where the unit lets it write, in the system in `folder`."""
    places = writable_under(unit)
    for each in places:
        (folder / each[1:]).mkdir(parents=True, exist_ok=True)
    return ("unshare", "--mount", "sh", "-ec", ONLY_WRITABLE, "sh", str(folder), " ".join(places))


def set_up_as_in_the_readme(folder: Path, broker_url: str) -> None:
    """Write the README's two files and the password that they name into the /etc of `folder`."""
    shutil.copytree("/etc", folder / "etc", symlinks=True, ignore_dangling_symlinks=True)
    ours = folder / "etc" / "logbus"
    ours.mkdir()
    (ours / "password").write_text("guest\n")
    (ours / "password").chmod(0o600)
    url = broker_url.replace("guest:guest@", "guest@")
    for name, text in re.findall(
        r"```yaml\n# /etc/logbus/(\S+)\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
    ):
        (ours / name).write_text(re.sub(r"amqp://\w+@mq.example.com/", url, text))


@pytest.mark.skipif(not may_mount(), reason="only root may mount, and not in every container")
def test_the_readmes_production_configuration_runs_under_the_units(
    tmp_path: Path, broker_url: str, start: Start, eventually: Until
) -> None:
    """As it stands, but for the broker's address: state and outputs are where the units let them be."""
    folder = tmp_path / "system"
    set_up_as_in_the_readme(folder, broker_url)
    for sink in ("archive", "errors"):
        command = ("sinks", "--config", "/etc/logbus/sinks.yml", sink)
        eventually(partial(start(*command, under=in_place_of("logbus-sink@.service", folder)).says, ": ready: "))
    source = folder / "var" / "log" / "nginx" / "web.log"
    source.parent.mkdir()
    source.write_text("fine\nERROR: not fine\n")
    start("shipper", "--config", "/etc/logbus/shipper.yml", under=in_place_of("logbus-shipper.service", folder))
    outputs = folder / "var" / "log" / "logbus"
    eventually(lambda: [each.read_text() for each in outputs.glob("*/web.log")] == ["fine\nERROR: not fine\n"])
    eventually(lambda: [each.read_text() for each in outputs.glob("errors.log")] == ["ERROR: not fine\n"])
