"""What was heard of the processes of the fleet, and how each is by now. Pure: the caller has the clock.

live      it has shipped or written records since its status before
idle      it runs, and had nothing to do
silent    nothing was heard of it for two of its intervals, or of a host that was expected nothing at all
gone      it said that it stops
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from logbus.fleet.status import Status

State = Literal["live", "idle", "silent", "gone"]
SILENT_INTERVALS: Final = 2
MOST: Final = 20_000
"""Processes that are remembered; what a sender makes up must not fill the memory."""
US: Final = 1_000_000
_FORGET_US: Final = 24 * 3600 * US


class Row(Struct, frozen=True):
    """A process: its last status, its state, rates since the status before, and when it was heard last.

    `lag_s`: how long the oldest unconfirmed batch of a shipper waits. `silent_s`: since when nothing was heard.
    """

    status: Status
    state: State
    records_per_s: float
    bytes_per_s: float
    lag_s: float
    silent_s: float


class _Heard(Struct, frozen=True):
    status: Status
    heard_us: int
    records_per_s: float = 0.0
    bytes_per_s: float = 0.0

    @property
    def is_shipper(self) -> bool:
        """Whether it is one, and no sink."""
        return self.status.role == "shipper"


class Fleet:
    """The processes that were heard of; a newer one of the same host, role and name replaces a stopped one."""

    def __init__(self, silent_s: float | None = None) -> None:
        self._heard: dict[tuple[str, str, str, str], _Heard] = {}
        self._silent_s = silent_s

    def hear(self, status: Status, now_us: int) -> None:
        """Take in a status that arrived now."""
        key = (status.host, status.role, status.name, status.instance)
        before = self._heard.pop(key, None)
        if before is None:
            self._supersede(status)
        if len(self._heard) >= MOST:
            del self._heard[next(iter(self._heard))]
        self._heard[key] = _rated(before, status, now_us)

    def _supersede(self, status: Status) -> None:
        """Forget the earlier runs of a process of which a new one is heard, unless they are still heard of."""
        same = [key for key in self._heard if key[:3] == (status.host, status.role, status.name)]
        for key in same:
            old = self._heard[key]
            if old.status.state == "stopped" or old.heard_us + int(old.status.every_s * US) < status.at_us:
                del self._heard[key]

    def rows(self, now_us: int) -> Iterator[Row]:
        """Yield the processes by host, role and name."""
        confirmed_us = max((each.status.newest_us for each in self._heard.values() if each.is_shipper), default=0)
        for each in sorted(self._heard.values(), key=_place):
            if now_us - each.heard_us < _FORGET_US:
                yield self._row(each, now_us, confirmed_us)

    def _row(self, each: _Heard, now_us: int, confirmed_us: int) -> Row:
        status = each.status
        silent_s = max(0.0, (now_us - each.heard_us) / US)
        state = self._state(each, silent_s)
        works = state in {"live", "idle"}
        lag_us = (
            status.at_us - (status.oldest_us or status.at_us) if each.is_shipper else _behind_us(status, confirmed_us)
        )
        lag_s = max(0.0, lag_us / US)
        return Row(status, state, each.records_per_s * works, each.bytes_per_s * works, lag_s, silent_s)

    def _state(self, each: _Heard, silent_s: float) -> State:
        if each.status.state == "stopped":
            return "gone"
        if silent_s > (self._silent_s or SILENT_INTERVALS * each.status.every_s):
            return "silent"
        return "live" if each.records_per_s else "idle"


def _behind_us(sink: Status, confirmed_us: int) -> int:
    """Return how much later the newest batch was read that shippers know to be safe than what a sink wrote last.

    A sink for which nothing waits is not behind, however old that is. Where no shipper is heard, now counts instead.
    """
    if not (sink.newest_us and (sink.queued or sink.waiting)):
        return 0
    return (confirmed_us or sink.at_us) - sink.newest_us


def _rated(before: _Heard | None, status: Status, now_us: int) -> _Heard:
    """Return what was heard, with the rates since the status before; at most one of a second counts as such."""
    if before is None:
        return _Heard(status, now_us)
    took_s = (status.at_us - before.status.at_us) / US
    if took_s < 1:
        return replace(before, status=status, heard_us=now_us)
    records, size_bytes = status.records - before.status.records, status.bytes - before.status.bytes
    return _Heard(status, now_us, max(0.0, records / took_s), max(0.0, size_bytes / took_s))


def _place(each: _Heard) -> tuple[str, str, str, int]:
    return each.status.host, each.status.role, each.status.name, each.status.started_us


def unheard(hosts: Iterable[str], rows: Iterable[Row], silent_s: float) -> Iterator[Row]:
    """Yield a row for each host of which no process is shown, though it is known: silent for so long, or longer."""
    there = {row.status.host for row in rows}
    for host in hosts:
        if host not in there:
            yield Row(Status(host, "shipper", "", 0, 0, version=""), "silent", 0.0, 0.0, 0.0, silent_s)


def missing(expected: Collection[str], rows: Collection[Row]) -> list[str]:
    """Return the hosts that were expected, and of which no shipper is live or idle."""
    there = {row.status.host for row in rows if row.status.role == "shipper" and row.state in {"live", "idle"}}
    return [host for host in expected if host not in there]
