"""Runs one search, to its end or until somebody stops it."""

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Final

from logbus.errors import counted, visible
from sinks.search.asking import Query, Source
from sinks.search.looking import Progress, Worth, all_that_may_match, look_into
from sinks.search.results.counting import Counts
from sinks.search.results.following import LOOK_S, Following
from sinks.search.results.merging import merged
from sinks.search.results.progress import Bar, shown_bytes
from sinks.search.results.showing import Show
from sinks.search.results.waiting import POLL_S, Room
from sinks.search.results.writing import Output, Unread
from sinks.search.spans import Reading
from sinks.search.threads import in_threads

FOUND, NOTHING, INCOMPLETE = 0, 1, 2
"""Exit codes, as grep's."""
_FLAWS_SHOWN: Final = 20


@dataclass(slots=True)
class Search:
    """A search in files. `worth` tells what of each is worth reading."""

    listed: Sequence[Source]
    query: Query
    worth: Worth = all_that_may_match
    files: list[tuple[Source, Reading]] = field(init=False)
    progress: Progress = field(init=False)
    room: Room = field(default_factory=Room)
    output: Output = field(init=False)
    interrupted: bool = False
    abandoned: bool = False

    def __post_init__(self) -> None:
        """Leave out the files of which nothing is worth reading."""
        pairs = ((each, self.worth(each, self.query)) for each in self.listed)
        self.files = [(each, reading) for each, reading in pairs if reading.spans]
        sizes = [reading.size_bytes(each.size_bytes) for each, reading in self.files]
        self.progress = Progress(sizes, stopped=lambda: self.room.stopped)
        self.output = Output(Bar(self.progress))

    def run(self, work: Callable[[], None]) -> None:
        """Do `work` until it ends, SIGINT or SIGTERM comes, or nobody reads the output."""

        def interrupt(_number: int, _frame: FrameType | None) -> None:
            self.interrupted = True
            self.room.stop()

        signals = (signal.SIGINT, signal.SIGTERM)
        former = [signal.signal(number, interrupt) for number in signals]
        try:
            work()
        except Unread:
            self.abandoned = True
        finally:
            self.room.stop()
            self.output.bar.erase()
            for number, handler in zip(signals, former, strict=True):
                signal.signal(number, handler)

    def show(self, show: Show, *, limit: int | None = None, newest_first: bool = False) -> None:
        """Write the records that are found, at most `limit` with what is near them."""
        query, progress = self.query, self.progress
        hits = behind = 0
        most = None if query.before or query.after else limit
        idle = self.output.idle
        for found in merged(self.files, query, progress, self.room, idle, newest_first=newest_first, most=most):
            if hits == limit and (found.is_hit or behind >= query.after):
                break
            hits += found.is_hit
            behind = 0 if found.is_hit else behind + 1
            progress.hits = hits
            self.output.write(show(found))
            if hits == limit and not query.after:
                break
        self.output.flush()

    def follow(self, following: Following, show: Show, limit: int | None) -> None:
        """Write what is found in what comes, until somebody stops that or there are `limit` records."""
        progress = self.progress
        while not self.interrupted and (limit is None or progress.hits < limit):
            for found in following.added():
                if limit is None or progress.hits < limit:
                    progress.hits += found.is_hit
                    self.output.write(show(found))
            progress.flaws += following.flaws()
            self.output.idle()
            time.sleep(LOOK_S)
        self.interrupted = False  # that is how it ends

    def count(self, counts: Counts) -> None:
        """Count what is found."""

        def work(number: int) -> None:
            source, reading = self.files[number]
            look_into(number, source, self.query, self.progress, reading, counts.take)
            self.progress.done.append(number)

        threads = in_threads(work, range(len(self.files)), self.progress)
        while running := [each for each in threads if each.is_alive()]:
            running[0].join(POLL_S)
            self.progress.hits = counts.total
            self.output.idle()
        self.progress.hits = counts.total

    def exit_code(self) -> int:
        """Return 0 if something was found, 1 if nothing, 2 if not all that was asked for could be searched."""
        if self.progress.flaws or self.interrupted:
            return INCOMPLETE
        return FOUND if self.progress.hits else NOTHING

    def summary(self, *, all_wanted: bool) -> list[str]:
        """Return what to say at the end; `all_wanted` unless the search could end before all was read."""
        progress = self.progress
        if self.abandoned:
            return [visible(flaw) for flaw in progress.flaws[:_FLAWS_SHOWN]]
        size = sum(each.size_bytes for each in self.listed)
        read = shown_bytes(min(size, sum(progress.read_bytes)))
        files = f"{progress.looked_into} of {counted(len(self.listed), 'file')}"
        by_index = ", by the index" if self.worth is not all_that_may_match else ""
        lines = [f"looked into {files}, {read} of {shown_bytes(size)}{by_index}"]
        lines += [visible(flaw) for flaw in progress.flaws[:_FLAWS_SHOWN]]
        if (more := len(progress.flaws) - _FLAWS_SHOWN) > 0:
            lines.append(f"and {counted(more, 'file')} more that could not be searched")
        lines += [f"{visible(path)}: read up to its last whole frame" for path in progress.unfinished]
        if self.interrupted:
            lines.append("interrupted: the answer is partial")
        elif progress.flaws and all_wanted:
            lines.append("the answer is incomplete")
        return lines
