"""The command line: what an operator sees when something is wrong, and what --check says."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from logbus.errors import UsageError
from shipper.__main__ import COMMANDS, main
from shipper.state.registry import Registry


def run(*arguments: str) -> Result:
    """Invoke the command."""
    return CliRunner().invoke(main, arguments)


def only_line(result: Result) -> str:
    """Return the one line of standard error."""
    (line,) = result.stderr.splitlines()
    return line


def test_nothing_to_ship_is_a_usage_error() -> None:
    """No paths: one line, exit 2."""
    result = run()
    assert result.exit_code == 2
    assert "no files were named" in only_line(result)


def test_a_directory_is_a_usage_error(tmp_path: Path) -> None:
    """A directory: one line that shows the glob, exit 2."""
    result = run(str(tmp_path))
    assert result.exit_code == 2
    assert f"'{tmp_path}/*.log'" in only_line(result)


def test_once_without_a_file_fails(tmp_path: Path) -> None:
    """D16: a missing file with --once: one line, exit 1, no broker needed."""
    result = run("--once", str(tmp_path / "no.log"))
    assert result.exit_code == 1
    assert "there is no such file" in only_line(result)


def test_a_configuration_and_paths_exclude_each_other(tmp_path: Path) -> None:
    """What the file says is not said twice."""
    result = run("--config", str(tmp_path / "x.yml"), "a.log")
    assert result.exit_code == 2
    assert "a.log together with --config" in only_line(result)


def test_a_wrong_configuration_is_one_line(tmp_path: Path) -> None:
    """H2: an unknown key: file, line, key, what was meant, exit 2."""
    config = tmp_path / "x.yml"
    config.write_text("host: a\ninput:\n  - paths: [a]\n")
    result = run("--config", str(config), "--check")
    assert result.exit_code == 2
    assert "x.yml:2" in only_line(result)
    assert "inputs" in only_line(result)


def test_check_says_what_would_be_shipped(tmp_path: Path) -> None:
    """Each input with its files, sizes and start; names are shown with control characters escaped; exit 0."""
    (tmp_path / "a\x1b[2J.log").write_bytes(b"12345")
    result = run("--check", "--from", "end", "--host", "web1", str(tmp_path / "*.log"), "-")
    assert result.exit_code == 0
    assert "a\\x1b[2J.log: 5 bytes" in result.output
    assert "from their end" in result.output
    assert "standard input" in result.output
    assert "host web1" in result.output
    assert "\x1b" not in result.output


def test_a_state_directory_in_use_is_one_line(tmp_path: Path) -> None:
    """C7: a state directory that is none: one line, exit 1."""
    (tmp_path / "a.log").write_bytes(b"x\n")
    (tmp_path / "state").touch()
    result = run("--once", "--state", str(tmp_path / "state"), str(tmp_path / "a.log"))
    assert result.exit_code == 1
    assert "cannot use the state directory" in only_line(result)


def test_help_shows_examples() -> None:
    """--help says what it does, how, and what the exit codes mean."""
    output = run("--help").output
    assert "--once '/var/log/*.log'" in output
    assert "Exit codes" in output
    assert os.linesep in output


@pytest.mark.parametrize("word", COMMANDS)
def test_other_commands_have_help_of_their_own(word: str) -> None:
    """The first word chooses the command; its --help has its own usage line."""
    result = run(word, "--help")
    assert result.exit_code == 0
    assert f"{word} [OPTIONS]" in result.output
    assert ("--broker" in result.output) == (word == "init")


@pytest.mark.parametrize("word", COMMANDS)
def test_a_file_may_be_called_like_a_command(word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """./status is a file, and so is a command's name that is not the first word."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / word).write_bytes(b"12345")
    assert f"{word}: 5 bytes" in run(f"./{word}", "--check").output
    assert f"{word}: 5 bytes" in run("--check", word).output


def test_check_says_which_archives_are_read_and_which_files_are_ignored(tmp_path: Path) -> None:
    """With `include_compressed`, archives are listed; with `ignore_older`, the limit is."""
    (tmp_path / "a.log.1.gz").write_bytes(b"12345")
    config = tmp_path / "shipper.yml"
    config.write_text(f"inputs: [{{paths: ['{tmp_path}/a*'], include_compressed: true, ignore_older: 7d}}]\n")
    said = run("--config", str(config), "--check").output
    assert f"{tmp_path}/a.log.1.gz: 5 bytes, label a" in said
    assert "files last written 7 days or longer before the first start are ignored" in said


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("ignore_older: soon", "write a number of seconds, or one with a unit"),
        ("ignore_older: 0d", "ignore_older: expected a number > 0.0"),
        ("newline: cr, encoding: utf-16le", "newline can only be lf"),
        ("newline: crlf", "expected 'lf' or 'cr' or 'nul'"),
    ],
)
def test_keys_that_make_no_sense_are_refused(tmp_path: Path, keys: str, said: str) -> None:
    """The line names the key and the value; exit 2."""
    config = tmp_path / "shipper.yml"
    config.write_text(f"inputs:\n- {{paths: [a.log], {keys}}}\n")
    result = run("--config", str(config), "--check")
    assert result.exit_code == 2
    assert said in result.stderr
    assert f"{config}:2" in result.stderr


def test_a_shipper_that_cannot_be_built_leaves_its_registry_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its directory is not locked afterwards."""

    def refuse(*_: object, **__: object) -> None:
        raise UsageError("build it", "it is impossible")

    monkeypatch.setattr("shipper.__main__.Agent", refuse)
    (tmp_path / "a.log").write_bytes(b"x\n")
    result = run("--state", str(tmp_path / "state"), str(tmp_path / "a.log"))
    assert "impossible" in result.stderr
    Registry(tmp_path / "state").close()
