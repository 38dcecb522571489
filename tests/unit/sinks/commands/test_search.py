"""The options of `logbus-sinks search`: what they select, how it is shown, what is said."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from logbus.wire import frames
from sinks.__main__ import cli

LINES = [
    "2026-11-24 10:00:00 INFO one",
    "2026-11-24 10:00:01 ERROR two",
    "  a trace",
    "2026-11-24 10:00:02 WARN three One",
    "2026-11-24 11:00:03 INFO four",
]
Run = Callable[..., tuple[int, list[str], str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Return a function that searches beside a sinks.yml; it returns exit code, output and what was said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "UTC")
    log = "".join(f"{line}\n" for line in LINES).encode()
    for host in ("web-1", "web-2"):
        (tmp_path / "out" / host).mkdir(parents=True)
    (tmp_path / "out/web-1/a.log.zst").write_bytes(frames.compress(log, 3))
    (tmp_path / "out/web-2/a.log.zst").write_bytes(frames.compress(log, 3))
    (tmp_path / "out/web-2/a.log.zst-20261124T120000Z").write_bytes(frames.compress(b"2026-11-24 09:00:00 old\n", 3))
    (tmp_path / "out/stray").write_text("2026-11-24 09:00:00 INFO stray\n")
    (tmp_path / "errors.log").write_text("2026-11-24 09:00:00 ERROR only\n")
    (tmp_path / "sinks.yml").write_text("""
sinks:
  archive: {type: file, path: "out/{host}/{name}.zst", compress: zstd, rotate: {max_bytes: 1000}}
  errors: {type: severity, min: err, write: {type: file, path: errors.log}}
  console: {type: console}
""")

    def search(*words: str) -> tuple[int, list[str], str]:
        with pytest.raises(SystemExit) as ended:
            cli.main(["search", *words], prog_name="logbus-sinks")
        shown = capfd.readouterr()
        return int(str(ended.value.code)), shown.out.splitlines(), shown.err

    return search


def count(run: Run, *words: str) -> int:
    """Return how many records are found."""
    code, [shown], _ = run("--count", *words)
    assert code == int(shown == "0")
    return int(shown)


def test_the_sinks_of_a_configuration(run: Run) -> None:
    """All file sinks, those behind a severity sink too; or the named ones, with what they rotated, and nothing else."""
    assert count(run, "--config", "sinks.yml") == 10
    assert count(run, "--config", "sinks.yml", "", "archive") == 9
    assert count(run, "--config", "sinks.yml", "", "errors") == 1
    code, _, said = run("", "nothing", "--config", "sinks.yml")
    assert code == 2
    assert "there is archive, console, errors" in said
    assert "writes files" in run("", "console", "--config", "sinks.yml")[2]


def test_filters_by_path(run: Run) -> None:
    """What a template tells is a filter; what it does not tell filters nothing, and that is said."""
    assert count(run, "--config", "sinks.yml", "", "archive", "--host", "web-[1]") == 4
    code, shown, said = run("--config", "sinks.yml", "", "archive", "--label", "none", "--count")
    assert (code, shown) == (0, ["9"])
    assert said.count("not filtered by label") == 1
    assert count(run, "--path", "out", "--path-glob", "*/stray") == 1


@pytest.mark.parametrize(
    ("words", "number"),
    [
        (["one"], 1),
        (["-i", "one"], 2),
        (["-v", "one"], 3),
        (["-w", "tw"], 0),
        (["-w", "two|thre"], 1),
        (["-F", "o.e"], 0),
        (["o.e"], 1),
        (["trace"], 1),
        (["--min", "warning"], 2),
        (["--severity", "err", "--severity", "info"], 3),
        (["--since", "2026-11-24 10:00:01", "--until", "2026-11-24 10:00:03"], 2),
    ],
)
def test_what_options_select(run: Run, words: list[str], number: int) -> None:
    """As grep's, but of records."""
    assert count(run, *words, "--path", "out/web-1") == number


def test_what_is_shown(run: Run) -> None:
    """Records around, the newest first, a limit, the bytes alone, colours."""
    where = ("--path", "out/web-1", "--raw")
    assert run("two", "-B1", *where)[1] == LINES[:3]
    assert run("two", "-A1", "--limit", "1", *where)[1] == LINES[1:4]
    assert run("--reverse", "--limit", "2", *where)[1] == [LINES[4], LINES[3]]
    assert "\x1b[1;7mtwo\x1b[0m" in run("two", "--color", "always", "--path", "out/web-1")[1][0]


def test_objects_and_tables(run: Run) -> None:
    """JSON has one object for each record or row."""
    _, [shown], _ = run("two", "--json", "--path", "out/web-1")
    found = json.loads(shown)
    assert (found["line"], found["severity"], found["message"]) == (2, "err", f"{LINES[1]}\n{LINES[2]}")
    _, rows, _ = run("--json", "--count-by", "host,hour", "--config", "sinks.yml", "", "archive")
    assert [tuple(json.loads(each).values()) for each in rows] == [
        ("web-1", "2026-11-24 10:00", 3),
        ("web-1", "2026-11-24 11:00", 1),
        ("web-2", "2026-11-24 09:00", 1),
        ("web-2", "2026-11-24 10:00", 3),
        ("web-2", "2026-11-24 11:00", 1),
    ]
    assert run("--count-by", "colour", "--path", "out")[0] == 2


@pytest.mark.parametrize(
    "words",
    [
        ["-v", "--path", "out"],
        ["--field", "x", "--path", "out"],
        ["a\nb", "--path", "out"],
        ["--min", "bad", "--path", "out"],
    ],
)
def test_what_makes_no_sense(run: Run, words: list[str]) -> None:
    """It is said, with exit code 2."""
    code, shown, said = run(*words)
    assert (code, shown) == (2, [])
    assert "cannot" in said


def test_what_was_not_changed_since_is_not_read(run: Run) -> None:
    """A file that was written last before the time that is asked for holds nothing of it."""
    code, shown, said = run("--since", "2h", "--path", "out/web-1", "--until", "1h")
    assert (code, shown) == (1, [])
    assert "looked into 1 of 1 file" in said
    assert "looked into 0 of 1 file" in run("--since", "2999-01-01", "--path", "out/web-1")[2]
