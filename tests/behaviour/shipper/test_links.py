"""Files behind symbolic links: what rotates beside the target while the shipper is down, or has the file closed."""

import gzip
import logging
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from logbus import telemetry
from support.shores import Shore

FIRST = b"".join(b"first %d\n" % number for number in range(100))
MISSED = b"".join(b"missed %d\n" % number for number in range(100))
NEW = b"".join(b"new %d\n" % number for number in range(50))


def one_link(folder: Path) -> tuple[Path, Path]:
    """Return a link as Kubernetes makes it, and the file it leads to."""
    target = folder / "pods" / "0.log"
    target.parent.mkdir()
    link = folder / "logs" / "x.log"
    link.symlink_to(target)
    return link, target


def two_links(folder: Path) -> tuple[Path, Path]:
    """Return a link to a link, as Kubernetes over docker makes them, and the file they lead to."""
    link, middle = one_link(folder)
    target = folder / "docker" / "3f9a-json.log"
    target.parent.mkdir()
    middle.symlink_to(target)
    return link, target


def a_directory_link(folder: Path) -> tuple[Path, Path]:
    """Return a path through a linked directory, as a deploy makes it, and the file's own."""
    target = folder / "releases" / "1" / "app.log"
    target.parent.mkdir(parents=True)
    current = folder / "logs" / "current"
    current.symlink_to(target.parent)
    return current / "app.log", target


def renamed(target: Path, _link: Path) -> None:
    """Rename the file as the kubelet does."""
    target.rename(f"{target}.20250304-101532")
    target.write_bytes(NEW)


def numbered(target: Path, _link: Path) -> None:
    """Rename the file as docker's json-file driver does."""
    target.rename(f"{target}.1")
    target.write_bytes(NEW)


def compressed(target: Path, _link: Path) -> None:
    """Rename and compress the file."""
    Path(f"{target}.20250304-101532.gz").write_bytes(gzip.compress(target.read_bytes()))
    target.unlink()
    target.write_bytes(NEW)


def copied_and_truncated(target: Path, _link: Path) -> None:
    """Copy the file, then truncate it."""
    shutil.copyfile(target, f"{target}.1")
    with target.open("r+b") as file:
        file.truncate()
        file.write(NEW)


def swapped(target: Path, link: Path) -> None:
    """Let the link, of the file or of its directory, lead to the file of the next container or release."""
    moved = link if link.is_symlink() else link.parent
    following = target.parent.parent / "next"
    following.mkdir()
    name = target.name if moved is link.parent else "1.log"
    (following / name).write_bytes(NEW)
    new = moved.with_name("new")
    new.symlink_to(following / name if moved is link else following)
    new.rename(moved)


def swapped_and_renamed(target: Path, link: Path) -> None:
    """Do both: the old file is rotated, and the link leads elsewhere."""
    target.rename(f"{target}.20250304-101532")
    target.write_bytes(b"")
    swapped(target, link)


LINKS = (one_link, two_links, a_directory_link)
CHANGES = (renamed, numbered, compressed, copied_and_truncated, swapped, swapped_and_renamed)
Link = Callable[[Path], tuple[Path, Path]]
Change = Callable[[Path, Path], None]


def append(target: Path, data: bytes) -> None:
    """Append to a file."""
    with target.open("ab") as file:
        file.write(data)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("make", LINKS)
def test_what_rotated_beside_a_links_target_meanwhile_is_shipped(shore: Shore, make: Link, change: Change) -> None:
    """The rest of the file that a link led to arrives after a restart, before what the path means now."""
    link, target = make(shore.folder)
    append(target, FIRST)
    shore.start("*.log", "current/*.log")
    shore.stop()
    append(target, MISSED)
    change(target, link)
    shore.start("*.log", "current/*.log")
    for _ in range(5):
        shore.run()
    assert shore.lives() == [FIRST + MISSED, NEW]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("make", LINKS)
def test_what_rotates_beside_a_links_target_is_shipped_though_the_file_is_closed(
    shore: Shore, make: Link, change: Change
) -> None:
    """D7: with more files than may be open, the same holds while the shipper runs."""
    link, target = make(shore.folder)
    append(target, FIRST)
    for number in range(3):
        shore.write(f"other{number}.log", b"other %d\n" % number)
    shore.start("*.log", "current/*.log", budget=1)
    append(target, MISSED)
    change(target, link)
    for _ in range(8):
        shore.run()
    assert [life for life in shore.lives() if b"other" not in life] == [FIRST + MISSED, NEW]


