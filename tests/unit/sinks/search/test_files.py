"""Which files are searched, and how they are opened and read."""

import gzip
import lzma
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.errors import SourceError, UsageError
from logbus.wire import frames
from sinks.file import Settings, template
from sinks.search.files.opening import Gone, open_listed
from sinks.search.files.placeholders import outputs_of
from sinks.search.files.reading import Content
from sinks.search.files.sources import Listing, add_outputs, of_paths

LINES = b"".join(b"line %d\n" % number for number in range(5_000))


def content_of(path: Path) -> tuple[bytes, bool]:
    """Return the content of a file, and whether it ends within a frame."""
    fd = os.open(path, os.O_RDONLY)
    try:
        content = Content(fd, lambda _size: None)
        return b"".join(content.pieces()), content.unfinished
    finally:
        os.close(fd)


@pytest.mark.parametrize("packed", [LINES, gzip.compress(LINES), lzma.compress(LINES), frames.compress(LINES, 3)])
def test_each_kind_is_read(tmp_path: Path, packed: bytes) -> None:
    """The first bytes tell the kind; several members or frames are one content."""
    path = tmp_path / "any.name"
    path.write_bytes(packed + packed)
    assert content_of(path) == (LINES * 2, False)


@given(cut=st.integers(1, 60), count=st.integers(1, 5))
def test_a_frame_that_is_being_written_is_not_damage(
    tmp_path_factory: pytest.TempPathFactory, cut: int, count: int
) -> None:
    """All whole frames are read, and no byte of the last one."""
    path = tmp_path_factory.mktemp("cut") / "a.zst"
    frame = frames.compress(b"one line and another\n" * 3, 3)
    path.write_bytes(frame * count + frame[: min(cut, len(frame) - 1)])
    assert content_of(path) == (b"one line and another\n" * 3 * count, True)


@pytest.mark.parametrize("packed", [gzip.compress(os.urandom(99_999)), lzma.compress(os.urandom(99_999))])
def test_what_is_cut_or_damaged_is_an_error(tmp_path: Path, packed: bytes) -> None:
    """Nothing is passed over silently."""
    path = tmp_path / "a"
    for broken in (packed[:-5_000], packed[:5_000] + b"damage" + packed[5_006:]):
        path.write_bytes(broken)
        with pytest.raises(SourceError):
            content_of(path)


def test_links_and_special_files_are_left_out(tmp_path: Path) -> None:
    """A link beneath a directory is counted, not followed; a pipe is never opened."""
    inside = tmp_path / "in"
    inside.mkdir()
    (tmp_path / "secret").write_text("x")
    (inside / "link").symlink_to(tmp_path / "secret")
    (inside / "folder").symlink_to(tmp_path)
    (inside / "a.log").write_text("x")
    (inside / "again.log").hardlink_to(inside / "a.log")
    os.mkfifo(inside / "pipe")
    listing = of_paths([str(inside)])
    assert [each.path.name for each in listing.sources()] == ["a.log"]
    assert (listing.links, listing.flaws) == (2, [])
    with pytest.raises(UsageError, match="regular"):
        of_paths([str(inside / "pipe")])
    assert [each.path.name for each in of_paths([str(inside / "link")]).sources()] == ["link"]


def test_globs(tmp_path: Path) -> None:
    """A star stays within a directory, two do not; a glob without a match is an error."""
    for name in ("a/x.log", "a/b/y.log", "a/b/z[1].txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)

    def names(glob: str) -> list[str]:
        return [each.path.name for each in of_paths([f"{tmp_path}/{glob}"]).sources()]

    assert names("*/*.log") == ["x.log"]
    assert names("**/*.log") == ["x.log", "y.log"]
    assert names("a/[!c]/[yz]*") == ["y.log", "z[1].txt"]
    assert names("a/b/z[1].txt") == ["z[1].txt"]
    with pytest.raises(UsageError, match="no file matches"):
        names("*.gz")


def test_a_file_that_moves_is_found_or_missed_aloud(tmp_path: Path) -> None:
    """A renamed file is found by its inode, a compressed one by its name; else there is an error."""
    path = tmp_path / "a.log"
    path.write_text("x")
    [source] = of_paths([str(tmp_path)]).sources()
    moved = path.rename(tmp_path / "a.log-20261124T101112Z")
    path.write_text("a new one")
    opened = open_listed(path, source.identity, follow=False)
    os.close(opened.fd)
    assert opened.path == moved
    path.unlink()
    moved.unlink()
    with pytest.raises(Gone):
        open_listed(path, source.identity, follow=False)
    (tmp_path / "a.log.gz").write_bytes(b"x")
    os.close(open_listed(path, source.identity, follow=False).fd)


def test_a_rotated_file_and_its_compression_are_one(tmp_path: Path) -> None:
    """While a rotated file is compressed, both are there for a moment; drafts are never searched."""
    for name in ("a-20261124T101112Z", "a-20261124T101112Z.gz", "b-20261124T101112Z.gz.new", "c.gz"):
        (tmp_path / name).write_text(name)
    assert [each.path.name for each in of_paths([str(tmp_path)]).sources()] == ["a-20261124T101112Z", "c.gz"]


def test_a_template_backwards() -> None:
    """Placeholders are read from an output's path, rotated or not."""
    outputs = outputs_of(template.parse("/logs/{host}/{label}/{date}/{path}"))
    told = {"host": "web-1", "label": "app", "date": "2026-11-24", "path": "var/log/a.log"}
    assert outputs.told("web-1/app/2026-11-24/var/log/a.log") == told
    rotated = outputs.told("web-1/app/2026-11-24/var/log/a.log-20261124T101112Z.gz")
    assert rotated is not None
    assert rotated["host"] == "web-1"
    assert outputs.told("web-1/app/today/a.log") is None
    assert outputs_of(template.parse("/logs/{host}/{host}")).told("a/b") is None


def test_outputs_are_selected_by_their_paths(tmp_path: Path) -> None:
    """Globs go by the placeholders; those that are not there are returned."""
    for host in ("web-1", "web-2", "db-1"):
        (tmp_path / host).mkdir()
        (tmp_path / host / "app.log").write_text("x")
    listing = Listing()
    settings = Settings(path=f"{tmp_path}/{{host}}/{{name}}")
    missing = add_outputs(
        listing, settings.path, settings.format, {"host": lambda it: it.startswith("web"), "label": lambda _: False}
    )
    assert [each.told["host"] for each in listing.sources()] == ["web-1", "web-2"]
    assert missing == {"label"}


def test_a_file_that_is_renamed_while_it_is_listed(tmp_path: Path) -> None:
    """What has another name than when its directory was read is found by its inode; what is gone is a flaw."""
    path = tmp_path / "a.log"
    path.write_text("old")
    inode = path.stat().st_ino
    path.rename(tmp_path / "a.log-20261124T101112Z")
    path.write_text("new")
    listing = Listing()
    listing.add(path, inode)
    assert {each.path.name for each in listing.sources()} == {"a.log", "a.log-20261124T101112Z"}
    listing.add(tmp_path / "gone", inode + 1_000_000)
    assert len(listing.flaws) == 1


def test_many_small_frames_are_read(tmp_path: Path) -> None:
    """Frames of a line each, across the pieces in which the file is read, and an empty one between them."""
    lines = [b"line %d %b\n" % (number, b"x" * (number % 300)) for number in range(9_000)]
    path = tmp_path / "a.zst"
    path.write_bytes(b"".join(frames.compress(line, 1) for line in (*lines[:100], b"", *lines[100:])))
    assert content_of(path) == (b"".join(lines), False)
