"""The fleet as a table for people, as tab-separated lines for programs, and as JSON."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec
from rich.table import Table
from rich.text import Text

from logbus.errors import counted, visible
from logbus.fleet.status import Status
from sinks.fleet.seen import Row

HEADINGS: Final = (
    "host",
    "process",
    "state",
    "version",
    "records/s",
    "MB/s",
    "behind",
    "waits",
    "files",
    "heard",
    "trouble",
)
NUMBERS: Final = frozenset({"records/s", "MB/s", "behind", "waits", "files", "heard"})
STYLES: Final = {"live": "green", "idle": "", "silent": "bold red", "gone": "dim"}
_STEPS: Final = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
_MB: Final = 1_000_000


def cells(row: Row) -> tuple[str, ...]:
    """Return a row's cells, of printable text."""
    status = row.status
    trouble = status.troubles[0] if status.troubles else None
    more = f" (and {len(status.troubles) - 1} more)" if len(status.troubles) > 1 else ""
    return (
        visible(status.host),
        visible(status.role if status.role == "shipper" else f"sink {status.name}"),
        row.state,
        visible(status.version),
        f"{row.records_per_s:,.0f}",
        f"{row.bytes_per_s / _MB:,.1f}",
        _size(status.behind_bytes) if status.role == "shipper" else counted(_waiting(status), "batch", "batches"),
        _span(row.lag_s) if row.lag_s >= 1 else "",
        str(status.files) if status.role == "shipper" else "",
        f"{_span(row.silent_s)} ago" if row.silent_s >= 1 else "now",
        visible(f"{trouble.about}: {trouble.cause}{more}") if trouble else "",
    )


def _waiting(sink: Status) -> int:
    """Return how many batches a sink has not committed, in its queue and in its hands."""
    return sink.queued + sink.waiting


def _size(size_bytes: int) -> str:
    for step, unit in _STEPS:
        if size_bytes >= step:
            return f"{size_bytes / step:.1f} {unit}"
    return f"{size_bytes} B"


def _span(seconds: float) -> str:
    """Return a time span in its largest unit."""
    for unit, length_s in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length_s:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{seconds:.0f} s"


def lines(rows: Iterable[Row]) -> Iterator[str]:
    """Yield tab-separated lines, headings first."""
    yield "\t".join(HEADINGS)
    for row in rows:
        yield "\t".join(cells(row))


def table(rows: Sequence[Row], most: int | None = None) -> Table:
    """Return a table in colour. If there are more than `most`, those that need somebody come first, and are shown."""
    if most is not None and len(rows) > most:
        shown = sorted(rows, key=_urgency)[: max(1, most - 1)]
        made = table(shown)
        made.add_row(Text(f"and {len(rows) - len(shown)} more", style="dim"))
        return made
    made = Table(box=None, header_style="bold", pad_edge=False)
    for name in HEADINGS:
        made.add_column(name, justify="right" if name in NUMBERS else "left", overflow="fold")
    for row in rows:
        made.add_row(*map(Text, cells(row)), style=STYLES[row.state])
    return made


def _urgency(row: Row) -> tuple[bool, bool]:
    return row.state != "silent", not row.status.troubles


def objects(rows: Iterable[Row]) -> Iterator[str]:
    """Yield a JSON object for each process: its status, and what was found out about it."""
    for row in rows:
        found = {
            "state": row.state,
            "records_per_s": round(row.records_per_s, 1),
            "bytes_per_s": round(row.bytes_per_s),
        }
        found |= {"lag_s": round(row.lag_s, 3), "silent_s": round(row.silent_s, 1)}
        yield msgspec.json.encode(msgspec.structs.asdict(row.status) | found).decode()


def summary(rows: Sequence[Row], missing: Sequence[str]) -> str:
    """Return one line about all of them."""
    count = {state: sum(row.state == state for row in rows) for state in STYLES}
    told = ", ".join(f"{number} {state}" for state, number in count.items() if number)
    hosts = counted(len({row.status.host for row in rows}), "host")
    line = f"{hosts}, {counted(len(rows), 'process', 'processes')}: {told or 'nothing was heard'}"
    return line + (f"; expected, and not running: {', '.join(map(visible, missing))}" if missing else "")
