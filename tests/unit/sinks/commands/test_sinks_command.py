"""`python -m sinks`: what it says and the code that it ends with, as far as that needs no broker."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from logbus.batch import Message
from sinks.__main__ import cli
from sinks.commands.coverage import coverage, report
from support.stages import Stage

YAML = """
state: {state}
sinks:
  archive: {{type: file, path: "/x/{{host}}"}}
  screen: {{type: console}}
  errors: {{type: severity, min: err, write: {{type: file, path: /y/errors}}}}
"""


def sinks(*arguments: str | Path) -> Result:
    """Run the command line."""
    return CliRunner().invoke(cli, [str(each) for each in arguments])


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a configuration file."""
    path = tmp_path / "sinks.yml"
    path.write_text(YAML.format(state=tmp_path / "states"))
    return path


def test_help_shows_the_commands_and_examples() -> None:
    """A newcomer sees what there is."""
    shown = sinks("--help")
    assert shown.exit_code == 0
    for word in ("console", "file", "severity", "audit", "Examples:"):
        assert word in shown.output


def test_check_says_what_would_run(config: Path) -> None:
    """`--config F NAME --check` needs no broker, and says type, bindings and state."""
    shown = sinks("--config", config, "archive", "--check")
    assert (shown.exit_code, "a file sink, bound to everything" in shown.output) == (0, True)
    assert "state in memory" in sinks("--config", config, "screen", "--check").output
    assert "'*.*.#.err.#'" in sinks("--config", config, "errors", "--check").output


@pytest.mark.parametrize(
    "arguments",
    [
        ("--config", "/nonexistent.yml", "archive"),
        ("archive",),
        ("console", "--min", "loud"),
        ("console", "--grep", "("),
        ("console", "--broker", "http://x"),
        ("file", "--path", "/x/{hots}", "--state", "/nonexistent"),
        ("file", "--path", "/x"),
        ("severity", "--path", "/x", "--state", "/nonexistent"),
        ("file", "--path", "/x", "--state", "/nonexistent", "--queue", "dead"),
        ("audit",),
        ("consle",),
    ],
)
def test_a_mistake_of_the_user_ends_with_2(arguments: tuple[str, ...]) -> None:
    """Usage and configuration: exit code 2 and no traceback."""
    ended = sinks(*arguments)
    assert ended.exit_code == 2
    assert isinstance(ended.exception, SystemExit)


def test_audit_tells_what_is_held(stage: Stage, config: Path) -> None:
    """One row a stream, also while the sink runs; exit 0 without a hole."""
    runner = stage.start()
    stage.queue.put(stage.batch(b"one\n", 100), stage.batch(b"two\n", 104), stage.batch(b"two\n", 104), Message(b"x"))
    for now in (0.0, 3.0, 4.0, 14.0, 15.0):
        runner.step(now)
    ended = sinks("audit", "--state", stage.root / "state")
    assert ended.exit_code == 0
    heading, row = ended.output.splitlines()
    cells = dict(zip(heading.split(), row.split(), strict=True))
    expected = {"host": "web-1", "path": "/var/log/app.log", "bytes": "8", "from": "100", "to": "108", "holes": "0"}
    assert expected.items() <= cells.items()
    assert cells["trimmed"] == "4"
    assert sinks("audit", "--config", config, "archive").exit_code == 1, "no ledger there"


def test_audit_counts_what_only_came_again(stage: Stage) -> None:
    """Duplicates show before the stream goes on, too."""
    runner = stage.start()
    stage.queue.put(stage.batch(b"one\n"))
    for now in (0.0, 1.0):
        runner.step(now)
    stage.queue.put(stage.batch(b"one\n"))
    for now in (2.0, 3.0):
        runner.step(now)
    assert [each.trimmed_bytes for each in coverage(stage.root / "state")] == [4]


def test_audit_tells_a_hole(stage: Stage) -> None:
    """A gap in what is held is a loss, or a batch still on its way: exit 1, with its place; names cannot forge rows."""
    runner = stage.start()
    stage.queue.put(stage.batch(b"one\n"), stage.batch(b"three\n", 10, path="/a\nb"))
    for now in (0.0, 3.0, 4.0, 14.0, 15.0):
        runner.step(now)
    ended = sinks("audit", "--state", stage.root / "state")
    assert ended.exit_code == 1
    assert r"hole: web-1 /a\nb lacks the bytes from 4 to 10" in ended.output
    (stream,) = coverage(stage.root / "state")
    assert stream.holes == [(4, 10)]
    assert len(list(report([stream]))) == 3


def test_a_selective_sink_may_have_holes(stage: Stage, config: Path) -> None:
    """What a severity sink did not ask RabbitMQ for is no loss."""
    stage.root = stage.root / "states"
    stage.root.mkdir()
    runner = stage.start()
    stage.queue.put(stage.batch(b"one\n"), stage.batch(b"three\n", 10))
    runner.step(0.0)
    runner.step(1.0)
    stage.stop()
    (stage.root / "state").rename(stage.root / "errors")
    ended = sinks("audit", "--config", config, "errors")
    assert ended.exit_code == 0
    assert "did not ask for" in ended.output


def test_a_sink_without_memory_has_nothing_to_audit(config: Path) -> None:
    """It is a mistake to ask."""
    assert sinks("audit", "--config", config, "screen").exit_code == 2
