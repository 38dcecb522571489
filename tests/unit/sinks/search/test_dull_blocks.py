"""What is passed over because nothing in it matches: it costs no division, and changes nothing that is found."""

from datetime import UTC
from pathlib import Path

from sinks.search import records
from sinks.search.asking import Query, Source
from sinks.search.finding import Finder
from sinks.search.layouts import Raw
from sinks.search.matching import matcher

HAY = b"2026-11-24 10:00:00,000 INFO [main] App - hay\n"
READ_US = 1_795_600_000_000_000


def found(content: bytes, word: str) -> list[tuple[int, int, int]]:
    """Return the line, the offset and the time of what is found."""
    source = Source(Path("a"), (0, 0), len(content), READ_US)
    pieces = (content[at : at + 100_000] for at in range(0, len(content), 100_000))
    finder = Finder(Query(matcher(word), zone=UTC), source, 0, READ_US)
    return [(each.line, each.offset, each.time_us) for block in finder.found(pieces) for each in block]


def test_a_time_is_inherited_across_many_blocks_without_any() -> None:
    """A record that states none has that of the last one that does, megabytes before it."""
    content = HAY + b"no time here at all, nor a level\n" * 400_000 + b"the needle\n"
    assert found(content, "needle") == [(400_002, len(content) - 11, 1_795_514_400_000_000)]


def test_a_record_that_begins_in_a_dull_block_is_found_whole() -> None:
    """A match in the frames of a stack trace finds the line that threw, however far it is from the next read."""
    thrown = b"2026-11-24 10:00:07,000 ERROR [main] App - failed\njava.lang.IllegalStateException: no\n"
    for before in (11_300, 11_390, 11_397, 11_398, 11_399, 11_400, 11_500):
        content = HAY * before + thrown + b"\tat a.B.c(B.java:1)\n" * 40 + b"\tat needle.B.c(B.java:1)\n" + HAY
        assert found(content, "needle") == [(before + 1, before * len(HAY), 1_795_514_407_000_000)]


class Untouched(Raw, frozen=True):
    """A layout that nobody asks."""

    def codes(self, body: bytes) -> bytes:
        """Fail."""
        raise AssertionError(f"{len(body)} bytes were looked at line by line")


def test_dull_blocks_are_not_divided() -> None:
    """Where nothing matches, no line is looked at."""
    blocks = list(records.blocks(iter([HAY * 40_000] * 5), Untouched(), is_dull=lambda _body: True))
    assert [each.is_dull for each in blocks[:-1]] == [True] * 4
    assert sum(len(each.body) for each in blocks) == len(HAY) * 200_000
