"""The event times of a batch's first and last record, so that readers may skip what cannot be of interest.

No other record's time is read: a slice of thousands of lines costs no more than one of a few.
"""

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from logbus import telemetry
from logbus.errors import UsageError
from logbus.wire.times import Times
from shipper.records.cuts import Finished
from shipper.records.rules import Rules

if TYPE_CHECKING:
    from logbus.eventtime import TimeRules

logger = logging.getLogger("logbus.shipper.records")

LINE_BYTES: Final = 128 * 1024
"""A time stands in the first so many bytes of a record."""
_BACK: Final = 16
"""So many records at the end of a batch are searched for one with a time: the last may be lines of a trace."""


class EventSpan:
    """Reads the times of an input's batches by its rules. Raises UsageError for a format that is none."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.reads = rules.time != "off"
        if self.reads and rules.time_format:
            from logbus import eventtime  # noqa: PLC0415 - it takes 10 ms of a start that needs none

            eventtime.compile_format(rules.time_format)

    def prepare(self) -> None:
        """Compile what records may need, and read the zone. Raises OSError if no file can be opened now."""
        if self.reads:
            from logbus import eventtime  # noqa: PLC0415 - as above

            eventtime.prepare(self._rules.time_key or None, self._rules.time_format or None)
            self._at(0)

    def _at(self, read_at_us: int) -> "TimeRules | None":
        """Return the rules for what was read at a time; None if they are off, or the host's zone is unknown."""
        try:
            return self._rules.times(read_at_us) if self.reads else None
        except UsageError as error:
            logger.warning("no event times: %s", error)
            self.reads = False
            return None

    def of(self, found: Finished, read_at_us: int, previous_us: int | None) -> Times | None:
        """Return the times of a batch; `previous_us` is that of the record before it. None if times are off."""
        rules = self._at(read_at_us) if found.levels else None
        if rules is None:
            return None
        first = _first_bytes(found)
        first_us, disbelieved = _time(found.body[: min(first, LINE_BYTES)], rules, previous_us)
        inherited_us = read_at_us if previous_us is None else previous_us
        begin_us = inherited_us if first_us is None else first_us
        last_us, more = _last(_backwards(found, first), rules, begin_us)
        if disbelieved + more:
            telemetry.count("logbus_disbelieved_times", disbelieved + more)
        return Times(_zone(rules), begin_us, last_us, self._rules.time_key, self._rules.time_format)

    def before(self, lines: bytes, read_at_us: int) -> int | None:
        """Return the time of the last of some lines, in microseconds, or None."""
        rules = self._at(read_at_us) if lines else None
        if rules is None:
            return None
        return next((found for line in _lines_backwards(lines) if (found := _time(line, rules, None)[0])), None)


def _last(records: Iterator[bytes], rules: "TimeRules", begin_us: int) -> tuple[int, int]:
    """Return the first time of records that are given from the last on, and how many were not believed."""
    disbelieved = 0
    for record in records:
        last_us, wrong = _time(record, rules, begin_us)
        disbelieved += wrong
        if last_us is not None:
            return last_us, disbelieved
    return begin_us, disbelieved


def _time(record: bytes, rules: "TimeRules", previous_us: int | None) -> tuple[int | None, int]:
    """Return the time that a record states, None if it states none to be believed, and 1 for one that is not."""
    from logbus import eventtime  # noqa: PLC0415 - as above

    found = eventtime.event_time(record, rules, previous_us)
    return (found.time_us if found.why == "stated" else None), int(found.disbelieved)


def _zone(rules: "TimeRules") -> str:
    from logbus import eventtime  # noqa: PLC0415 - as above

    return eventtime.portable_name(rules.zone, rules.read_at_us)


def _first_bytes(found: Finished) -> int:
    """Return the size of the first record that was not dropped."""
    if found.lengths is None:
        return found.body.find(b"\n") + 1 or len(found.body)
    return next(filter(None, found.lengths.sizes), 0)


def _backwards(found: Finished, begin: int) -> Iterator[bytes]:
    """Yield the records behind `begin`, from the last on, _BACK at most, as far as a time may stand in them."""
    if found.lengths is None:
        yield from _lines_backwards(found.body, begin)
        return
    end = len(found.body)
    for size in found.lengths.sizes[: -_BACK - 1 : -1]:
        if end <= begin:
            return
        if size:
            yield found.body[end - size : min(end, end - size + LINE_BYTES)]
        end -= size


def _lines_backwards(body: bytes, begin: int = 0) -> Iterator[bytes]:
    end = len(body)
    for _ in range(_BACK):
        if end <= begin:
            return
        at = body.rfind(b"\n", 0, end - 1) + 1
        yield body[at : min(end, at + LINE_BYTES)]
        end = at
