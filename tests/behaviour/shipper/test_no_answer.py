"""A file system that does not answer for a while: what cannot be looked for is neither given up nor taken to be new."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.shores import Shore, copytruncate


@contextmanager
def refusing(folder: Path, cause: int) -> Iterator[None]:
    """Have whatever opens or lists something beneath a folder fail, as on a network file system that is away."""

    def refuse(whole: Callable[..., object]) -> Callable[..., object]:
        def call(path: str, *more: object, **keys: object) -> object:
            if os.fsencode(path).startswith(os.fsencode(folder)):
                raise OSError(cause, os.strerror(cause), path)
            return whole(path, *more, **keys)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in ("open", "scandir"):
            patch.setattr(os, name, refuse(getattr(os, name)))
        yield


@pytest.mark.parametrize("cause", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT])
@pytest.mark.parametrize("pattern", ["a.log", "a.log*"])
def test_a_copy_in_a_directory_that_does_not_answer(shore: Shore, pattern: str, cause: int) -> None:
    """A14, D9, D10: the truncation is noticed by what is open; what was unread comes from the copy, once it can."""
    path = shore.write("a.log", b"old 1\n")
    shore.start(pattern)
    copytruncate(path, shore.logs / "a.log.1", b"unread 2\n")
    shore.write("a.log", b"new 1\n")
    with refusing(shore.logs, cause):
        for _ in range(5):
            shore.run(0.4)
    for _ in range(4):
        shore.run(6.0)
    assert shore.lives() == [b"old 1\nunread 2\n", b"new 1\n"]


def test_a_copy_in_a_directory_that_may_not_be_listed(shore: Shore) -> None:
    """A14, D7: there is nothing to wait for: the new lines come, and what was unread is lost."""
    path = shore.write("a.log", b"old 1\n")
    shore.start("a.log")
    path.write_bytes(b"new\n")
    with refusing(shore.logs, errno.EACCES):
        for _ in range(5):
            shore.run(0.4)
        assert shore.lives() == [b"old 1\n", b"new\n"]
