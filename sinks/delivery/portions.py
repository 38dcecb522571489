"""The portions a sink is given: a batch as shippers make them, or a part of a larger one. Pure."""

from collections.abc import Iterator

from logbus.batch import MAX_BODY_BYTES, MAX_RECORDS, Batch, split, split_records
from logbus.errors import WireError

PORTION_BYTES = 512 * 1024


def portions(batch: Batch) -> Iterator[Batch]:
    """Yield `batch` in portions within the limits of a shipper's batch. Raises WireError if it cannot be cut."""
    if len(batch.body) <= MAX_BODY_BYTES and len(batch.levels) <= MAX_RECORDS:
        yield batch
        return
    try:
        parts = split(batch, PORTION_BYTES)
    except ValueError as error:
        raise WireError(str(error)) from None
    while parts:
        yield from split_records(parts.pop(0), MAX_RECORDS)
