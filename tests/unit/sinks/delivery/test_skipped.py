"""What a slow reader was not given is added up by the gaps between batches."""

import pytest

from logbus.batch import Head
from sinks.delivery.skipped import Gaps, Skimmed, Watched, watched
from sinks.sink import SkimmingSink
from support.stages import Stage


class Taking:
    """Takes everything."""

    def write(self, batch: object) -> None:
        """Do nothing."""

    def commit(self) -> None:
        """Do nothing."""

    close = commit


def test_gaps_are_added_up(stage: Stage) -> None:
    """What lies between two batches of a stream was skipped; what comes again, or is a stream's first, was not."""
    gaps = Gaps()
    for offset, body in [(100, b"1234\n"), (105, b"1234\n"), (120, b"1234\n"), (105, b"1234\n"), (125, b"1\n")]:
        gaps.note(stage.batch(body, offset=offset))
    assert (gaps.take(), gaps.take()) == (10, 0)


def test_skipped_bytes_are_reported(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """The report comes with a commit, in bytes, at most once a second."""
    clock = [0.0]

    sink = Watched(Taking(), lambda: clock[0])
    for now, offset in [(0.0, 0), (0.0, 2_000), (0.5, 4_000), (1.5, 6_000)]:
        clock[0] = now
        sink.write(stage.batch(b"1\n", offset=offset))
        sink.commit()
    found = [record.getMessage().partition(" ")[0] for record in caplog.records]
    assert found == ["1,998", "3,996"]


def test_what_is_only_counted_is_no_gap(caplog: pytest.LogCaptureFixture) -> None:
    """A sink that skims is asked, and a batch that it only counts was not skipped by its reader."""

    class Inner(Taking):
        """Reads the first batch."""

        counted = 0

        def skims(self, head: Head) -> bool:
            """Skim all but the first."""
            return head.offset > 0

        def pass_over(self, head: Head) -> None:
            """Count."""
            self.counted += len(head.levels)

    inner = Inner()
    sink = watched(inner)
    assert isinstance(sink, Skimmed)
    heads = [Head(b"", b"66", "web-1", stream="0" * 16, offset=at, end=at + 10) for at in (0, 10, 20)]
    assert [sink.skims(each) for each in heads] == [False, True, True]
    sink.write(heads[0])
    for each in heads[1:]:
        sink.pass_over(each)
    sink.commit()
    assert inner.counted == 4
    assert not caplog.records


def test_who_reads_everything_is_not_asked() -> None:
    """Headers are read once more to ask, so that only a sink that skims is asked."""
    assert not isinstance(watched(Taking()), SkimmingSink)
