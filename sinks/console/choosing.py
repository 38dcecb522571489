"""Which records of a batch are wanted: by host, label, fields and pattern."""

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import compress
from typing import TYPE_CHECKING, Final

from logbus.batch import Batch, records, select
from logbus.config.patterns import compile_pattern
from sinks.console.settings import Settings

if TYPE_CHECKING:
    from logbus.fields import Value

SHIPPERS: Final = "fields."
"""What begins the name of a field that the shipper gave, not the record."""
Conditions = Sequence[tuple[str, Callable[[str], object]]]
"""Names of fields, and what the text of each has to match."""


class Wanted:
    """What the settings ask for."""

    def __init__(self, settings: Settings) -> None:
        self._names = [_glob(each) for each in (settings.host, settings.label)]
        self._search = compile_pattern(settings.grep).search if settings.grep else None
        globs = settings.field.items()
        self._shippers = conditions((name.removeprefix(SHIPPERS), glob) for name, glob in globs if _is_shippers(name))
        self._records = conditions((name, glob) for name, glob in globs if not _is_shippers(name))

    def of(self, batch: Batch) -> Batch | None:
        """Return a batch with only the wanted records, or None if none of its records can be wanted."""
        of_host, of_label = self._names
        if not (of_host(batch.host) and of_label(batch.label) and match(batch.fields or {}, self._shippers)):
            return None
        if self._search:
            batch = select(batch, [self._search(record) is not None for record in records(batch)])
        if self._records:
            batch = select(batch, narrowed(batch, self._records))
        return batch


def conditions(globs: Iterable[tuple[str, str]]) -> Conditions:
    """Return the conditions for names of fields and their globs."""
    return tuple((name, _glob(glob)) for name, glob in globs)


def narrowed(batch: Batch, wanted: Conditions) -> list[bool]:
    """Return True for each record that matches; those dropped on purpose are not parsed."""
    from logbus.fields import parse_all  # noqa: PLC0415 - only where somebody asks

    found = [True] * len(batch.levels) if batch.lengths is None else [size > 0 for size, _ in batch.lengths]
    numbers = list(compress(range(len(found)), found))
    for number, parsed in zip(numbers, parse_all(compress(records(batch), found)), strict=True):
        told = {"stream": parsed.stream, **parsed.fields} if parsed.stream else parsed.fields
        found[number] = match(told, wanted)
    return found


def match(fields: "Mapping[str, Value]", wanted: Conditions) -> bool:
    """Return True if each field is there, is not null, and matches."""
    from logbus.fields import text_of, value_at  # noqa: PLC0415 - as above

    for name, matches in wanted:
        value = value_at(fields, name)
        if value is None or not matches(text_of(value)):
            return False
    return True


def _glob(glob: str) -> Callable[[str], object]:
    return re.compile(fnmatch.translate(glob)).match


def _is_shippers(name: str) -> bool:
    return name.startswith(SHIPPERS)
