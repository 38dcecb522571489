"""Which records of a batch are wanted: by host, label, fields and pattern."""

import fnmatch
import re
from collections.abc import Callable

from logbus.batch import Batch, records, select, there
from logbus.config.patterns import compile_pattern
from sinks.console.settings import Settings
from sinks.where import Where


class Wanted:
    """What the settings ask for."""

    def __init__(self, settings: Settings) -> None:
        self._names = [_glob(each) for each in (settings.host, settings.label)]
        self._search = compile_pattern(settings.grep).search if settings.grep else None
        self._where = Where(settings.field) if settings.field else None

    def of(self, batch: Batch) -> Batch | None:
        """Return a batch with only the wanted records, or None if none of its records can be wanted."""
        of_host, of_label = self._names
        if not (of_host(batch.host) and of_label(batch.label)):
            return None
        if self._search:
            batch = select(batch, bytes(self._search(record) is not None for record in records(batch)))
        if self._where:
            mask = self._where.narrowed(there(batch), batch)
            return select(batch, mask) if 1 in mask else None
        return batch


def _glob(glob: str) -> Callable[[str], object]:
    return re.compile(fnmatch.translate(glob)).match
