"""Writers of rows, one for each format. What they write is complete once they are closed."""

import csv
import importlib
import io
from collections.abc import Sequence
from itertools import starmap
from typing import Any, BinaryIO, Final, Literal, Protocol

import msgspec

from logbus.errors import UsageError
from sinks.event_times import clocks
from sinks.export.rows import COLUMNS, Row

Format = Literal["csv", "json", "parquet"]
SUFFIXES: Final[dict[str, Format]] = {
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
}
AT_ONCE: Final = 4096
"""Rows that are encoded together."""
GROUP_BYTES: Final = 16 << 20
"""The approximate size of a Parquet file's row groups: they are held in memory."""
ROW_BYTES: Final = 100


class Writer(Protocol):
    """Writes rows to an open file."""

    def add(self, rows: Sequence[Row]) -> None:
        """Write some rows. Raises OSError."""

    def close(self) -> None:
        """Write what completes the file, which stays open. Raises OSError."""


class CsvWriter:
    """RFC 4180, with a line of headings; UTF-8, lines end with CR and LF."""

    def __init__(self, file: BinaryIO) -> None:
        self._text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
        self._csv = csv.writer(self._text)
        self._csv.writerow(COLUMNS)

    def add(self, rows: Sequence[Row]) -> None:
        """Write some rows."""
        self._csv.writerows((clock, *row[1:]) for clock, row in zip(_clocks(rows), rows, strict=True))

    def close(self) -> None:
        """Flush."""
        self._text.flush()
        self._text.detach()


class JsonWriter:
    """An object a line; `fields` is an object in it, and absent columns are left out."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def add(self, rows: Sequence[Row]) -> None:
        """Write some rows."""
        self._file.write(b"".join(starmap(_line, zip(_clocks(rows), rows, strict=True))))

    def close(self) -> None:
        """Do nothing: each line is complete."""


class ParquetWriter:
    """Parquet with Zstandard, by pyarrow, which is an extra. Raises UsageError without it."""

    def __init__(self, file: BinaryIO) -> None:
        try:
            self._arrow: Any = importlib.import_module("pyarrow")
            parquet: Any = importlib.import_module("pyarrow.parquet")
        except ImportError as error:
            hint = "pip install 'logbus[parquet]', or use csv or json"
            raise UsageError("write Parquet", "pyarrow is not installed", hint) from error
        self._schema = self._arrow.schema(
            [("time", self._arrow.timestamp("us", tz="UTC")), *((name, self._arrow.string()) for name in COLUMNS[1:])]
        )
        self._writer = parquet.ParquetWriter(file, self._schema, compression="zstd")
        self._rows: list[Row] = []
        self._size_bytes = 0

    def add(self, rows: Sequence[Row]) -> None:
        """Keep some rows until they are a group."""
        self._rows += rows
        self._size_bytes += sum(ROW_BYTES + len(row.message) + len(row.fields) for row in rows)
        if self._size_bytes >= GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        """Write the last group, and the footer."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        columns = [list(column) for column in zip(*self._rows, strict=True)] or [[] for _ in COLUMNS]
        arrays = [self._arrow.array(column, field.type) for column, field in zip(columns, self._schema, strict=True)]
        if self._rows:
            self._writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))
        self._rows, self._size_bytes = [], 0


WRITERS: Final[dict[Format, type[CsvWriter | JsonWriter | ParquetWriter]]] = {
    "csv": CsvWriter,
    "json": JsonWriter,
    "parquet": ParquetWriter,
}


def _clocks(rows: Sequence[Row]) -> list[str]:
    return [clock.decode() for clock in clocks([row.time_us for row in rows])]


def _line(clock: str, row: Row) -> bytes:
    shown: dict[str, object] = {"time": clock} | {name: value for name, value in row._asdict().items() if value}
    del shown["time_us"]
    if row.fields:
        shown["fields"] = msgspec.Raw(row.fields.encode())
    return msgspec.json.encode(shown) + b"\n"
