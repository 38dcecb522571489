"""What an operator installs: systemd units and the compose file are sane, hardened, and fit the configuration."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import shipper.settings
from logbus import VERSION
from logbus.config.settings import parse, parse_document
from sinks.settings import plans_of

ROOT = Path(__file__).parents[2]
CONTAINER = ROOT / "config" / "container"
SYSTEMD = ROOT / "config" / "systemd"
UNITS = ("logbus-shipper.service", "logbus-sink@.service")
INSTALLED = re.compile(r"/opt/logbus/bin/logbus-(?:shipper|sinks)(?= )")
MOST_EXPOSURE = 2.5


@pytest.fixture
def installed(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Give the unit as if Logbus were installed where it says."""
    text = (SYSTEMD / request.param).read_text()
    assert len(INSTALLED.findall(text)) == 1
    program = tmp_path / "program"
    program.symlink_to(sys.executable)
    unit = tmp_path / str(request.param)
    unit.write_text(INSTALLED.sub(str(program), text))
    return unit


def analyze(*args: str) -> "subprocess.CompletedProcess[str]":
    """Run systemd-analyze."""
    return subprocess.run(["systemd-analyze", *args], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("installed", UNITS, indirect=True)
def test_units_verify_clean(installed: Path) -> None:
    """systemd-analyze verify has nothing to say about our units."""
    done = analyze("verify", "--man=no", str(installed))
    assert done.returncode == 0
    assert installed.name.partition(".")[0].rstrip("@") not in done.stderr + done.stdout


@pytest.mark.parametrize("installed", UNITS, indirect=True)
def test_units_are_hardened(installed: Path) -> None:
    """systemd-analyze security sees an exposure of at most 2.5."""
    done = analyze("security", "--offline=true", "--no-pager", str(installed))
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert exposure, done.stderr
    assert float(exposure[1]) <= MOST_EXPOSURE


@pytest.mark.parametrize("unit", UNITS)
def test_units_keep_their_daemon_alive(unit: str) -> None:
    """Own user, readiness and watchdog reported, restarted always, reloaded by SIGHUP, no core dump (S13)."""
    text = (SYSTEMD / unit).read_text()
    for line in (
        "StartLimitIntervalSec=0",
        "Type=notify",
        "Restart=always",
        "User=logbus",
        "ExecReload=kill -HUP $MAINPID",
        "LimitCORE=0",
    ):
        assert f"\n{line}\n" in text
    assert re.search(r"\nWatchdogSec=\d+\n", text)
    assert "u logbus " in (SYSTEMD / "logbus.sysusers").read_text()


def calls_of(group: str) -> set[str]:
    """Return the system calls that a group of systemd's names, those of the groups within it included."""
    lines = [line.strip() for line in analyze("syscall-filter", "--no-pager", group).stdout.splitlines()[1:]]
    names = {line for line in lines if line and not line.startswith("#")}
    within = {name for name in names if name.startswith("@")}
    return (names - within).union(*map(calls_of, within))


def allowed_calls(unit: str) -> set[str]:
    """Return what the lines SystemCallFilter= of a unit allow, one after the other."""
    allowed: set[str] = set()
    for words in re.findall(r"^SystemCallFilter=(.*)$", (SYSTEMD / unit).read_text(), re.MULTILINE):
        named: set[str] = set().union(*(calls_of(word) for word in words.lstrip("~").split()))
        allowed = allowed - named if words.startswith("~") else allowed | named
    return allowed


def test_units_allow_what_their_daemons_do() -> None:
    """A file sink with `group:` may set the group of a file; nothing may become another user."""
    assert {"fchown", "fchownat", "chown", "lchown"} <= allowed_calls("logbus-sink@.service")
    for unit in UNITS:
        allowed = allowed_calls(unit)
        assert {"openat", "fdatasync", "flock", "execve", "memfd_create", "inotify_add_watch"} <= allowed
        assert not allowed & {"setuid", "setresuid", "mount", "bpf", "chroot", "setrlimit"}


@pytest.mark.parametrize("unit", UNITS)
def test_units_pass_a_credential_on(unit: str) -> None:
    """The password may be a credential; by a name without a path, because a missing file would keep the unit down."""
    assert "\nLoadCredential=broker-password\n" in (SYSTEMD / unit).read_text()


@pytest.mark.parametrize("unit", UNITS)
def test_units_name_themselves_in_the_journal(unit: str) -> None:
    """A line in the journal is by its daemon, not by `python`."""
    identifier = unit.removesuffix(".service").replace("@", "@%i")
    assert f"\nSyslogIdentifier={identifier}\n" in (SYSTEMD / unit).read_text()


def compose() -> dict[str, Any]:
    """Return docker-compose.yml as data."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def test_compose_publishes_on_loopback_only() -> None:
    """Nothing in containers is open to the network."""
    ports = [port for service in compose()["services"].values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert not any(service.get("network_mode") == "host" for service in compose()["services"].values())


def test_compose_waits_for_a_healthy_broker() -> None:
    """Every daemon starts when RabbitMQ answers, and drains before it is killed."""
    services = compose()["services"]
    assert services["rabbitmq"]["healthcheck"]["test"][0] == "CMD"
    for name in set(services) - {"rabbitmq"}:
        assert services[name]["depends_on"] == {"rabbitmq": {"condition": "service_healthy"}}
        assert services[name]["command"][0] == ("logbus-shipper" if name == "shipper" else "logbus-sinks")


def test_compose_runs_every_sink_of_the_configuration() -> None:
    """The sinks that run in containers are those of their configuration, by name."""
    services = compose()["services"]
    configured = yaml.safe_load((CONTAINER / "sinks.yml").read_text())["sinks"]
    running = {service["command"][-1] for service in services.values() if "logbus-sinks" in service.get("command", ())}
    assert running == set(configured)


def test_compose_volumes_and_secrets_are_declared() -> None:
    """Every named volume that a service mounts exists, and every mounted file is there or made by make-secrets."""
    declared, secrets = set(compose()["volumes"]), compose()["secrets"]
    made = (CONTAINER / "make-secrets").read_text()
    for service in compose()["services"].values():
        assert set(service["secrets"]) <= set(secrets)
        for source in (volume.partition(":")[0] for volume in service["volumes"]):
            if source.startswith("./"):
                assert (ROOT / source).is_file(), source
            else:
                assert source.startswith("/") or source in declared
    for name, secret in secrets.items():
        assert secret == {"file": f"./config/container/secrets/{name}"}
        assert name in made


def test_containers_have_no_password_in_sight() -> None:
    """No password stands in the compose file, the image or its configuration; RabbitMQ speaks TLS only."""
    texts = [(ROOT / "docker-compose.yml").read_text(), *(each.read_text() for each in CONTAINER.glob("*.*"))]
    assert not any(re.search(r"amqps?://\w+:|guest:", text) for text in texts)
    assert "environment" not in str(compose())
    assert "listeners.tcp = none" in (CONTAINER / "rabbitmq.conf").read_text()


def test_images_have_exact_versions() -> None:
    """What runs next month is what runs today: each image is named with a whole version."""
    bases = re.findall(r"^FROM (\S+)", (CONTAINER / "Dockerfile").read_text(), re.MULTILINE)
    images = [service["image"] for service in compose()["services"].values()]
    assert len(set(bases)) == 1
    assert all(re.search(r":\d+\.\d+\.\d+(?:-|$)", image) for image in [*bases, *images])
    assert f"logbus:{VERSION}" in images


@pytest.mark.parametrize(("name", "kind"), [("shipper.yml", shipper.settings.Settings), ("sinks.yml", None)])
def test_configurations_of_containers_are_valid_and_checked_for_health(
    name: str, kind: type[shipper.settings.Settings] | None
) -> None:
    """They load, log in through TLS by a password file, and serve /healthz where the image's health check asks."""
    text = (CONTAINER / name).read_text()
    if kind:
        assert parse(text, kind).inputs
    else:
        assert plans_of(parse_document(text, name))
    health = re.search(r"http://([\d.:]+)/healthz", (CONTAINER / "Dockerfile").read_text())
    assert health
    document = yaml.safe_load(text)
    daemons = document["sinks"].values() if "sinks" in document else [document]
    assert {each["metrics"] for each in daemons} == {health[1]}
    assert document["broker"]["url"].startswith("amqps://")
    files = {document["broker"]["password_file"], document["broker"]["ca_file"]}
    assert {Path(file).name for file in files} <= set(compose()["secrets"])


def test_the_image_runs_as_a_user_of_its_own() -> None:
    """A number, by which an orchestrator sees that it is not root, and the group to which passwords belong."""
    users = re.findall(r"^USER (\d+):(\d+)$", (CONTAINER / "Dockerfile").read_text(), re.MULTILINE)
    assert users == [("10001", "10001")]
    assert "LOGBUS_GROUP=10001" in (CONTAINER / "make-secrets").read_text()
