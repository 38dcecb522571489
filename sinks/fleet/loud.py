"""What is loud: rates by host, input and severity, from two statuses of each shipper. Pure."""

from collections import Counter
from typing import Final

from msgspec import Struct, field

from logbus.fleet.status import Status
from logbus.severity import Severity

US: Final = 1_000_000
MOST: Final = 20_000
"""Shippers that are remembered."""
GROUPS: Final = ("host", "input", "severity")


class Rate(Struct, frozen=True):
    """Records and bytes a second; bytes are 0 where they are not told, as of severities."""

    name: str
    records_per_s: float
    bytes_per_s: float


class Loud(Struct):
    """The last two statuses of each shipper."""

    _last: dict[str, Status] = field(default_factory=dict)
    _before: dict[str, Status] = field(default_factory=dict)

    def hear(self, status: Status) -> None:
        """Take in a status."""
        if status.role != "shipper" or (status.instance not in self._last and len(self._last) >= MOST):
            return
        last = self._last.get(status.instance)
        if last and status.at_us - last.at_us >= US:
            self._before[status.instance] = last
        if not last or status.at_us - last.at_us >= US:
            self._last[status.instance] = status

    @property
    def compared(self) -> int:
        """How many shippers were heard twice."""
        return len(self._before)

    def rates(self, group: str, now_us: int) -> list[Rate]:
        """Return the rates of a group, the loudest first. A shipper that is silent for two intervals has none."""
        records: Counter[str] = Counter()
        sizes: Counter[str] = Counter()
        for instance, before in self._before.items():
            last = self._last[instance]
            took_s = (last.at_us - before.at_us) / US
            if last.state == "stopped" or (now_us - last.at_us) / US > 2 * last.every_s:
                continue
            for name, (count, size) in _changes(group, before, last).items():
                records[name] += round(1000 * count / took_s)
                sizes[name] += round(size / took_s)
        return [Rate(name, number / 1000, sizes[name]) for name, number in records.most_common() if number]


def _changes(group: str, before: Status, last: Status) -> dict[str, tuple[int, int]]:
    """Return what was published between two statuses, by name: records and bytes."""
    if group == "host":
        return {last.host: (_grown(last.records, before.records), _grown(last.bytes, before.bytes))}
    if group == "input":
        old = {part.name: part for part in before.inputs}
        parts = ((part, old.get(part.name, part)) for part in last.inputs)
        return {now.name: (_grown(now.records, then.records), _grown(now.bytes, then.bytes)) for now, then in parts}
    numbers = zip(Severity, last.severities, before.severities, strict=False)
    return {severity.word: (_grown(now, then), 0) for severity, now, then in numbers}


def _grown(now: int, then: int) -> int:
    return max(0, now - then)
