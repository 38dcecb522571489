"""The sink type `file`: appends batches to files, exactly the source's bytes, exactly once.

An output may be renamed or deleted at any time, as logrotate does: a new one is begun. `copytruncate` works too, but
loses what is written between the copy and the truncation, as with any program. Nobody else may append to an output.

With `compress: zstd` an output is a series of Zstandard frames, which `zstdcat` reads as one. Frames made by shippers
are appended as they came; what was trimmed, or came uncompressed, is compressed here.
"""

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from logbus.batch import Batch
from logbus.wire import frames
from sinks.file import noting, placing, template
from sinks.file.open_limit import open_max
from sinks.file.output import PathUnusable
from sinks.file.output_files import Outputs
from sinks.file.periods import DAY_US, parts_of
from sinks.file.settings import Settings
from sinks.file.upkeep.rotation import Rotator, is_rotated
from sinks.file.upkeep.settler import Settler
from sinks.file.wrapping import WRAPPINGS, as_json
from sinks.index import index_file
from sinks.index.index import Index
from sinks.index.place import Written
from sinks.sink import BatchRefused, Context, Mark

ZSTD_LEVEL = 3
DEPTH_MAX = 64
"""The most directories beneath the base for one message."""
PATH_MAX_BYTES = 4_000
"""Linux opens paths of up to 4,095 bytes; a rotated output's name is longer."""


class FileSink:
    """Appends each batch to the file that the template names. Durable."""

    def __init__(self, settings: Settings, context: Context) -> None:
        self._template = template.parse(settings.path)
        self._period_us = self._template.period_us
        self._late_us = settings.late_days * DAY_US
        as_they_are = WRAPPINGS[settings.format]
        self._wrap = partial(as_json, which=settings.parsed) if settings.format == "json" else as_they_are
        self._verbatim = settings.format == "raw"
        self._zstd = settings.compress == "zstd"
        self._rotates = settings.rotate is not None
        self._index = _index_of(settings, context, self._template.base)
        self._settler = Settler(settings, context.state) if settings.is_kept_in_order and context.state else None
        settled = self._settler.rotated if self._settler else lambda: None
        self._with_digits = noting.noted(settings.format) if self._index else noting.unnoted
        self._outputs = Outputs(
            self._template.base,
            context.remember,
            open_max(),
            making=settings.making(),
            rotator=Rotator(settings.rotate, self._index, settled) if settings.rotate else None,
            sync=settings.sync == "commit",
            is_new=context.is_new,
            writer=str(context.state.resolve()) if context.state else "",
            locate=placing.located(settings.compress) if self._index else placing.nowhere,
            idle_s=_idle_s(settings, self._period_us),
        )

    def write(self, batch: Batch) -> None:
        """Append a batch in the output's format."""
        period_us = self._period_us
        for period, part in parts_of(batch, period_us, self._late_us) if period_us else ((0, batch),):
            for data, digits in self._with_digits(self._wrap(part), part):
                if data:
                    written = self._append(part, data, period)
                    if written and self._index:
                        self._index.note(part, written, data, digits)

    def _append(self, batch: Batch, data: bytes, period: int) -> Written | None:
        if self._zstd:
            as_it_came = batch.encoded if self._verbatim and data is batch.body else None
            data = as_it_came or frames.compress(data, ZSTD_LEVEL)
        try:
            return self._outputs.append(self._name(batch, period), data)
        except PathUnusable as error:
            if not self._template.has_fields:
                raise
            raise BatchRefused(error.cannot, error.cause) from error

    def _name(self, batch: Batch, period: int) -> str:
        """Return the output's name, never one of a rotated output: those may be deleted."""
        name = self._template.render(batch, period)
        if not self._outputs.is_open(name):
            self._hold_to_bounds(name)
        return f"{name}_" if self._rotates and is_rotated(Path(name)) else name

    def _hold_to_bounds(self, name: str) -> None:
        """Refuse a path with too many directories, or one that no other program could open."""
        depth, size_bytes = name.count("/"), len(os.fsencode(self._template.base / name))
        if self._template.has_fields and depth > DEPTH_MAX:
            raise BatchRefused("name the output", f"its path has {depth} directories, and {DEPTH_MAX} are accepted")
        if self._template.has_fields and size_bytes > PATH_MAX_BYTES:
            raise BatchRefused("name the output", f"its path has {size_bytes} bytes, and {PATH_MAX_BYTES} are accepted")

    def commit(self) -> None:
        """Sync the files that were written to."""
        self._outputs.commit()

    def marks(self) -> Mapping[str, Mark]:
        """Return the files' lengths as of the last commit."""
        return self._outputs.marks()

    def restore(self, marks: Mapping[str, Mark]) -> None:
        """Cut the files back to these lengths."""
        self._outputs.restore(marks)
        if self._index:
            self._index.rollback(marks)
        if self._settler:
            self._settler.start()

    def committed(self) -> None:
        """Hand what was committed to the index."""
        if self._index:
            self._index.committed()

    def close(self) -> None:
        """Close the files and the index."""
        if self._settler:
            self._settler.close()
        self._outputs.close()
        if self._index:
            self._index.close()


def _idle_s(settings: Settings, period_us: int) -> float | None:
    """Return after how long an output is let go of, so that it may be replaced or deleted; None if that is never."""
    if settings.deletes:
        return max(period_us, DAY_US) / 1e6
    is_replaced = settings.compress == "zstd" and settings.recompress and settings.is_kept_in_order
    return period_us / 1e6 if is_replaced and period_us else None


def _index_of(settings: Settings, context: Context, base: Path) -> Index | None:
    """Return the index of a sink that keeps one. Without one, there must be none: it would not follow the outputs."""
    if settings.index and context.state:
        return Index(context.state, base, synced=settings.sync == "commit")
    if context.state:
        index_file.delete(context.state)
    return None


def open_sink(settings: Settings, context: Context) -> FileSink:
    """Return a file sink. Raises UsageError for an invalid path template."""
    return FileSink(settings, context)