def test_a_target_that_rests_is_found_beside_itself(shore: Shore) -> None:
    """A4: a target that was renamed and quiet for long is closed; what a late writer adds arrives all the same."""
    _, target = one_link(shore.folder)
    append(target, FIRST)
    shore.start()
    target.rename(f"{target}.1")
    for _ in range(4):
        shore.run(40.0)
    append(Path(f"{target}.1"), MISSED)
    for _ in range(4):
        shore.run(40.0)
    assert shore.lives() == [FIRST + MISSED]


def test_a_registry_that_knows_no_targets_is_read(shore: Shore) -> None:
    """A registry of before has no targets: the one that the link leads to now is taken."""
    _, target = one_link(shore.folder)
    append(target, FIRST)
    shore.start()
    shore.stop()
    with sqlite3.connect(shore.folder / "state" / "registry.sqlite") as db:
        db.execute("ALTER TABLE streams DROP COLUMN real_path")
        db.execute("ALTER TABLE streams DROP COLUMN settled")
    db.close()
    append(target, MISSED)
    renamed(target, Path())
    shore.start()
    shore.run()
    assert shore.lives() == [FIRST + MISSED, NEW]


@pytest.mark.parametrize("make", [*LINKS, lambda folder: (folder / "logs" / "a.log",) * 2])
def test_a_file_that_is_nowhere_is_reported_and_counted(
    shore: Shore, make: Link, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that was deleted while the shipper was down is reported once, with how far it was read."""
    _, target = make(shore.folder)
    append(target, FIRST)
    shore.start("*.log", "current/*.log")
    shore.stop()
    target.unlink()
    target.write_bytes(NEW)
    before = telemetry.value("logbus_missing_files")
    for _ in range(3):
        shore.start("*.log", "current/*.log")
        shore.run()
        shore.stop()
    assert caplog.text.count(f"read up to byte {len(FIRST)}") == 1
    assert telemetry.value("logbus_missing_files") == before + 1
    assert shore.lives() == [FIRST, NEW]


@pytest.mark.parametrize("quiet_s", [1.0, 100.0])
def test_a_rotated_file_that_was_read_and_deleted_is_no_news(
    shore: Shore, quiet_s: float, caplog: pytest.LogCaptureFixture
) -> None:
    """What rotation deletes after it was read to its end is not reported, whether the shipper is stopped or goes on."""
    append(shore.logs / "a.log", FIRST)
    shore.start()
    (shore.logs / "a.log").rename(shore.logs / "a.log.1")
    append(shore.logs / "a.log", NEW)
    for _ in range(3):
        shore.run(quiet_s)
    if quiet_s > 60:  # it rests, and is deleted while the shipper is down
        shore.stop()
    (shore.logs / "a.log.1").unlink()
    if quiet_s < 60:
        shore.run(0.3)
        shore.stop()
    for _ in range(2):
        shore.start()
        shore.run()
        shore.stop()
    assert "is gone" not in caplog.text


def test_many_files_that_are_nowhere_are_reported_in_few_lines(shore: Shore, caplog: pytest.LogCaptureFixture) -> None:
    """Of a thousand deleted files some are named, the others counted."""
    for number in range(1000):
        shore.write(f"{number}.log", b"line %d\n" % number)
    shore.publisher.window = 2000
    shore.start()
    shore.run()
    shore.stop()
    shutil.rmtree(shore.logs)
    shore.logs.mkdir()
    caplog.set_level(logging.WARNING)
    caplog.clear()
    shore.start()
    assert 10 < caplog.text.count("is gone") < 50
    assert "980 more" in caplog.text


def test_a_file_that_comes_back_goes_on(shore: Shore) -> None:
    """A file system that was not mounted at a start: its files go on where they were once they are there again."""
    append(shore.logs / "a.log", FIRST)
    shore.start()
    shore.stop()
    away = shore.folder / "away"
    (shore.logs / "a.log").rename(away)
    shore.start()
    shore.stop()
    append(away, MISSED)
    away.rename(shore.logs / "a.log")
    shore.start()
    shore.run()
    assert shore.lives() == [FIRST + MISSED]


def test_a_copy_that_an_input_names_beside_the_target_is_known(shore: Shore) -> None:
    """A9: an input that names the link and one that names the target's copies: copytruncate ships nothing twice."""
    _, target = one_link(shore.folder)
    append(target, FIRST)
    shore.start("*.log", "../pods/*.log.*")
    shutil.copyfile(target, f"{target}.1")
    shore.run()
    target.write_bytes(b"")
    append(target, NEW)
    for _ in range(8):
        shore.run()
    assert shore.lives() == [FIRST, NEW]
