"""`logbus-sinks search` and `stats` with an index: what they say, and what they do without one."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from logbus.batch import Batch
from sinks.__main__ import cli
from sinks.file import Settings, open_sink
from sinks.index import index as index_room
from sinks.index.blocks import Limits
from sinks.index.names import FILE_NAME
from sinks.sink import Context

Run = Callable[..., tuple[int, list[str], str]]
BODY = b"2026-11-24 10:00:00 one\n2026-11-24 10:00:01 two\n2026-11-24 11:00:02 three\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command beside an archive; it returns exit code, output and what was said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setattr("sinks.file.sink.Index", partial(index_room.Index, limits=Limits(least_bytes=1)))
    (tmp_path / "sinks.yml").write_text("state: state\nsinks:\n  archive: {type: file, path: 'out/{host}.log'}\n")
    (tmp_path / "state" / "archive").mkdir(parents=True)
    settings = Settings(path="out/{host}.log")
    sink = open_sink(settings, Context("archive", Path("state/archive"), lambda _output, _mark: None, is_new=True))
    for host, digits in (("web-1", b"663"), ("web-2", b"666")):
        sink.write(Batch(BODY, digits, host=host, label="app", path="/a", stream="0" * 16, end=len(BODY), read_at_us=1))
    sink.commit()
    sink.committed()
    sink.close()

    def command(*words: str) -> tuple[int, list[str], str]:
        with pytest.raises(SystemExit) as ended:
            cli.main([*words, "--config", "sinks.yml"], prog_name="logbus-sinks")
        shown = capfd.readouterr()
        return int(str(ended.value.code)), shown.out.splitlines(), shown.err

    return command


@pytest.mark.parametrize("is_settled", [False, True])
def test_a_search_says_what_the_index_spared(run: Run, is_settled: bool) -> None:
    """By published severities, that no text states."""
    if is_settled:
        assert run("index", "rebuild")[0] == 0
    code, lines, said = run("search", "--min", "err", "--raw")
    assert (code, lines) == (0, ["2026-11-24 11:00:02 three"])
    assert said.splitlines() == ["looked into 1 of 2 files, 74 B of 148 B, by the index"]


def test_counts_of_finished_outputs_need_no_reading(run: Run) -> None:
    """Nor do those by time, on the hour; half an hour is read."""
    assert run("index", "rebuild")[0] == 0
    code, lines, said = run("search", "--count-by", "hour,severity", "--json")
    assert (code, [json.loads(each)["count"] for each in lines]) == (0, [4, 1, 1])
    assert "looked into 0 of 2 files" in said
    assert run("search", "--count", "--since", "2026-11-24 11:00")[1:] == (
        ["2"],
        "looked into 0 of 2 files, 0 B of 148 B, by the index\n",
    )
    assert "looked into 2 of 2 files" in run("search", "--count", "--until", "2026-11-24 10:00:01")[2]


def test_an_index_in_another_zone_tells_no_times(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Times that state no zone are others then, and are read."""
    assert run("index", "rebuild")[0] == 0
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    code, lines, said = run("search", "--since", "2026-11-24 11:00", "--raw")
    assert (code, len(lines)) == (0, 2)
    assert "looked into 2 of 2 files" in said
    assert run("search", "--since", "2026-11-24 11:00", "--utc", "--raw")[0] == 0


@pytest.mark.parametrize("damage", ["delete", "overwrite"])
def test_without_a_sound_index_all_is_read(run: Run, damage: str) -> None:
    """And that is said, once."""
    index = Path("state/archive") / FILE_NAME
    if damage == "delete":
        index.unlink()
    else:
        index.write_bytes(b"no database")
    code, _, said = run("search", "three")
    assert code == 0
    reason = "no index: all is read" if damage == "delete" else "the index of archive is not used: "
    assert said.count(reason) == 1
    assert "looked into 2 of 2 files, 148 B of 148 B\n" in said


def test_statistics(run: Run) -> None:
    """Lines and bytes, from the index alone; what has no row is said."""
    with Path("out/web-2.log").open("ab") as file:
        file.write(b"12345\n")
    code, lines, said = run("stats", "--by", "host,severity")
    assert code == 0
    assert [line.split()[:4] for line in lines[1:]] == [
        ["web-2", "info", "3", "74"],
        ["web-1", "info", "2", "49"],
        ["web-1", "err", "1", "24"],
    ]
    assert said == "not indexed: 6 B on disk\n"
    code, lines, _ = run("stats", "--by", "host", "--json")
    assert [json.loads(each) for each in lines] == [
        {"host": "web-1", "lines": 3, "bytes": 73},
        {"host": "web-2", "lines": 3, "bytes": 74},
    ]
    assert "and 1 row more: --top 2" in run("stats", "--by", "host", "--top", "1")[2]
    assert run("stats", "--by", "nothing")[0] == 2
