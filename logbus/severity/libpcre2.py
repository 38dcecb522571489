"""The system's libpcre2-8, by ctypes: replaces every match of a pattern by the mark that it sets, in one call.

Of https://www.pcre.org/current/doc/html/pcre2api.html the few functions that this takes. The library is on every Debian
(dpkg itself needs it) and wherever git, grep or SELinux are. Meanwhile, ctypes lets other threads run.
"""

import ctypes
import functools
from typing import Final

from logbus import newlines

_NAMES: Final = ("libpcre2-8.so.0", "libpcre2-8.so")
_ANCHORED: Final = 0x80000000
_JIT_COMPLETE: Final = 1
_SUBSTITUTE_GLOBAL: Final = 0x100
_CONFIG_JIT: Final = 1
_STACK_BYTES: Final = (32 << 10, 1 << 20)
"""At first, at most. A pattern that needs more gives up."""
_MARK: Final = b"${*MARK}"

_size = ctypes.c_size_t
_handle = ctypes.c_void_p
_FUNCTIONS: Final = {
    "config": (ctypes.c_int, (ctypes.c_uint32, _handle)),
    "compile": (_handle, (ctypes.c_char_p, _size, ctypes.c_uint32, _handle, _handle, _handle)),
    "jit_compile": (ctypes.c_int, (_handle, ctypes.c_uint32)),
    "jit_stack_create": (_handle, (_size, _size, _handle)),
    "jit_stack_assign": (None, (_handle, _handle, _handle)),
    "match_context_create": (_handle, (_handle,)),
    "match_data_create_from_pattern": (_handle, (_handle, _handle)),
    "substitute": (
        ctypes.c_int,
        (
            *(_handle, ctypes.c_char_p, _size, _size, ctypes.c_uint32, _handle, _handle),
            *(ctypes.c_char_p, _size, ctypes.c_char_p, ctypes.POINTER(_size)),
        ),
    ),
}


@functools.cache
def _library() -> ctypes.CDLL | None:
    """Return the library, if it is there and has a JIT for this processor."""
    for name in _NAMES:
        try:
            library = ctypes.CDLL(name)
            for function, (result, arguments) in _FUNCTIONS.items():
                ours = library[f"pcre2_{function}_8"]
                ours.restype, ours.argtypes = result, arguments
                setattr(library, function, ours)
        except (OSError, AttributeError):
            continue
        has_jit = ctypes.c_uint32()
        library.config(_CONFIG_JIT, ctypes.byref(has_jit))
        return library if has_jit.value else None
    return None


def available() -> bool:
    """Return True if patterns can be compiled."""
    return _library() is not None


class Marks:
    """A pattern that matches each line of a body, with its newline, and sets a mark of one byte in it.

    It is compiled once and never freed: a process has one for each format that its inputs name.
    """

    def __init__(self, pattern: bytes) -> None:
        self._library = _library()
        self._code = self._compiled(pattern) if self._library else None
        if self._library and self._code:
            self._data = self._library.match_data_create_from_pattern(self._code, None)
            self._context = self._library.match_context_create(None)
            self._library.jit_stack_assign(self._context, None, self._library.jit_stack_create(*_STACK_BYTES, None))

    def of(self, body: bytes) -> bytes | None:
        """Return the mark of each line; None without the library, or if it gave up."""
        if not (self._library and self._code):
            return None
        length = _size(newlines.count(body) + 2)
        marks = ctypes.create_string_buffer(length.value)
        found = self._library.substitute(
            *(self._code, body, len(body), 0, _SUBSTITUTE_GLOBAL, self._data, self._context),
            *(_MARK, len(_MARK), marks, ctypes.byref(length)),
        )
        return ctypes.string_at(marks, length.value) if found >= 0 else None

    def _compiled(self, pattern: bytes) -> int | None:
        assert self._library  # noqa: S101 - the caller has it
        error, at = ctypes.c_int(), _size()
        code: int | None = self._library.compile(
            pattern, len(pattern), _ANCHORED, ctypes.byref(error), ctypes.byref(at), None
        )
        return code if code and self._library.jit_compile(code, _JIT_COMPLETE) == 0 else None
