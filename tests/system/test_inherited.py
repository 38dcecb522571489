"""Stack traces that nothing joins, end to end: a severity sink holds each whole, also where the shipper was killed."""

from pathlib import Path

import pytest

from support.failures import FAILURES
from support.programs import Start, Until

pytestmark = [pytest.mark.broker, pytest.mark.system]

CALM = {True: "2025-03-04 10:15:31,000 INFO [main] all is well\n", False: "INFO: all is well\n"}


def test_a_severity_sink_holds_traces_whole(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> None:
    """`min: err` without `multiline` keeps twenty traces of eight languages whole, in order, and nothing else."""
    source, copy = tmp_path / "app.log", tmp_path / "errors.log"
    expected = "".join(FAILURES).encode()
    sink = start(
        "sinks", "severity", "--min", "err", "--path", copy, "--state", tmp_path / "sink", "-v", url=broker_url
    )
    eventually(lambda: "connected" in sink.said())
    shipper = start("shipper", "--state", tmp_path / "state", source, url=broker_url)
    for number, failure in enumerate(FAILURES):
        lines = failure.splitlines(keepends=True)
        written = "".join(FAILURES[:number])
        with source.open("a") as file:
            file.write(CALM[failure[:1].isdigit()] + "".join(lines[:2]))
        due = len(written.encode()) + len("".join(lines[:2]).encode())
        eventually(lambda: copy.exists() and copy.stat().st_size == due)  # noqa: B023 - called at once
        if number % 5 == 0:
            shipper.kill()
            shipper = start("shipper", "--state", tmp_path / "state", source, url=broker_url)
        with source.open("a") as file:
            file.write("".join(lines[2:]) + CALM[failure[:1].isdigit()])
    eventually(lambda: copy.stat().st_size == len(expected))
    assert copy.read_bytes() == expected
