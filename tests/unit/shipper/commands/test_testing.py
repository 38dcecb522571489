"""`logbus-shipper test`: what it shows, what it checks, and that docs/records.md tells the truth."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from logbus.config.settings import load
from logbus.errors import UsageError
from logbus.severity import Severity
from logbus.severity.words import LETTERS, SPELLINGS
from shipper.__main__ import main
from shipper.expectations import Expected
from shipper.settings import Settings

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "records.md").read_text()
EXAMPLES = re.findall(
    r"^```yaml\n(.*?)^```\n(?:\n```log\n(.*?)^```\n)?(?:\n```console\n\$ (.*?)\n(.*?)^```)?",
    PAGE,
    re.DOTALL | re.MULTILINE,
)


def run(*words: str) -> tuple[int, str]:
    """Run the command; return its exit code and output."""
    result = CliRunner().invoke(main, ["test", *words])
    return result.exit_code, result.output


def test_there_are_examples() -> None:
    """The page is read as it is written."""
    assert len(EXAMPLES) == 11
    assert sum(bool(command) for _, _, command, _ in EXAMPLES) == 10


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example[0].split("\n")[3].strip())
def test_the_examples_of_the_page(
    example: tuple[str, str, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each example of docs/records.md prints what stands there."""
    config, log, command, output = example
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "UTC")
    Path("shipper.yml").write_text(config)
    Path("app.log").write_text(log)
    assert load(Path("shipper.yml"), Settings).inputs
    if command:
        words = command.removeprefix("logbus-shipper test ").split()
        assert run(*words) == (0, output)


def test_the_word_table_of_the_page() -> None:
    """The table has every severity with every word and letter."""
    for level in Severity:
        letters = " ".join(LETTERS.get(level.word, ""))
        assert f"| `{level.word}` ({level:d}) | {SPELLINGS[level.word]} | {letters} |".replace("|  |", "| |") in PAGE


def test_the_configuration_that_comes_with_it_passes_its_tests() -> None:
    """config/shipper.yml's own tests pass."""
    assert run("--config", str(ROOT / "config" / "shipper.yml"))[0] == 0


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a configuration with two inputs and a test that fails."""
    path = tmp_path / "shipper.yml"
    path.write_text(f"""
host: h
inputs:
  - {{paths: ["{tmp_path}/a.log"], label: one, rate_limit: {{records_per_s: 1}}}}
  - {{paths: [b.log], label: two, keep: [{{min: err}}], fields: {{site: x}}}}
tests:
  - {{name: fails, input: two, text: "ERROR: x\\nINFO: y\\n", routing_key: h.two.info, fields: {{}},
      records: [{{severity: info, text: y, lines: 2}}, {{severity: info}}, {{}}]}}
  - {{name: passes, input: 1, text: "INFO: y\\n", records: [{{dropped: true}}], fields: {{site: x}}}}
""")
    return path


def test_a_test_that_fails_says_why(config: Path) -> None:
    """Each difference is said, and the exit code is 1."""
    code, output = run("--config", str(config))
    assert code == 1
    for flaw in (
        "FAILED: fails",
        "it makes 2 records, not 3",
        "record 1: it is err, not info (stated in line 1, format prefix)",
        "record 1: its text is 'ERROR: x'",
        "record 1: it has 1 line, not 2",
        "record 2: it is dropped: keep does not select it",
        "the routing key is h.two.err, not h.two.info",
        "ok: passes",
        "1 of 2 tests passed",
    ):
        assert flaw in output


def test_the_input_of_a_file(config: Path, tmp_path: Path) -> None:
    """It is the one whose paths name the file, or the one that is asked for."""
    file = tmp_path / "a.log"
    file.write_bytes(b"INFO: \x1b[2J\xff\nINFO: y")
    code, output = run("--config", str(config), str(file))
    assert code == 0
    assert r"INFO: \x1b[2J\xff" in output
    assert "record 2: info, line 2, from byte 12; stated in line 2, format prefix; dropped: beyond rate_limit" in output
    assert run("--config", str(config), "--input", "two", str(file))[1].count("keep does not select it") == 2
    assert run("--config", str(config), "--input", "1", str(file))[1].endswith("fields: site=x\n")


@pytest.mark.parametrize("words", [["--input", "three"], ["--input", "2"], []])
def test_no_such_input(config: Path, tmp_path: Path, words: list[str]) -> None:
    """Which inputs there are is said, with the exit code of a wrong usage."""
    other = tmp_path / "c.log"
    other.write_text("x\n")
    assert run("--config", str(config), *words, str(other))[0] == 2


def test_nothing_to_test(config: Path, tmp_path: Path) -> None:
    """A file that is not there, and a configuration without tests, are errors in words."""
    assert run("--config", str(config), "--input", "0", str(tmp_path / "none"))[0] == 1
    config.write_text("inputs: [{paths: [a]}]")
    assert run("--config", str(config))[0] == 2


def test_records_that_end_with_another_byte(tmp_path: Path) -> None:
    """With `newline`, each record is shown once, at its place in the file, whatever LFs are in it."""
    config, log = tmp_path / "shipper.yml", tmp_path / "app.log"
    config.write_text(f"inputs: [{{paths: ['{log}'], newline: nul}}]\n")
    log.write_bytes(b"ERROR one\nmore\0two\0")
    code, said = run("--config", str(config), str(log))
    assert code == 0
    assert "record 1: err, line 1, from byte 0" in said
    assert "record 2: info, line 2, from byte 15" in said


TIMED = """
inputs:
  - {{paths: [a.log], timezone: Europe/Berlin{keys}}}
