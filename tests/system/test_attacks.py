"""Every attack of the corpus against every kind of sink, as real processes on a real node: bounded memory and time."""

import logging
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pika
import pytest

from attacks.messages import attacks
from logbus.batch import Message
from logbus.broker import topology
from logbus.broker.messages import properties_of
from support.programs import Program, Start, Until

logger = logging.getLogger(__name__)

pytestmark = [pytest.mark.broker, pytest.mark.system]

MEMORY_MAX_BYTES = 150_000_000
TIME_MAX_S = 2.0
"""Of a processor, because seven sinks share a machine here."""
SINKS = {
    "raw": "{{type: file, path: {root}/raw.log}}",
    "zstd": "{{type: file, path: {root}/raw.zst, compress: zstd}}",
    "prefix": "{{type: file, format: prefix, path: '{root}/prefix/{{path}}'}}",
    "json": "{{type: file, format: json, path: '{root}/json/{{path}}'}}",
    "severity": "{{type: severity, min: debug, write: {{type: file, format: json, path: {root}/severity.log}}}}",
    "text": "{{type: console}}",
    "objects": "{{type: console, format: json}}",
}
OUTPUTS = {
    "prefix": "prefix/unknown",
    "json": "json/unknown",
    "severity": "severity.log",
    "raw": "raw.log",
    "zstd": "raw.zst",
}
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Victim:
    """A sink process, and how much of a processor it took until the last look."""

    name: str
    process: Program
    output: Path
    used_s: float = 0.0

    def takes_s(self) -> float:
        """Return the seconds of a processor since the last call."""
        words = Path(f"/proc/{self.process.process.pid}/stat").read_text().rpartition(")")[2].split()
        before, self.used_s = self.used_s, (int(words[11]) + int(words[12])) / TICKS
        return self.used_s - before

    def peak_bytes(self) -> int:
        """Return the most memory that was resident so far."""
        status = Path(f"/proc/{self.process.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def shows(self, marker: bytes) -> bool:
        """Return True if the end of its output holds `marker`."""
        if not self.output.exists():
            return False
        with self.output.open("rb") as output:
            output.seek(max(0, self.output.stat().st_size - 4096))
            return marker in output.read()


class Attacker:
    """Publishes to everybody, confirmed."""

    def __init__(self, url: str) -> None:
        self._connection = pika.BlockingConnection(pika.URLParameters(url))
        self._open()
        self._channel.exchange_declare(topology.LOGS, "fanout", durable=True)

    def send(self, message: Message) -> None:
        """Publish a message; RabbitMQ 4 refuses those of over 16 MiB itself."""
        key = "h.attack.emerg.err.info"
        try:
            self._channel.basic_publish(topology.LOGS, key, message.body, properties_of(message), mandatory=True)
        except pika.exceptions.ChannelClosedByBroker as error:
            if "larger than configured max size" not in error.reply_text:
                raise
            self._open()

    def close(self) -> None:
        """Leave."""
        self._connection.close()

    def _open(self) -> None:
        self._channel = self._connection.channel()
        self._channel.confirm_delivery()


@pytest.fixture
def attacker(broker_url: str) -> Iterator[Attacker]:
    """Give what publishes the corpus."""
    with closing(Attacker(broker_url)) as attacker:
        yield attacker


@pytest.fixture
def victims(start: Start, tmp_path: Path, broker_url: str) -> list[Victim]:
    """Start every kind of sink."""
    sinks = "\n".join(f"  {name}: {keys}" for name, keys in SINKS.items())
    config = tmp_path / "sinks.yml"
    config.write_text(
        f"broker: {{url: {broker_url}}}\nstate: {tmp_path}/state\nsinks:\n" + sinks.format(root=tmp_path) + "\n"
    )
    found = []
    for name in SINKS:
        program = start("sinks", "--config", config, name)
        found.append(Victim(name, program, tmp_path / OUTPUTS[name] if name in OUTPUTS else program.out))
    return found


def all_are_bound(victims: list[Victim], attacker: Attacker) -> bool:
    """Publish a line; tell whether one has reached each of them."""
    try:
        attacker.send(Message(b"ready\n"))
    except pika.exceptions.UnroutableError:
        return False
    return all(each.output.exists() and each.output.stat().st_size for each in victims)


def costs_s(
    victims: list[Victim], attacker: Attacker, message: Message, marker: bytes, eventually: Until
) -> list[float]:
    """Publish a message and a line; return the seconds of a processor that each sink took until it had the line."""
    for each in victims:
        each.takes_s()
    attacker.send(message)
    attacker.send(Message(marker + b"\n"))
    eventually(lambda: all(each.shows(marker) for each in victims if each.name != "zstd"))
    return [each.takes_s() for each in victims]


@pytest.mark.alone
@pytest.mark.timeout(300)
def test_no_message_takes_more_than_its_share(victims: list[Victim], attacker: Attacker, eventually: Until) -> None:
    """Whatever is published, each sink stays below 150 MB and 2 s, and shows the line behind it.

    What seems to take longer is published once more: seven sinks share this machine, and something else may, too.
    """
    eventually(lambda: all_are_bound(victims, attacker))
    flaws = []
    for number, attack in enumerate(attacks()):
        took_s = costs_s(victims, attacker, attack.make(), b"after attack %d" % number, eventually)
        if max(took_s) > TIME_MAX_S:
            again_s = costs_s(victims, attacker, attack.make(), b"again after %d" % number, eventually)
            took_s = [*map(min, took_s, again_s)]
        for each, each_s in zip(victims, took_s, strict=True):
            peak_bytes = each.peak_bytes()
            logger.info("%s: %s took %.2f s, %.0f MB", attack.name, each.name, each_s, peak_bytes / 1e6)
            if each_s > TIME_MAX_S or peak_bytes > MEMORY_MAX_BYTES:
                flaws.append(f"{attack.name}: {each.name} took {each_s:.1f} s, {peak_bytes / 1e6:.0f} MB")
    assert not flaws
