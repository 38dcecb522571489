"""A hub of the web page in a test: what is published, who looks, and filters that run when the test wants it."""

import itertools
import json
from dataclasses import dataclass, field

from logbus.batch import Batch
from sinks.web.live.filters import Filter
from sinks.web.live.hub import Hub, Place
from sinks.web.live.ring import Taken
from sinks.web.live.viewer import Viewer
from support import nothing

STREAM = "0123456789abcdef"
EVERYTHING = Filter()


@dataclass(slots=True)
class Source:
    """Makes the batches of one stream, whose records are numbered."""

    host: str = "web-1"
    offset: int = 0
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def batch(self, levels: bytes) -> Batch:
        """Return a batch with a record for each level."""
        body = b"".join(b"record %d\n" % next(self.numbers) for _ in levels)
        begin, self.offset = self.offset, self.offset + len(body)
        return Batch(body, levels, self.host, "app", "/a.log", STREAM, begin, self.offset, read_at_us=1)


def messages(taken: Taken) -> list[str]:
    """Return the texts of what was taken."""
    lines = [line for part in taken.parts for line in part.entry.lines()[part.start : part.stop]]
    return [json.loads(line)["message"] for line in lines]


def no_time() -> float:
    """Return a time that does not pass."""
    return 0.0


def look_at_all(hub: Hub) -> None:
    """Run all filters on all that they have not seen."""
    while turn := hub.turn(0.0):
        hub.look_at(turn, no_time)


def publish(hub: Hub, batch: Batch) -> None:
    """Publish a batch, and look at it."""
    hub.publish(batch)
    look_at_all(hub)


def look(hub: Hub, chosen: Filter, since: Place | None = None) -> Viewer:
    """Return a new viewer, whose filter has seen all that is kept."""
    viewer = hub.look(chosen, nothing, since)
    look_at_all(hub)
    return viewer


def rest_of(hub: Hub, viewer: Viewer) -> list[str]:
    """Return the texts of all that waits."""
    return messages(hub.take(viewer, 1_000_000))
