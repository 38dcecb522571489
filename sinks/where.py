"""Which records are wanted, by their fields and by the labels that an operator gave their shipper."""

from collections.abc import Mapping
from typing import Final

from logbus.batch import Batch, records

LABELS: Final = "fields."
"""Before the name of an operator's label."""


class Where:
    """Selects records whose fields, or whose operator's labels, match globs."""

    def __init__(self, globs: Mapping[str, str]) -> None:
        from logbus.fields import matching  # noqa: PLC0415 - where nobody asks for fields, nothing is imported

        self._matching = matching
        self._wanted = matching.conditions(globs)

    def narrowed(self, mask: bytes, batch: Batch) -> bytes:
        """Return `mask` with 0 also for each record that does not match. A label hides a field of its name."""
        labels = {f"{LABELS}{name}": text for name, text in batch.fields.items()}
        told = [(name, glob) for name, glob in self._wanted if name in labels]
        if not all(glob(labels[name]) for name, glob in told):
            return bytes(len(mask))
        asked = [each for each in self._wanted if each[0] not in labels]
        return self._matching.narrowed(mask, records(batch), asked) if asked else mask
