"""A text in bytes, by StringZilla: ten times as fast as `bytes.find` (CPython 3.11); or by the C library's memmem.

That is up to three times as fast, and lets other threads run meanwhile.
"""

import ctypes
import functools
from collections.abc import Callable
from typing import Final

from logbus.native import fast_text

_NEAR_BYTES: Final = 4096
"""What is so near is found sooner without the library, and hits of a common word are near each other."""


def find(body: bytes, text: bytes, at: int = 0) -> int:
    """Return where `text` first is in `body`, at `at` (from 0 on) or behind it; -1 if it is not there."""
    near = at + _NEAR_BYTES + len(text)
    found = body.find(text, at, near)
    if found >= 0 or near >= len(body):
        return found
    if fast := fast_text.of(body):
        return fast.find(text, at + _NEAR_BYTES)
    search = _memmem()
    return search(body, text, at + _NEAR_BYTES) if search else body.find(text, at + _NEAR_BYTES)


@functools.cache
def _memmem() -> Callable[[bytes, bytes, int], int] | None:
    try:
        function = ctypes.CDLL(None).memmem
    except (OSError, AttributeError):
        return None
    function.restype = ctypes.c_void_p
    function.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t)

    def search(body: bytes, text: bytes, at: int) -> int:
        begin = ctypes.cast(ctypes.c_char_p(body), ctypes.c_void_p).value or 0
        found = function(begin + at, len(body) - at, text, len(text))
        return -1 if found is None else int(found) - begin

    return search
