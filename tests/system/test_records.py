"""What leaves the host, end to end: joined and redacted records through every crash, and severities as bindings."""

import random
import re
from pathlib import Path

import pika
import pytest

from logbus.broker import topology
from support.programs import Start, Until

pytestmark = [pytest.mark.broker, pytest.mark.system]

ROUNDS = 8
RECORDS_A_ROUND = 400
SHIPPER = """\
broker: {{url: {url}}}
host: h
state: {root}/shipper
inputs:
  - paths: ["{root}/logs/*.log*"]
    label: app
    multiline: {{preset: java, flush_s: 0.2}}
    redact: {{presets: [email, private_key]}}
"""
TRACE = """\
2024-01-02 15:04:05,678 ERROR [main] shop - {number} of jo{number}@example.com failed
java.lang.IllegalStateException: no stock
\tat com.acme.Stock.take(Stock.java:{number})
Caused by: java.io.IOException: for al@example.org
\t... 2 more
"""
LINE = "2024-01-02 15:04:05,679 INFO  [main] shop - {number} went on\n"
KEY = """\
2024-01-02 15:04:05,680 WARN  [main] shop - {number} has
-----BEGIN PRIVATE KEY-----
{number}MIIEvQ
-----END PRIVATE KEY-----
"""


def record(number: int) -> str:
    """Return a numbered record of one, four or five lines."""
    return (TRACE, LINE, LINE, KEY)[number % 4].format(number=number)


def redacted(text: str) -> str:
    """Return what may leave the host of some records."""
    text = re.sub(r"\w+@example\.\w+", "[redacted email]", text)
    return re.sub(r"-----BEGIN[^@]*?-----END PRIVATE KEY-----", "[redacted private_key]", text)


def test_joined_and_redacted_records_come_once_through_crashes(
    start: Start, broker_url: str, tmp_path: Path, eventually: Until
) -> None:
    """C1, G2, B14: shipper and sink killed by turns, in the middle of traces, files rotated there: each record once."""
    chance = random.Random(7)  # noqa: S311 - the same each time
    config = tmp_path / "shipper.yml"
    config.write_text(SHIPPER.format(root=tmp_path, url=broker_url))
    source, copy = tmp_path / "logs" / "app.log", tmp_path / "out" / "app.log"
    source.parent.mkdir()
    everything = "".join(map(record, range(ROUNDS * RECORDS_A_ROUND))).encode()
    flags = ("--path", copy.parent / "{label}.log", "--state", tmp_path / "sink")
    sink = start("sinks", "file", *flags, url=broker_url)
    shipper = start("shipper", "--config", config, url=broker_url)
    at = 0
    for number in range(1, ROUNDS + 1):
        before = _size(copy)
        end = len(everything) * number // ROUNDS  # the middle of a line, as often as not
        while at < end:
            piece = everything[at : min(end, at + chance.randrange(1, 9000))]
            with source.open("ab", buffering=0) as file:
                file.write(piece)
            at += len(piece)
        eventually(lambda: _size(copy) > before)  # noqa: B023 - called at once
        if number % 2:
            shipper.kill()
            shipper = start("shipper", "--config", config, url=broker_url)
        if number % 3 != 1:
            sink.kill()
            sink = start("sinks", "file", *flags, url=broker_url)
        if number == ROUNDS // 2:
            with source.open("ab") as file:
                file.write(b"\n")
            source.rename(f"{source}.1")
            at = everything.rfind(b"\n2024-", 0, at) + 1  # a writer that goes on in the new file begins a record
    expected = "".join(redacted(each.read_text()) for each in (source.with_name("app.log.1"), source))
    eventually(lambda: _size(copy) >= len(expected))
    assert sorted(records_of(copy.read_text())) == sorted(records_of(expected))


def records_of(text: str) -> list[str]:
    """Return the records of a text, each beginning with its stamp."""
    return re.split(r"(?m)^(?=2024-)", text)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def test_a_severity_that_does_not_occur_costs_its_queue_nothing(
    start: Start, broker_url: str, tmp_path: Path, eventually: Until
) -> None:
    """F12: of 1 error among 999 lines the sink for err writes that line; nothing reaches the queue for emerg."""
    source = tmp_path / "app.log"
    lines = [b"INFO: line %d\n" % number for number in range(1000)]
    lines[500] = b"ERROR: line 500\n"
    source.write_bytes(b"".join(lines))
    sinks = {
        least: start(
            "sinks", "severity", "-v", "--queue", least, "--min", least,
            "--path", tmp_path / least / "{label}.log", "--state", tmp_path / f"state-{least}", url=broker_url,
        )
        for least in ("err", "emerg")
    }  # fmt: skip
    for sink in sinks.values():
        eventually(lambda: "connected" in sink.said())  # noqa: B023 - called at once
    assert sinks["emerg"].terminate() == 0  # its queue stays, and keeps whatever comes
    assert start("shipper", "--once", source, url=broker_url).ends() == 0
    written = tmp_path / "err" / "app.log"
    eventually(lambda: written.exists() and written.read_bytes())
    assert written.read_bytes() == b"ERROR: line 500\n"
    with pika.BlockingConnection(pika.URLParameters(broker_url)) as connection:
        channel = connection.channel()
        channel.basic_publish(topology.LOGS, "", b"EMERG: the first that comes")
        _, _, body = next(channel.consume(topology.sink_queue("emerg").name))
    assert body == b"EMERG: the first that comes"
