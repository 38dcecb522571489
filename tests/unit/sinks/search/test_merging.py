"""The order in which records of several files are found, and how little memory that takes."""

import gzip
import lzma
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from logbus.wire import frames
from sinks.search.asking import Found, Query
from sinks.search.files.sources import of_paths
from sinks.search.looking import Progress, all_that_may_match
from sinks.search.matching import matcher
from sinks.search.results.merging import merged
from sinks.search.results.waiting import Queue, Room

START = datetime(2026, 11, 24, tzinfo=UTC)
PACKED: list[Callable[[bytes], bytes]] = [
    lambda data: data,
    gzip.compress,
    lzma.compress,
    lambda data: b"".join(frames.compress(line + b"\n", 3) for line in data.split(b"\n")[:-1]),
]


def archive(folder: Path, seed: int, lines: int = 300, late: float = 0.0) -> dict[str, list[bytes]]:
    """Write files of all kinds; return the lines of each."""
    rng = random.Random(seed)  # noqa: S311 - the same each time
    contents: dict[str, list[bytes]] = {f"{number}.log": [] for number in range(7)}
    for number in range(lines):
        seconds = number - rng.randint(0, 60) * (rng.random() < late)
        clock = f"{START + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"
        contents[rng.choice(list(contents))].append(f"{clock} INFO record {number}\n".encode())
    for number, (name, several) in enumerate(contents.items()):
        (folder / name).write_bytes(PACKED[number % len(PACKED)](b"".join(several)))
    return contents


def found_in(
    folder: Path, query: Query, room: Room, *, newest_first: bool = False, most: int | None = None
) -> list[Found]:
    """Return all that is found in a folder."""
    sources = of_paths([str(folder)]).sources()
    progress = Progress([each.size_bytes for each in sources], stopped=lambda: room.stopped)
    pairs = [(each, all_that_may_match(each, query)) for each in sources]
    found = list(merged(pairs, query, progress, room, lambda: None, newest_first=newest_first, most=most))
    assert progress.flaws == []
    return found


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("limit_bytes", [0, 1_000, 1 << 20])
@pytest.mark.parametrize("newest_first", [False, True])
def test_files_interleave_by_time(tmp_path: Path, seed: int, limit_bytes: int, newest_first: bool) -> None:
    """With or without room in memory, all is found once, in order."""
    lines = sorted(line for several in archive(tmp_path, seed).values() for line in several)
    found = found_in(tmp_path, Query(), Room(limit_bytes), newest_first=newest_first)
    assert [each.data for each in found] == (lines[::-1] if newest_first else lines)


@pytest.mark.parametrize("seed", range(5))
def test_a_file_out_of_order_keeps_its_own(tmp_path: Path, seed: int) -> None:
    """Late lines stay where they are in their file."""
    contents = archive(tmp_path, seed, late=0.3)
    found = found_in(tmp_path, Query(matcher("record")), Room())
    sources = of_paths([str(tmp_path)]).sources()
    for number, source in enumerate(sources):
        assert [each.data for each in found if each.source == number] == contents[source.path.name]


def test_the_newest_few(tmp_path: Path) -> None:
    """With a limit, no more than that is kept of each file."""
    lines = sorted(line for several in archive(tmp_path, 1).values() for line in several)
    found = found_in(tmp_path, Query(), Room(), newest_first=True, most=3)
    assert [each.data for each in found][:3] == lines[::-1][:3]


def test_more_files_than_threads_take_part_without_memory(tmp_path: Path) -> None:
    """Files that all overlap spill to a temporary file rather than wait for each other for ever."""
    for number in range(40):
        lines = [f"{START + timedelta(seconds=each):%Y-%m-%dT%H:%M:%SZ} INFO {'x' * 900}\n" for each in range(200)]
        (tmp_path / f"{number}.log").write_text("".join(lines))
    found = found_in(tmp_path, Query(), Room(100_000))
    assert len(found) == 8_000
    assert [each.key_us for each in found] == sorted(each.key_us for each in found)


def test_a_queue_gives_back_what_was_put() -> None:
    """Chunks come out in order, from memory and from the temporary file."""
    room = Room(1, starving=True)
    queue = Queue(room)
    queue.begin()
    chunks = [[Found(n, n, 0, 0, 0, 54, is_hit=True, data=b"\xff" * n)] for n in range(5)]
    for each in chunks:
        queue.put(each)
    queue.end()
    assert [queue.next(lambda: None) for _ in range(6)] == [*chunks, None]
    queue.close()


def test_a_queue_tells_that_nothing_comes_before_a_time() -> None:
    """Nobody waits for a file that is known to have nothing earlier; what it has comes first all the same."""
    queue = Queue(Room(), bound_us=2)
    queue.begin()
    queue.reach(5)
    assert queue.next(lambda: None, 4) == []
    assert queue.bound_us == 5
    chunk = [Found(7, 7, 0, 0, 0, 54, is_hit=True, data=b"x")]
    queue.put(chunk)
    assert queue.next(lambda: None, 4) == chunk
