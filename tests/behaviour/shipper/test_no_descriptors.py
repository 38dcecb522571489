"""Without descriptors: what could not be looked for is not taken to be gone, and what was not compared not for new."""

import gzip

import pytest

from logbus import telemetry
from shipper.files import identity
from support.no_descriptors import no_descriptors
from support.shores import Shore, copytruncate


def starve(shore: Shore, seconds: float = 2.0) -> None:
    """Let time pass without descriptors."""
    with no_descriptors():
        for _ in range(5):
            shore.run(seconds / 5)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("pattern", ["a.log", "a.log*"])
def test_truncated_meanwhile(shore: Shore, pattern: str, compressed: bool) -> None:
    """A14, D4: what was unread of a log that copytruncate rotated is in its copy, and comes once."""
    path = shore.write("a.log", b"old 1\n")
    shore.start(pattern)
    copy = shore.logs / "a.log.1"
    copytruncate(path, copy, b"unread 2\n")
    if compressed:
        (shore.logs / "a.log.1.gz").write_bytes(gzip.compress(copy.read_bytes()))
        copy.unlink()
    shore.write("a.log", b"new 1\n")
    starve(shore)
    for _ in range(4):
        shore.run(6.0)
    assert shore.lives() == [b"old 1\nunread 2\n", b"new 1\n"]


def test_lost_bytes_are_counted_however_often_it_was_tried(shore: Shore) -> None:
    """A14: the copy of a truncated log is nowhere, and was searched for in vain before."""
    path = shore.write("a.log", b"old 1\n")
    shore.start("a.log")
    shore.publisher.window = 0
    shore.write("a.log", b"unread 2\n")
    shore.run()
    lost = telemetry.value("logbus_lost_bytes")
    path.write_bytes(b"new\n")
    shore.publisher.window = 1000
    starve(shore)
    shore.run(6.0)
    shore.run(6.0)
    assert shore.lives() == [b"old 1\n", b"new\n"]
    assert telemetry.value("logbus_lost_bytes") == lost + len(b"unread 2\n")


def test_closed_renamed_and_compressed_meanwhile(shore: Shore) -> None:
    """A4, A6, D4: a file that was closed to save descriptors is searched for later, not given up."""
    path = shore.write("a.log", b"one 1\n")
    shore.start("a.log")
    path.rename(shore.logs / "a.log.1")
    for _ in range(5):
        shore.run(40.0)
    assert not shore.open_files()
    shore.write("a.log.1", b"late 2\n")
    (shore.logs / "a.log.1.gz").write_bytes(gzip.compress((shore.logs / "a.log.1").read_bytes()))
    (shore.logs / "a.log.1").unlink()
    starve(shore, 200.0)
    for _ in range(5):
        shore.run(40.0)
    assert shore.lives() == [b"one 1\nlate 2\n"]


def test_started_meanwhile(shore: Shore, caplog: pytest.LogCaptureFixture) -> None:
    """D4: a start that could find nothing waits, and then takes up what was rotated while the shipper was away."""
    path = shore.write("a.log", b"one 1\n")
    shore.start("a.log")
    shore.crash()
    path.rename(shore.logs / "a.log.1")
    shore.write("a.log.1", b"late 2\n")
    shore.write("a.log", b"new 1\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shore, "run", lambda _seconds: None)
        shore.start("a.log")
    starve(shore)
    assert "cannot look for files: too many open files (allow more open files:" in caplog.text
    shore.run(6.0)
    assert shore.lives() == [b"one 1\nlate 2\n", b"new 1\n"]


def test_what_cannot_be_listed_is_not_forgotten(shore: Shore) -> None:
    """C11: a file that is not followed now is forgotten if it is gone for long, not if nobody can look for it."""
    shore.write("a.log", b"line 1\n")
    shore.start("a.log")
    shore.stop()
    shore.start("b.log", forget_after_days=1)
    shore.change_registry("UPDATE streams SET updated_s = updated_s - 100000")  # a day ago
    with no_descriptors():
        shore.run(3600.0)
    assert shore.registry.has(shore.publisher.batches[0].stream)


def test_this_machine_is_not_taken_for_a_clone() -> None:
    """What tells machines apart has to be readable: else all would be shipped again, as a clone's."""
    with no_descriptors(), pytest.raises(OSError, match="Too many open files"):
        identity.machine()
