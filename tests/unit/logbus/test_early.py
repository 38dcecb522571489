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
