"""Completion in shells: what the programs answer, and what bash makes of it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

import shipper.__main__
import sinks.__main__

pytestmark = pytest.mark.system
SINKS = "sinks: {archive: {type: file, path: /x/archive}, errors: {type: file, path: /x/errors}}\n"
SHIPPER = "inputs: [{paths: [a], label: web}, {paths: [b], label: worker}, {paths: [c]}]\n"
BASH = """
source "$1"
COMP_WORDS=("${@:2}")
COMP_CWORD=$(($# - 2))
compopt() { printf 'compopt %s %s\\n' "$1" "$2"; }
name=$(complete -p "$2")
name=${name#*-F }
"${name%% *}" "$2" "${COMP_WORDS[COMP_CWORD]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""
"""Does what bash does when somebody presses the tabulator key after some words."""

Answers = Callable[..., list[str]]


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Return a folder with both programs as pip installs them, and a configuration of each."""
    for name in ("shipper", "sinks"):
        script = tmp_path / "bin" / f"logbus-{name}"
        script.parent.mkdir(exist_ok=True)
        script.write_text(f"#!{sys.executable}\nfrom {name}.__main__ import main\nmain()\n")
        script.chmod(0o755)
    (tmp_path / "sinks.yml").write_text(SINKS)
    (tmp_path / "shipper.yml").write_text(SHIPPER)
    return tmp_path


def environment(programs: Path) -> dict[str, str]:
    """Return an environment whose PATH leads to the programs."""
    return {**os.environ, "PATH": f"{programs / 'bin'}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture
def answers(programs: Path) -> Answers:
    """Return a function that asks a program as fish does: words, the last of which is incomplete -> what it offers."""

    def ask(program: str, *words: str) -> list[str]:
        variables = {
            f"_LOGBUS_{program.upper()}_COMPLETE": "fish_complete",
            "COMP_WORDS": " ".join([f"logbus-{program}", *words]),
            "COMP_CWORD": words[-1],
        }
        done = subprocess.run(
            [f"logbus-{program}"],
            env=environment(programs) | variables,
            cwd=programs,
            capture_output=True,
            text=True,
            check=True,
        )
        assert not done.stderr
        return [line.split("\t")[0].replace("plain,", "") for line in done.stdout.split("\n") if line]

    return ask


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("shipper", "st"), ["file,st", "status"]),
        (("shipper", "--once", "st"), ["file,st"]),
        (("shipper", "--from", "e"), ["end"]),
        (("shipper", "--log-le"), ["--log-level"]),
        (("shipper", "--config", "shi"), ["file,shi"]),
        (("shipper", "--state", "re"), ["dir,re"]),
        (("shipper", "status", "--js"), ["--json"]),
        (("shipper", "rewind", "app"), ["file,app"]),
        (("shipper", "test", "--config", "shipper.yml", "--input", "w"), ["web", "worker"]),
        (("shipper", "test", "--config", "missing.yml", "--input", "w"), []),
        (("shipper", "completion", ""), ["bash", "zsh", "fish"]),
        (("sinks", "au"), ["audit"]),
        (("sinks", "--conf"), ["--config"]),
        (("sinks", "--config", "si"), ["file,si"]),
        (("sinks", "--config", "sinks.yml", ""), ["archive", "errors"]),
        (("sinks", "--config=sinks.yml", "e"), ["errors"]),
        (("sinks", "audit", "--config", "sinks.yml", "arch"), ["archive"]),
        (("sinks", "topology", "c"), ["check"]),
        (("sinks", "topology", "check", "--config", "sinks.yml", "archive", "e"), ["errors"]),
        (("sinks", "console", "--min", "e"), ["emerg", "err"]),
        (("sinks", "dead", "re"), ["requeue"]),
        (("sinks", "search", "--min", "e"), ["emerg", "err"]),
    ],
    ids=lambda each: " ".join(each) or "nothing",
)
def test_words_are_completed(answers: Answers, words: tuple[str, ...], offered: list[str]) -> None:
    """Commands, options, their values, files, and the names in a configuration that was given."""
    assert answers(*words) == offered


def test_a_name_that_a_shell_might_obey_is_not_offered(answers: Answers, programs: Path) -> None:
    """A label with a newline or an escape sequence is left out."""
    (programs / "shipper.yml").write_text(
        'inputs: [{paths: [a], label: "web\\e[2J"}, {paths: [b], label: "web\\nx"}]\n'
    )
    assert answers("shipper", "test", "--config", "shipper.yml", "--input", "w") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    ("program", "command"), [("logbus-shipper", shipper.__main__.main), ("logbus-sinks", sinks.__main__.cli)]
)
def test_each_shell_gets_its_script(shell: str, program: str, command: object) -> None:
    """`completion SHELL` prints a script that names the program and the variable that it asks by."""
    printed = CliRunner().invoke(command, ["completion", shell]).stdout  # type: ignore[arg-type]  # either is a command
    assert f"_{program.replace('-', '_').upper()}_COMPLETE={shell}_complete" in printed
    assert program in printed


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("logbus-shipper", "st"), ["compopt -o default", "status"]),
        (("logbus-shipper", "/va"), ["compopt -o default", ""]),
        (("logbus-sinks", "--config", "sinks.yml", ""), ["archive", "errors"]),
    ],
    ids=lambda each: " ".join(each) or "nothing",
)
def test_bash_completes(programs: Path, words: tuple[str, ...], offered: list[str]) -> None:
    """The script works in a real bash, which offers commands, names, or else files."""
    script = programs / "completion"
    made = subprocess.run([words[0], "completion", "bash"], env=environment(programs), capture_output=True, check=True)
    script.write_bytes(made.stdout)
    command = ["bash", "--norc", "-c", BASH, "bash", str(script), *words]
    done = subprocess.run(command, env=environment(programs), cwd=programs, capture_output=True, text=True, check=True)
    assert (done.stdout.splitlines(), done.stderr) == (offered, "")
