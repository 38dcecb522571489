"""What makes an installation fast is told, and so is what is missing."""

import subprocess
import sys
from pathlib import Path

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


WITHOUT_JIT = """
import ctypes
assert ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) == 0, "not this kernel"  # PR_SET_MDWE: no memory is written and executed
from logbus.native import pcre2
from logbus.severity import stated
assert not pcre2.version()
print(stated(b"2024-01-02 15:04:05 WARN x\\n"))
"""


def test_a_jit_that_the_system_forbids_is_done_without() -> None:
    """As under systemd's MemoryDenyWriteExecute: severities are found by `re`."""
    done = subprocess.run([sys.executable, "-c", WITHOUT_JIT], capture_output=True, text=True, check=False)
    if "not this kernel" in done.stderr:
        pytest.skip("this kernel cannot forbid it")
    assert done.stdout == "b'4'\n"


def test_the_shippers_unit_allows_the_jit() -> None:
    """It would otherwise find severities several times as slowly, and nobody would know."""
    unit = Path(__file__).parents[4] / "config" / "systemd" / "logbus-shipper.service"
    assert not [line for line in unit.read_text().splitlines() if line.startswith("MemoryDenyWriteExecute")]
