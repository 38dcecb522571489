"""How much is looked into: what comes beyond that nobody could see, and is only counted. Pure."""

from typing import Final

SHOWN_BYTES_A_S: Final = 4 << 20
"""A browser draws 3,000 records a second, of some 100 bytes each; filters and the search for a record want more."""
AT_ONCE_BYTES: Final = 4 << 20
"""Two of the largest batches."""


class Flow:
    """Admits so many bytes a second on average, and so many more at once."""

    def __init__(self, bytes_a_s: int = SHOWN_BYTES_A_S, at_once_bytes: int = AT_ONCE_BYTES) -> None:
        self._bytes_a_s = bytes_a_s
        self._at_once_bytes = float(at_once_bytes)
        self._left_bytes = float(at_once_bytes)
        self._at_s = float("-inf")

    def admits(self, size_bytes: int, now_s: float) -> bool:
        """Return True if there is room for a batch of that size, and take it."""
        more_bytes = (now_s - self._at_s) * self._bytes_a_s
        self._left_bytes, self._at_s = min(self._at_once_bytes, self._left_bytes + more_bytes), now_s
        if self._left_bytes < 0:
            return False
        self._left_bytes -= size_bytes
        return True
