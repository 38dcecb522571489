"""Without descriptors: what cannot be opened says so, and is not taken to be gone."""

import errno
from pathlib import Path

import pytest

from logbus.native.descriptors import are_lacking, require
from support.no_descriptors import no_descriptors


def open_now() -> list[str]:
    """Return the names of the descriptors that are open."""
    return sorted(each.name for each in Path("/proc/self/fd").iterdir())


def test_a_process_without_descriptors_is_told_apart() -> None:
    """What is required is given back; where it is refused, the error says that it is for want of descriptors."""
    before = open_now()
    require()
    with no_descriptors(), pytest.raises(OSError, match="Too many open files") as refused:
        require()
    assert are_lacking(refused.value)
    assert open_now() == before


def test_other_errors_are_about_the_file() -> None:
    """A file that is gone, or closed to us, stays so with more descriptors."""
    assert not are_lacking(OSError(errno.ENOENT, "gone"))
    assert not are_lacking(OSError(errno.EACCES, "closed"))
    assert not are_lacking(ValueError("no error of the system"))
