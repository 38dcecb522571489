"""What makes an installation fast is told, and so is what is missing."""

import subprocess
import sys

import pytest

from logbus import VERSION
from logbus.native import accelerators, pcre2


@pytest.mark.parametrize("program", ["shipper", "sinks"])
def test_the_version_tells_what_is_there(program: str) -> None:
    """`--version` is one line; with --verbose, a line for each accelerator."""
    short, long = (
        subprocess.run([sys.executable, "-m", program, "--version", *more], capture_output=True, text=True, check=True)
        for more in ((), ("--verbose",))
    )
    assert short.stdout == f"logbus {VERSION}\n"
    assert long.stdout.startswith(short.stdout)
    told = long.stdout.splitlines()[2:]
    assert [line.split()[0] for line in told] == ["pcre2", "stringzilla", "second"]


def test_what_is_missing_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without libraries and with one core, nothing is there."""
    monkeypatch.setattr(pcre2, "version", lambda: "")
    monkeypatch.setattr(accelerators, "_installed", lambda _name: "")
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: {0})
    assert not any(each.version for each in accelerators.found())
    assert all(each.hint for each in accelerators.found())
