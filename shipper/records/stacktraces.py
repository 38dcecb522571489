"""Stack traces by language: the kind of each line, and the runs of kinds that make a record.

A bare exception line belongs to the line before it, as loggers print it (`ERROR failed`, newline,
`java.lang.IllegalStateException: ...`), unless that line is a bare exception, too.
"""

import functools
import re
from collections.abc import Callable
from typing import Final, NamedTuple

from logbus.severity.words import maybe, repeated


class Grammar(NamedTuple):
    """`kinds` maps each line of a body, which ends in a newline, to a letter; `record` matches a record's letters."""

    kinds: Callable[[bytes], bytes]
    record: re.Pattern[bytes]


class Preset(NamedTuple):
    """Letter -> the beginning of such lines; the first match wins (`s`: no match). `record`: a record's kinds."""

    lines: dict[str, bytes]
    record: bytes


_INDENT: Final = rb"[ \t]"
_BLANK: Final = rb"\r?(?:\n|\Z)"
_CALL_OF_GO: Final = rb"[\w.%~-]++" + repeated(rb"/[\w.%~-]++", b"*") + rb"[(\[][^\r\n]*+(?<=\))" + _BLANK

_FRAMES: Final = rb"t" + maybe(rb"i++s?+i*+")
_TRACEBACK: Final = _FRAMES + rb"b*+" + repeated(rb"db*+" + maybe(_FRAMES) + rb"b*+", b"*")

PRESETS: Final[dict[str, Preset]] = {
    "indent": Preset({"i": _INDENT}, rb".i*+"),
    "java": Preset(
        {
            "i": _INDENT,
            "c": rb"Caused by: |Suppressed: |\.\.\. \d++ (?:more|common frames)",
            "x": rb"[A-Za-z_$][\w$]*+"
            + repeated(rb"\.[\w$]++", b"+")
            + rb"(?<=Exception|....Error|Throwable|..Failure)(?:[:;]|"
            + _BLANK
            + rb")",
        },
        rb"(?:[^x]x?+|x)[ic]*+",
    ),
    "dotnet": Preset(
        {
            "i": _INDENT,
            "c": rb"--- End of ",
            "x": rb"[A-Z]\w*+"
            + repeated(rb"\.\w++", b"+")
            + rb"(?<=Exception|....Error)"
            + maybe(rb" \(0x[0-9A-Fa-f]++\)")
            + rb"(?::|"
            + _BLANK
            + rb")",
        },
        rb"(?:[^x]x?+|x)[ic]*+",
    ),
    "python": Preset(
        {
            "t": rb"Traceback \(most recent call last\):",
            "d": rb"During handling of the above exception|The above exception was the direct cause",
            "b": _BLANK,
            "i": _INDENT,
        },
        rb"(?:[^t]i*+" + maybe(_TRACEBACK) + rb"|" + _TRACEBACK + rb")",
    ),
    "go": Preset(
        {
            "p": rb"[\d/:., TZ+-]*+(?:panic: |fatal error: |http: panic serving |SIG[A-Z]+: )",
            "g": rb"goroutine \d++ ",
            "q": rb"created by |exit status \d|\[signal |[a-z]{2,6}\d? ++0x|" + _CALL_OF_GO,
            "b": _BLANK,
            "i": _INDENT,
        },
        rb"(?:p[bgqi]*+|.i*+" + maybe(rb"g[bgqi]*+") + rb")",
    ),
    "node": Preset(
        {
            "b": _BLANK,
            "i": _INDENT,
            "c": rb"[}\])]+[,;]?" + _BLANK,
            "f": rb"(?:/|file:///|node:|[A-Z]:\\)[^\n ]*+(?<=\d)" + _BLANK,
            "n": rb"Node\.js v",
            "x": rb"(?:Uncaught )?[A-Za-z_$][\w$.]*+(?<=Error)" + maybe(rb" \[[\w$]++\]") + rb"(?::|" + _BLANK + rb")",
        },
        rb"(?:f[ib]*+" + maybe(rb"x[ic]*+") + rb"[bn]*+|x[ic]*+|.x?+[ic]*+)",
    ),
    "ruby": Preset(
        {
            "i": _INDENT,
            "r": rb"[\w./+-]++:\d++:in [`'][^'\n]*+'" + _BLANK,
        },
        rb".[ir]*+",
    ),
}


@functools.cache
def grammar(name: str) -> Grammar:
    """Return the grammar of a preset."""
    preset = PRESETS[name]
    return Grammar(_kinds(preset.lines), re.compile(preset.record))


def _kinds(lines: dict[str, bytes]) -> Callable[[bytes], bytes]:
    alternatives = b"|".join(b"(?P<%s>%s)" % (kind.encode(), pattern) for kind, pattern in lines.items())
    pattern = re.compile(rb"^(?:" + alternatives + rb"|)", re.MULTILINE)

    def kinds(body: bytes) -> bytes:
        letters = [found.lastgroup or "s" for found in pattern.finditer(body)]
        del letters[-1]  # the position behind the last newline begins no line
        return "".join(letters).encode()

    return kinds
