"""Batches for tests: what may be said of one, by name."""

from collections.abc import Mapping
from typing import TypedDict

from logbus.batch import Lengths
from logbus.wire.times import Times


class BatchKeys(TypedDict, total=False):
    """What of a `Batch` a test may want otherwise, apart from its body and its offset."""

    levels: bytes
    host: str
    label: str
    path: str
    stream: str
    end: int
    read_at_us: int
    fields: Mapping[str, str]
    lengths: Lengths | None
    partial: bool
    times: Times | None
    user: str
    encoded: bytes | None
