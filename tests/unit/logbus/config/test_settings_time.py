"""However a configuration of the largest size is made, it is accepted or refused in bounded time."""

import os
import socket
import time
from pathlib import Path

import pytest

from logbus.config.settings import MAX_FILE_BYTES, load
from logbus.errors import ConfigError
from shipper.settings import Settings

WITHIN_S = 6.0
"""Of a processor. Three times what is promised: other work on the machine slows it."""
UNITS = {
    "mappings": ("inputs:\n", "- {{a: 1}}\n"),
    "valid inputs": ("inputs:\n", "- {{paths: [a]}}\n"),
    "unknown keys": ("", "key{n}: 1\n"),
    "unknown keys of inputs": ("inputs:\n", "- {{pathes: [x{n}]}}\n"),
    "fields": ("inputs:\n- paths: [a]\n  fields:\n", "    k{n}: v\n"),
    "numbers": ("state: [", "1, "),
    "flow depth": ("a: ", "["),
    "mapping depth": ("a: ", "{{a: "),
    "sequence depth": ("", "- "),
    "key marks": ("", "? "),
    "anchors": ("inputs:\n", "- &a{n} b\n"),
    "aliases": ("a: &a [1,2,3,4,5,6,7,8,9]\nb:\n", "- *a\n"),
    "long scalar": ("state: ", "x"),
    "long quoted scalar": ('state: "', "\\t"),
    "long lines": ("state: |\n", "  line\n"),
    "huge key": ("", "k"),
    "variables": ("state: ", "${{A:-x}}"),
    "variable without end": ("state: ", "${{"),
    "comments": ("", "#\n"),
    "documents": ("", "---\n"),
    "quotes": ("", "'"),
    "tags": ("a:\n", "- !!str x\n"),
    "wrong types": ("inputs:\n", "- 1\n"),
    "urls": ("broker:\n  url:\n", "  - amqp://h{n}\n"),
    "colons": ("", ": "),
    "not UTF-8": ("a: ", "\udcff"),
    "control characters": ("a: ", "\x01"),
}


def largest(before: str, unit: str) -> bytes:
    """Return a file of the largest size that repeats `unit`."""
    rest = MAX_FILE_BYTES - len(before) - 100
    text = before + "".join(unit.format(n=n) for n in range(rest // len(unit.format(n=99_999)))) + "\n"
    return text.encode("utf-8", "surrogateescape")


def answer(path: Path) -> str:
    """Return what is wrong with a file."""
    try:
        load(path, Settings)
    except ConfigError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", UNITS)
def test_a_large_configuration_takes_bounded_time(tmp_path: Path, name: str) -> None:
    """Valid or not, with many errors, deep, with aliases: the answer comes at once, and is short."""
    path = tmp_path / "large.yml"
    path.write_bytes(largest(*UNITS[name]))
    began = time.process_time()
    assert len(answer(path)) < 10_000
    assert time.process_time() - began < WITHIN_S


@pytest.mark.parametrize("kind", ["fifo", "directory", "device", "socket", "name with a zero"])
def test_what_is_no_file_is_an_error_at_once(tmp_path: Path, kind: str) -> None:
    """Nothing waits for the other end of a FIFO, or reads a device for ever."""
    path = tmp_path / "shipper.yml"
    with socket.socket(socket.AF_UNIX) as listening:
        if kind == "fifo":
            os.mkfifo(path)
        elif kind == "directory":
            path.mkdir()
        elif kind == "device":
            path = Path("/dev/zero")
        elif kind == "socket":
            listening.bind(str(path))
        else:
            path = tmp_path / "shipper\0.yml"
        with pytest.raises(ConfigError, match=r"(?i)regular file|directory|no such device|embedded null"):
            load(path, Settings)