tests:
  - {{name: t, input: 0, text: "{text}\\n", records: [{{time: "{time}"}}]}}
"""


@pytest.mark.parametrize(
    ("keys", "text", "time", "flaw"),
    [
        ("", "2024-07-01 10:00:00 x", "2024-07-01T08:00:00Z", ""),
        ("", "2024-07-01 10:00:00 x", "2024-07-01 10:00:00", ""),
        (
            "",
            "2024-07-01 10:00:00 x",
            "2024-07-01T10:00:00Z",
            "its time 2024-07-01T08:00:00Z: iso in Europe/Berlin, not",
        ),
        ("", "x", "2024-07-01T10:00:00Z", "its time as read: no time is stated, not 2024-07-01T10:00:00Z"),
        ("", "2099-01-01 10:00:00 x", "2099-01-01 10:00:00", "its time as read: 2099-01-01T09:00:00Z is not believed"),
        (", time_format: '%d.%m.%y %H:%M'", "01.07.24 10:00 x", "2024-07-01T08:00:00Z", ""),
        (", time_key: k", "k=1700000000.5 x=y", "2023-11-14T22:13:20.5Z", ""),
    ],
)
def test_a_test_can_expect_a_time(keys: str, text: str, time: str, flaw: str, tmp_path: Path) -> None:
    """The event time is compared as a moment; a difference says what was read, and where the time comes from."""
    config = tmp_path / "shipper.yml"
    config.write_text(TIMED.format(keys=keys, text=text, time=time))
    code, output = run("--config", str(config))
    assert code == bool(flaw)
    assert flaw in output


EXPECTING = """
inputs:
  - {{paths: [a.log]{keys}}}
tests:
  - {{name: t, input: 0, text: '{{"msg":"called","http":{{"route":["a"],"status":204}},"none":null}}',
      records: [{expected}]}}
"""


@pytest.mark.parametrize(
    ("expected", "flaw"),
    [
        ("{message: called, fields: {http.route.0: a, http.status: '204', http.route: '[\"a\"]'}}", ""),
        ("{message: call}", "record 1: its message is 'called'"),
        ("{message: ''}", "its message is 'called'"),
        ("{fields: {http.status: '20'}}", "its field http.status is '204', not '20'"),
        ("{fields: {http.stat: '204'}}", "it has no field http.stat"),
        ("{fields: {none: 'null'}}", "it has no field none"),
    ],
)
def test_a_test_can_expect_message_and_fields(expected: str, flaw: str, tmp_path: Path) -> None:
    """Of what is published; a difference says what there is instead."""
    config = tmp_path / "shipper.yml"
    config.write_text(EXPECTING.format(keys="", expected=expected))
    code, output = run("--config", str(config))
    assert bool(code) == bool(flaw), output
    assert flaw in output
    config.write_text(EXPECTING.format(keys=", drop: [{contains: called}]", expected="{message: called}"))
    assert "record 1: it is dropped: drop[0] selects it" in run("--config", str(config))[1]


@pytest.mark.parametrize("keys", [{"message": "x"}, {"fields": {"a": "b"}}])
def test_a_dropped_record_says_nothing(keys: dict[str, object]) -> None:
    """Whoever expects both is told so."""
    with pytest.raises(UsageError, match="a record that is dropped has no text"):
        Expected(dropped=True, **keys)  # type: ignore[arg-type] # as YAML gives them


def test_fields_are_shown_as_they_are_published(tmp_path: Path) -> None:
    """Redacted, without control characters, and cut where they are long."""
    config, log = tmp_path / "shipper.yml", tmp_path / "a.log"
    log.write_text(f'{{"msg":"\\u001b[2J secret","long":"{"x" * 300}"}}\nDEBUG dropped\n')
    keys = "redact: {patterns: {t: secret}}, drop: [{severities: [debug]}]"
    config.write_text(f"inputs: [{{paths: ['{log}'], {keys}}}]\n")
    output = run("--config", str(config), "--fields", str(log))[1]
    assert "        message: \\x1b[2J [redacted t]\n" in output
    assert f"        long={'x' * 195}...\n" in output
    assert output.count("message:") == 1


def test_without_times(tmp_path: Path) -> None:
    """With `time: off` no time is shown, and none can be expected."""
    config, log = tmp_path / "shipper.yml", tmp_path / "a.log"
    log.write_text("2024-07-01 10:00:00 x\n")
    config.write_text(f"inputs: [{{paths: ['{log}'], time: off}}]\n")
    code, output = run("--config", str(config), str(log))
    assert code == 0
    assert "time" not in output
    config.write_text(
        "inputs: [{paths: [a], time: off}]\n"
        "tests: [{name: t, text: x, input: 0, records: [{time: 2024-07-01T10:00Z}]}]\n"
    )
    assert "it has no time, with time: off" in run("--config", str(config))[1]


def test_a_time_is_shown_before_redaction(tmp_path: Path) -> None:
    """The time is that of the record in the file, whatever is published of it."""
    config, log = tmp_path / "shipper.yml", tmp_path / "a.log"
    log.write_text("2024-07-01T10:00:00Z x\n")
    config.write_text(f"inputs: [{{paths: ['{log}'], redact: {{patterns: {{t: '[0-9].*Z'}}}}}}]\n")
    output = run("--config", str(config), str(log))[1]
    assert "redacted t; time 2024-07-01T10:00:00Z: iso" in output
    assert "    [redacted t] x" in output
