"""The system's libpcre2-8, by ctypes: every match of a pattern in a body becomes a text, in one call.

Of https://www.pcre.org/current/doc/html/pcre2api.html the few functions that this takes. The library is on every Debian
(dpkg itself needs it) and wherever git, grep or SELinux are. Meanwhile, ctypes lets other threads run.
"""

import ctypes
import functools
from typing import Final

_NAMES: Final = ("libpcre2-8.so.0", "libpcre2-8.so")
_JIT_COMPLETE: Final = 1
_OPTIONS: Final = 0x00020700
"""Each match is replaced, the text between them left out. Groups may be tested; one that took no part is empty."""
_CONFIG_JIT: Final = 1
_CONFIG_VERSION: Final = 11
_LEAST_ROOM_BYTES: Final = 4096
_STACK_BYTES: Final = (32 << 10, 1 << 20)
"""At first, at most. A pattern that needs more gives up."""
MARK: Final = b"${*MARK}"
"""A replacement: the name of the last (*MARK:name) that was passed."""

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


def version() -> str:
    """Return the version of the library; "" without a library that can do what is asked of it here."""
    library = _library()
    if library is None or Substitution(b"(*MARK:x)a").of(b"ab", 1) != b"x":
        return ""
    text = ctypes.create_string_buffer(64)
    library.config(_CONFIG_VERSION, text)
    return text.value.split(b" ")[0].decode()


class Substitution:
    """A pattern, and the text that stands for each of its matches: `$1` for a group, `${1:+text:other}`, or MARK.

    It is compiled once and never freed: a process has one for each format that its inputs name.
    """

    def __init__(self, pattern: bytes, replacement: bytes = MARK) -> None:
        self._library = _library()
        self._replacement = replacement
        self._room = ctypes.create_string_buffer(_LEAST_ROOM_BYTES)
        self._code = self._compiled(pattern) if self._library else None
        if self._library and self._code:
            self._data = self._library.match_data_create_from_pattern(self._code, None)
            self._context = self._library.match_context_create(None)
            self._library.jit_stack_assign(self._context, None, self._library.jit_stack_create(*_STACK_BYTES, None))

    def of(self, body: bytes, most_bytes: int) -> bytes | None:
        """Return the texts of all matches, together `most_bytes` at most; None without the library, or if it gave up.

        It gives up where a match takes too many steps or too much memory, or where the texts are longer.
        """
        if not (self._library and self._code):
            return None
        if most_bytes >= len(self._room):
            self._room = ctypes.create_string_buffer(1 << most_bytes.bit_length())
        length = _size(len(self._room))
        found = self._library.substitute(
            *(self._code, body, len(body), 0, _OPTIONS, self._data, self._context),
            *(self._replacement, len(self._replacement), self._room, ctypes.byref(length)),
        )
        return ctypes.string_at(self._room, length.value) if found >= 0 else None

    def _compiled(self, pattern: bytes) -> int | None:
        assert self._library  # noqa: S101 - the caller has it
        error, at = ctypes.c_int(), _size()
        code: int | None = self._library.compile(pattern, len(pattern), 0, ctypes.byref(error), ctypes.byref(at), None)
        return code if code and self._library.jit_compile(code, _JIT_COMPLETE) == 0 else None
