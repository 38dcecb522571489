"""StringZilla, if it is installed: bytes in which it counts and finds several times as fast as the C library."""

import functools
from collections.abc import Callable
from typing import Final, Protocol, cast

LEAST_BYTES: Final = 64 * 1024
"""Below this, StringZilla is not worth loading: 10 ms."""


class Text(Protocol):
    """What StringZilla makes of bytes, without a copy."""

    def count(self, sub: bytes, start: int = ..., end: int = ..., /) -> int:
        """As `bytes.count`."""

    def find(self, sub: bytes, start: int = ..., end: int = ..., /) -> int:
        """As `bytes.find`."""


def of(body: bytes) -> Text | None:
    """Return the same bytes as StringZilla has them; None without it, or for few."""
    if len(body) < LEAST_BYTES:
        return None
    try:
        text_of = _stringzilla()
    except (ImportError, OSError):  # no descriptor is left, for example: the next one may be luckier
        return None
    return text_of(body) if text_of else None


@functools.cache
def _stringzilla() -> Callable[[bytes], Text] | None:
    try:
        import stringzilla  # noqa: PLC0415 - optional, and only worth loading for a backlog
    except ModuleNotFoundError:
        return None
    return cast("Callable[[bytes], Text]", stringzilla.Str)
