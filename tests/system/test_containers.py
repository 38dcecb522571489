"""What runs in containers, without them: secrets, RabbitMQ's configuration, shipper and sinks fit together."""

import os
import re
import shutil
import subprocess
from functools import partial
from pathlib import Path

import pytest

from logbus.devbroker import DevBroker, Extras
from logbus.devbroker.processes import free_ports
from support.programs import Start, Until

CONTAINER = Path(__file__).parents[2] / "config" / "container"
pytestmark = [
    pytest.mark.broker,
    pytest.mark.system,
    pytest.mark.skipif(os.getuid() != 0, reason="only root may give a file to another group"),
    pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of config/container, with secrets."""
    copy = tmp_path / "container"
    shutil.copytree(CONTAINER, copy, ignore=shutil.ignore_patterns("secrets"))
    subprocess.run([copy / "make-secrets", "mq.example.com"], check=True)
    return copy


def relocated(file: Path, port: int) -> Path:
    """Return a copy of a configuration for this host: its paths below the folder, its broker on a port."""
    folder = file.parent
    text = file.read_text().replace("rabbitmq:5671", f"localhost:{port}").replace("/run/secrets", f"{folder}/secrets")
    text = re.sub(r"^ *metrics: .*\n", "", text, flags=re.MULTILINE)
    text = text.replace("/var/log/logbus", f"{folder}/archive").replace("/var/l", f"{folder}/l")
    copy = file.with_suffix(".here.yml")
    copy.write_text(text)
    return copy


def test_secrets_are_for_those_who_need_them(folder: Path) -> None:
    """Of each secret, owner and one group may read at most; a second call leaves all as it is."""
    secrets = folder / "secrets"
    public = {"ca.pem", "server.pem"}
    assert {each.name for each in secrets.iterdir() if each.stat().st_mode & 0o007} == public
    before = {each.name: each.read_bytes() for each in secrets.iterdir()}
    again = subprocess.run([folder / "make-secrets"], capture_output=True, check=False)
    assert again.returncode == 1
    assert {each.name: each.read_bytes() for each in secrets.iterdir()} == before


def test_shipper_and_sinks_of_the_compose_file_work_together(folder: Path, start: Start, eventually: Until) -> None:
    """Through TLS, as users of the least permissions, a line reaches every durable sink; there is no guest."""
    (port,) = free_ports(1)
    ours = (folder / "rabbitmq.conf").read_text().replace("/run/secrets", str(folder / "secrets"))
    conf = re.sub(r"^(?:listeners\.tcp|management)\b.*\n", "", ours, flags=re.MULTILINE)
    with DevBroker(folder / "node", Extras(conf.replace("= 5671", f"= 127.0.0.1:{port}"))) as broker:
        names = {line.split()[0] for line in broker.ctl("-q", "list_users", "--no-table-headers").splitlines()}
        assert names == {"admin", "shipper", "sinks"}
        sinks = relocated(folder / "sinks.yml", port)
        for name in ("archive", "errors"):
            eventually(partial(start("sinks", "--config", sinks, name).says, ": ready: "))
        (folder / "log").mkdir()
        (folder / "log" / "app.log").write_text("fine\nERROR: not fine\n")
        start("shipper", "--config", relocated(folder / "shipper.yml", port))
        archive = folder / "archive"
        eventually(lambda: [each.read_text() for each in archive.glob("*/app/app.log")] == ["fine\nERROR: not fine\n"])
        eventually(lambda: [each.read_text() for each in archive.glob("errors.log")] == ["ERROR: not fine\n"])
