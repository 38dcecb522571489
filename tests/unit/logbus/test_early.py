"""What is hidden of a command line before anything is imported."""

import subprocess
import sys

import pytest

from logbus.early import without_url


@pytest.mark.parametrize(
    ("word", "hidden"),
    [
        (b"amqp://u:secret@h/", b"amqp://***********"),
        (b"--broker=amqps://u:secret@h", b"--broker=amqps://**********"),
        (b"amqp://u:p/secret", b"amqp://**********"),
        (b"http://u:secret@h", b"http://**********"),
        (b"file://a", b"file://a"),
        (b"user@host.log", b"user@host.log"),
    ],
)
def test_what_may_be_a_password_is_hidden(word: bytes, hidden: bytes) -> None:
    """Each word stays as long as it was, and other words stay as they were."""
    assert without_url(word) == hidden
    assert len(hidden) == len(word)


@pytest.mark.parametrize("program", ["shipper", "sinks"])
def test_garbage_is_collected_once_all_is_imported(program: str) -> None:
    """A program that has been imported collects garbage."""
    code = f"import sys, gc; sys.argv = ['logbus-']; import {program}.__main__; print(gc.isenabled())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "True\n"


STARVED = """
import resource
from logbus import early
early.prepare("__main__")
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
import sinks.wiring
"""


def test_a_start_without_descriptors_says_so_in_a_line() -> None:
    """Modules are files, too: a program that cannot open them ends with 1, and without a traceback."""
    done = subprocess.run([sys.executable, "-c", STARVED], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, "cannot go on: too many open files\n")


def test_other_errors_of_a_start_are_shown() -> None:
    """A defect has a traceback."""
    code = "from logbus import early; early.prepare('__main__'); raise ValueError('what is wrong')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "ValueError: what is wrong" in done.stderr
