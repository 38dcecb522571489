"""`console --archive`: the last records of an archive, as a console shows them."""

import json
from pathlib import Path

import pytest

from logbus.errors import UsageError
from logbus.wire import frames
from sinks.commands.last import show_last

LINES = {
    "web-1/app.log": b"2026-11-24 10:00:01 INFO one\n2026-11-24 10:00:04 ERROR four\n\tat x.Y.z(Y.java:1)\n",
    "web-2/app.log": b'{"time":"2026-11-24T10:00:02Z","msg":"two","status":500}\n2026-11-24 10:00:05 five \x1b[J\n',
    "web-2/db.log": b"2026-11-24 10:00:03 WARN three\n",
}


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Write an archive of some hosts, one file of it compressed; give its template."""
    monkeypatch.setenv("TZ", "UTC")
    for name, text in LINES.items():
        path = tmp_path / "archive" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(frames.compress(text, 1) if "db" in name else text)
    return f"{tmp_path}/archive/{{host}}/{{label}}.log"


def shown(
    capfd: pytest.CaptureFixture[str], archive: str, count: int, least: str = "debug", **keys: object
) -> list[str]:
    """Return the lines that are shown."""
    assert show_last(archive, count, keys, least)
    return capfd.readouterr().out.splitlines()


def test_the_last_records_come_in_the_order_of_their_times(archive: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Across files, with the hosts and labels of their paths; a trace is part of its record, and nothing is obeyed."""
    lines = shown(capfd, archive, 3, utc=True)
    assert [line.split()[1:] for line in lines if line[0] != " "] == [
        ["warning", "web-2", "db", "2026-11-24", "10:00:03", "WARN", "three"],
        ["err", "web-1", "app", "2026-11-24", "10:00:04", "ERROR", "four"],
        ["info", "web-2", "app", "2026-11-24", "10:00:05", "five", "\\x1b[J"],
    ]
    assert lines[2].strip() == "at x.Y.z(Y.java:1)"


def test_only_what_the_console_would_show(archive: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The last of those that severity, host, pattern and fields choose."""
    assert len(shown(capfd, archive, 9, "warning")) == 3
    assert [line.split()[2] for line in shown(capfd, archive, 9, host="web-2")] == ["web-2"] * 3
    assert shown(capfd, archive, 9, grep="t[wh]")[-1].endswith("three")
    [line] = shown(capfd, archive, 9, field={"status": "5*"})
    assert line.endswith("two status=500")


def test_the_last_records_as_objects(archive: str, capfd: pytest.CaptureFixture[str]) -> None:
    """As a console's others, with the path of the file that holds them."""
    [line] = shown(capfd, archive, 1, "err", format="json")
    found = json.loads(line)
    assert (found["host"], found["severity"], found["time"]) == ("web-1", "err", "2026-11-24T10:00:04.000000Z")
    assert found["path"].endswith("archive/web-1/app.log")


def test_a_directory_is_an_archive_as_well(archive: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Without a template, nothing tells whose records they are."""
    [line] = shown(capfd, archive.partition("/{")[0], 1)
    assert line.split()[2:4] == ["archive", "archive"]


def test_an_archive_that_is_not_there_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A template without files is reported, and the console goes on; a path that is not there is a mistake."""
    assert show_last(f"{tmp_path}/none/{{host}}.log", 5, {}, "debug")
    assert "no such directory" in caplog.text
    with pytest.raises(UsageError):
        show_last(f"{tmp_path}/none.log", 5, {}, "debug")
