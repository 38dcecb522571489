"""Some of a batch's records, such as those of some severities; the others are dropped on purpose."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from itertools import compress
from typing import Any

from msgspec.structs import replace

from logbus.wire.batch import Batch, records


class _Later(Sequence[tuple[int, int]]):
    """Lengths that `make` returns as soon as somebody asks: a sink that writes nothing but bytes never does."""

    def __init__(self, make: Callable[[], tuple[tuple[int, int], ...]]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> tuple[tuple[int, int], ...]:
        return self._make()

    def __len__(self) -> int:
        return len(self._made)

    def __getitem__(self, at: Any) -> Any:  # noqa: ANN401 - a pair for a number, a tuple of them for a slice
        return self._made[at]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self._made)

    def __eq__(self, other: object) -> bool:
        return self._made == (other._made if isinstance(other, _Later) else other)

    def __hash__(self) -> int:
        return hash(self._made)


def select(batch: Batch, mask: Sequence[int]) -> Batch:
    """Return `batch` with only the records whose `mask` is not 0; the others count as dropped on purpose."""
    body = b"".join(compress(records(batch), mask))
    return replace(batch, body=body, lengths=_Later(partial(_selected, batch, mask)), encoded=None)


def _selected(batch: Batch, mask: Sequence[int]) -> tuple[tuple[int, int], ...]:
    sizes = list(map(len, records(batch)))
    sources = sizes if batch.lengths is None else [source for _, source in batch.lengths]
    dropped = {source: (0, source) for source in set(sources)}  # shared: creating objects is the cost here
    lengths = list(map(dropped.__getitem__, sources))
    for at in compress(range(len(sizes)), mask):
        lengths[at] = sizes[at], sources[at]
    return tuple(lengths)
