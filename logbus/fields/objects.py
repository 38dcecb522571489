r"""JSON objects, well formed or nearly.

Of keys that occur twice, the last counts. Numbers beyond 64 bits are exact up to 4,300 digits; longer ones, those
beyond a double, and NaN and Infinity, which are no JSON, are text as they are written. Control characters within a
string are accepted. A lone surrogate is shown as its escape, `\ud800`, and a byte that is not UTF-8 as `\xff`.
Anything else that is no JSON is no object, nor is what is nested deeper than `DEPTH_MAX`.
"""

import functools
import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

from logbus.fields.parsed import Value

if TYPE_CHECKING:
    import json

DEPTH_MAX: Final = 100
_DIGITS_MAX: Final = 4300
_LONE: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
"""An escape; the group is a surrogate without the other half."""
_NO_UTF8: Final = {0xDC00 + byte: rf"\\x{byte:02x}" for byte in range(0x80, 0x100)}

decode: Final[Callable[[bytes], Value]] = msgspec.json.Decoder().decode


def object_in(text: bytes) -> dict[str, Value] | None:
    """Return the object that the whole of `text` is, or None."""
    try:
        found = decode(text)
    except (ValueError, RecursionError):  # DecodeError, and UnicodeDecodeError
        found = _tolerantly(text)
    return found if isinstance(found, dict) and is_shallow(text, found) else None


def object_and_rest(text: bytes) -> tuple[dict[str, Value], bytes] | None:
    """Return the object that `text` is, or that its first line is, and the lines behind it; or None."""
    if (whole := object_in(text)) is not None:
        return whole, b""
    line, newline, rest = text.partition(b"\n")
    if not newline or (first := object_in(line)) is None:
        return None
    return first, rest


def is_shallow(text: bytes, found: Value) -> bool:
    """Return True unless `found`, which `text` says, is nested deeper than `DEPTH_MAX`."""
    if text.count(b"{") + text.count(b"[") <= DEPTH_MAX:
        return True
    level: list[Value] = [found]
    for _ in range(DEPTH_MAX + 1):
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return True
    return False


def _inside(value: Value) -> list[Value]:
    """Return the arrays and objects right in a value."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [each for each in items if isinstance(each, dict | list)]


def _tolerantly(raw: bytes) -> Value:
    """Return what nearly is JSON; None if it is not."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode(errors="surrogateescape").translate(_NO_UTF8)
    if "\\ud" in text or "\\uD" in text:
        text = _LONE.sub(lambda found: rf"\\{found[1]}" if found[1] else found[0], text)
    try:
        value: Value = _decoder().decode(text)
    except (ValueError, RecursionError):
        return None
    return value


@functools.cache
def _decoder() -> "json.JSONDecoder":
    import json  # noqa: PLC0415 - only for records that msgspec refuses

    return json.JSONDecoder(strict=False, parse_constant=str, parse_int=_integer, parse_float=_float)


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _DIGITS_MAX else digits


def _float(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits
