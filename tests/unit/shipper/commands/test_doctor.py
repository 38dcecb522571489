"""What the shipper's doctor says of inputs, without a broker."""

import os
import subprocess
import sys
from pathlib import Path

from logbus.doctor.page import lines
from logbus.doctor.verdicts import MISCONFIGURED, Verdict
from shipper.commands.doctor import checks, of_directories, of_input
from shipper.files.discovery import Found
from shipper.settings import Input

CONFIG = "broker: {{url: 'amqp://127.0.0.1:1/'}}\n{more}inputs: [{{paths: ['{root}/*.log']}}]\n"


def found(path: Path, entry: Input) -> Found:
    """Return what a scan yields for a path."""
    return Found(str(path), entry, path.stat())


def test_files_that_can_be_read(tmp_path: Path) -> None:
    """An input whose files can all be read is in order; one without files waits for them."""
    entry = Input(paths=[f"{tmp_path}/*"])
    (path := tmp_path / "a.log").write_bytes(b"12345")
    (fine,) = of_input(entry, [found(path, entry)])
    assert (fine.verdict, fine.found) == (Verdict.OK, "1 file, 5 bytes")
    assert [each.verdict for each in of_input(entry, [])] == [Verdict.WARNING]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """What cannot be opened as a file is a problem, with the reason; its name cannot forge a line."""
    entry = Input(paths=[f"{tmp_path}/*"])
    (path := tmp_path / "a\n\x1b[2J.log").mkdir()
    (wrong,) = of_input(entry, [found(path, entry)])
    assert wrong.verdict is Verdict.PROBLEM
    assert "1 file of 1 cannot be read" in wrong.found
    assert all(each.isprintable() for each in lines(wrong))


def test_a_directory_that_cannot_be_listed() -> None:
    """A directory that this user may not list is a problem; one that is not there yet is none."""
    (wrong,) = of_directories({"/a": PermissionError(13, "Permission denied"), "/b": FileNotFoundError(), "/c": None})
    assert (wrong.name, wrong.verdict) == ("/a", Verdict.PROBLEM)


def test_a_secret_that_cannot_be_used(tmp_path: Path) -> None:
    """A password file that is missing is a problem of the configuration, and nothing of RabbitMQ is asked."""
    (tmp_path / "shipper.yml").write_text(
        f"broker: {{url: 'amqp://u@127.0.0.1:1/', password_file: '{tmp_path}/none'}}\ninputs: [{{paths: [/x]}}]\n"
    )
    seen = list(checks(tmp_path / "shipper.yml"))
    assert [(each.name, each.code) for each in seen if each.verdict is Verdict.PROBLEM] == [("secrets", MISCONFIGURED)]
    assert not any(each.area.startswith("RabbitMQ") for each in seen)


def test_no_state_is_a_warning(tmp_path: Path) -> None:
    """Without a state each start ships everything again, which the doctor says."""
    (tmp_path / "shipper.yml").write_text(CONFIG.format(more="", root=tmp_path))
    assert [each.verdict for each in checks(tmp_path / "shipper.yml") if each.name == "state"] == [Verdict.WARNING]


def test_nothing_is_imported_before_it_is_used() -> None:
    """A daemon's start does not pay for the doctor or for init."""
    code = "import sys, shipper.__main__, sinks.__main__; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}  # noqa: PTH109 - where the programs are
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    imported = {*done.stdout.split()}
    assert "sinks.commands.configured" in imported
    assert not {"logbus.doctor", "shipper.commands.init", "sinks.commands.init", "sinks.commands.doctor"} & imported
