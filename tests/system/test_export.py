"""`logbus-sinks export`: what others read is what was searched for, whole or not at all."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet
import pytest

from logbus.wire import frames
from support import wait_until

pytestmark = pytest.mark.system

LOG = (
    b"2026-11-24 10:00:00,000 INFO [main] com.example.Shop - started\n"
    b'2026-11-24 10:00:02,000 ERROR [worker-3] com.example.Shop - order "4711", failed\n'
    b"java.lang.IllegalStateException: no stock\n"
    b"\tat com.example.Stock.take(Stock.java:41)\n"
)
OBJECT = b'{"ts":"2026-11-24T10:00:01Z","level":"warn","msg":"stock is \xff low","status":507}\n'
ENVIRONMENT = {**os.environ, "TZ": "UTC"}


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Return a directory with two logs."""
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "shop.log").write_bytes(LOG)
    (folder / "stock.log.zst").write_bytes(frames.compress(OBJECT, 1))
    return folder


def command(*words: object) -> list[str]:
    """Return the command line of an export."""
    return [sys.executable, "-m", "sinks", "export", *map(str, words)]


def export(*words: object) -> "subprocess.CompletedProcess[str]":
    """Run an export to its end."""
    return subprocess.run(command(*words), env=ENVIRONMENT, capture_output=True, check=False, text=True)


def test_csv_holds_every_record(logs: Path, tmp_path: Path) -> None:
    """In the order of time, with headings; quotes, commas and lines of a record survive."""
    ran = export("--path", logs, tmp_path / "out.csv")
    assert (ran.returncode, ran.stdout) == (0, "")
    assert "wrote 3 records" in ran.stderr
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text(), newline="")))
    assert [row["severity"] for row in rows] == ["info", "warning", "err"]
    assert rows[2]["message"] == LOG.split(b"\n", 1)[1].removesuffix(b"\n").decode()
    assert rows[0]["time"] == "2026-11-24T10:00:00.000000Z"
    assert rows[1]["message"].endswith(r'"msg":"stock is \xff low","status":507}')


def test_json_holds_fields(logs: Path, tmp_path: Path) -> None:
    """An object a line, with what the record says as one within it."""
    assert export("--path", logs, "--fields", "--min", "warning", tmp_path / "out.ndjson").returncode == 0
    found = [json.loads(line) for line in (tmp_path / "out.ndjson").read_text().splitlines()]
    assert [each["severity"] for each in found] == ["warning", "err"]
    assert found[0]["fields"]["status"] == 507
    assert found[1]["file"].endswith("shop.log")


def test_parquet_holds_times(logs: Path, tmp_path: Path) -> None:
    """The time is a time stamp in UTC, all else is text."""
    assert export("--path", logs, "--format", "parquet", "--match", "order", tmp_path / "out").returncode == 0
    [row] = pyarrow.parquet.read_table(tmp_path / "out").to_pylist()
    assert row["time"] == datetime(2026, 11, 24, 10, 0, 2, tzinfo=UTC)
    assert (row["severity"], row["host"], row["fields"]) == ("err", "", "")


def test_an_empty_answer_is_a_file_too(logs: Path, tmp_path: Path) -> None:
    """A file without rows is what other tools expect; the exit code is 1."""
    for suffix in ("csv", "json", "parquet"):
        assert export("--path", logs, "--match", "nowhere", tmp_path / f"out.{suffix}").returncode == 1
    assert pyarrow.parquet.read_table(tmp_path / "out.parquet").num_rows == 0
    assert (tmp_path / "out.csv").read_text().splitlines() == ["time,severity,host,label,path,file,message,fields"]


def test_the_file_is_whole_or_as_before(logs: Path, tmp_path: Path) -> None:
    """An interrupted export leaves the file of before, and no draft."""
    target = tmp_path / "out.json"
    target.write_text("before")
    frame = frames.compress(LOG * 10_000, 1)
    (logs / "more.log.zst").write_bytes(frame * 500)
    with subprocess.Popen(command("--path", logs, target), env=ENVIRONMENT, stderr=subprocess.PIPE) as ran:
        wait_until(lambda: any(each.stat().st_size for each in tmp_path.glob(".out.json.*")), 30)
        ran.send_signal(signal.SIGINT)
        _, said = ran.communicate(timeout=30)
    assert ran.returncode == 2
    assert b"interrupted" in said
    assert target.read_text() == "before"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["logs", "out.json"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["out.xml"], "its name tells no format"),
        (["missing/out.csv"], "no such file"),
        (["--since", "soon", "out.csv"], "is not a time"),
    ],
)
def test_mistakes_are_told(logs: Path, tmp_path: Path, words: list[str], text: str) -> None:
    """A sentence, exit code 2, and no file."""
    ran = export("--path", logs, *words[:-1], tmp_path / words[-1])
    assert ran.returncode == 2
    assert text in ran.stderr
    assert "Traceback" not in ran.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["logs"]


def test_a_damaged_file_is_told(logs: Path, tmp_path: Path) -> None:
    """What could be read is written, and the exit code is 2."""
    (logs / "bad.log.gz").write_bytes(b"\x1f\x8b\x08" + b"\x00" * 40)
    ran = export("--path", logs, tmp_path / "out.csv")
    assert ran.returncode == 2
    assert "bad.log.gz" in ran.stderr
    assert "wrote 3 records" in ran.stderr
