"""A batch's records as text, for sinks that write text. Pure."""

from collections.abc import Iterable

from logbus.batch import Batch, records
from logbus.decoding import decoded


def texts(batch: Batch) -> Iterable[str | None]:
    """Return each record without its line end, bytes that are not UTF-8 escaped; None for one dropped on purpose."""
    if batch.lengths is not None:
        return (_without_end(decoded(record)) if record else None for record in records(batch))
    lines = decoded(batch.body.removesuffix(b"\n")).split("\n")  # all at once, which is faster
    return (line.removesuffix("\r") for line in lines[: len(batch.levels)])


def _without_end(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")
