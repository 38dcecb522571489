"""Stack traces by language: the kind of each line, and the runs of kinds that make a record.

A bare exception line belongs to the line before it, as loggers print it (`ERROR failed`, newline,
`java.lang.IllegalStateException: ...`), unless that line is a bare exception, too.
"""

import functools
import re
from collections.abc import Callable
from typing import Final, NamedTuple

from logbus.native import newlines
from logbus.native.pcre2 import Substitution
from logbus.severity import pcre
from logbus.severity.columns import COLOUR
from logbus.severity.words import maybe, repeated
from logbus.wire.batch import count_lines


class Grammar(NamedTuple):
    """`kinds` maps each line of a body to a letter; `record` matches a record's letters, or any one letter."""

    kinds: Callable[[bytes], bytes]
    record: re.Pattern[bytes]


class Preset(NamedTuple):
    """Letter -> the beginning of such lines; the first match wins (`s`: no match). `record`: a record's kinds."""

    lines: dict[str, bytes]
    record: bytes


_INDENT: Final = rb"[ \t]"
_BLANK: Final = rb"\r?(?:\n|\Z)"
BLANK_LINE: Final = rb"[ \t\r\x0b\f]*+(?:\n|\Z)"
_CLASS: Final = rb"[A-Za-z_$][\w$]*+" + repeated(rb"\.[\w$]++", b"+")
START: Final = (
    rb"(?:\xef\xbb\xbf)?"
    + repeated(COLOUR, b"{0,4}")
    + rb"(?:\[[A-Z][a-z]+\] \d+ +- )?[\[<(]?"
    + rb"(?:\d{4}[-/.]\d\d[-/.]\d\d|\d\d?[-/.](?:\d\d?|[A-Z][a-z]{2})[-/.]\d{2,4}|\d\d?:\d\d[: ]"
    + rb"|(?:[A-Z][a-z]{2},? )?[A-Z][a-z]{2} {1,2}\d{1,2},? (?:\d{4} )?\d\d?:\d\d|\d{6}[ T]\d\d:?\d\d|\d{10,13}[.: \]])"
    + rb"|<\d{1,3}>|\{\"|[IWEFD]\d{4,8} \d\d:\d\d|[DIWEF], \[|[a-z_.]++=\S++ [a-z_.]++="
)
"""What begins a record of a log whose records have a time: where records begin so, no other line begins one."""
_CALL_OF_GO: Final = rb"[\w.%~-]++" + repeated(rb"/[\w.%~-]++", b"*") + rb"[(\[][^\r\n]*+(?<=\))" + _BLANK
_NAME_OF_GO: Final = rb"[\w.%~-]++" + repeated(rb"/[\w.%~-]++", b"+") + maybe(rb"\(\*?\w++\)[\w.]++") + _BLANK

_FRAMES: Final = rb"t" + maybe(rb"i++s?+i*+")
_TRACEBACK: Final = _FRAMES + rb"b*+" + repeated(rb"db*+" + maybe(_FRAMES) + rb"b*+", b"*")
_THROWN: Final = maybe(rb"x[^S]*+")
"""An exception in a log whose records have a time: its message may be any lines, up to the next record."""

PRESETS: Final[dict[str, Preset]] = {
    "indent": Preset({"i": _INDENT}, rb".i*+"),
    "java": Preset(
        {
            "h": rb"[A-Z][a-z]{2} \d{1,2}, \d{4} \d{1,2}:\d\d:\d\d [AP]M [\w.$<>-]++ [\w$<>-]++" + _BLANK,
            "S": START,
            "x": maybe(rb"[ \t]++(?!at )")
            + _CLASS
            + rb"(?<=Exception|....Error|Throwable|..Failure)(?:[:;]|"
            + _BLANK
            + rb")",
            "i": _INDENT,
            "c": rb"Caused by: |Wrapped by: |Suppressed: |\.\.\. \d++ (?:more|common frames)|Original Stack Trace:",
            "b": _BLANK,
            "l": rb"(?:SEVERE|WARNING|INFO|CONFIG|FINE|FINER|FINEST): ",
        },
        rb"(?:(?:hl?+|S)[icb]*+" + maybe(rb"x[^Sh]*+") + rb"|(?:[^xShi]x?+|[xi])[ic]*+)",
    ),
    "dotnet": Preset(
        {
            "S": START,
            "i": _INDENT,
            "c": rb"--- End of ",
            "x": rb"[A-Z]\w*+"
            + repeated(rb"\.\w++", b"+")
            + rb"(?<=Exception|....Error)"
            + maybe(rb" \(0x[0-9A-Fa-f]++\)")
            + rb"(?::|"
            + _BLANK
            + rb")",
            "b": _BLANK,
        },
        rb"(?:S[icb]*+" + _THROWN + rb"|(?:[^xS]x?+|x)[ic]*+)",
    ),
    "python": Preset(
        {
            "S": START,
            "t": rb"Traceback \(most recent call last\):",
            "d": rb"During handling of the above exception|The above exception was the direct cause",
            "b": _BLANK,
            "i": _INDENT,
        },
        rb"(?:Si*+" + maybe(rb"t[^S]*+") + rb"|[^tS]i*+" + maybe(_TRACEBACK) + rb"|" + _TRACEBACK + rb")",
    ),
    "go": Preset(
        {
            "p": rb"[\d/:., TZ+-]*+(?:panic: |fatal error: |http: panic serving |SIG[A-Z]+: )",
            "S": START,
            "g": rb"goroutine \d++ ",
            "q": rb"created by |exit status \d|\[signal |[a-z]{2,6}\d? ++0x|" + _CALL_OF_GO + rb"|" + _NAME_OF_GO,
            "b": _BLANK,
            "i": _INDENT,
        },
        rb"(?:p[bgqi]*+|S[iq]*+" + maybe(rb"g[bgqi]*+") + rb"|[^S]i*+" + maybe(rb"g[bgqi]*+") + rb")",
    ),
    "node": Preset(
        {
            "S": START,
            "b": _BLANK,
            "i": _INDENT,
            "c": rb"[}\])]+[,;]?" + _BLANK,
            "f": rb"(?:/|file:///|node:|[A-Z]:\\)[^\n ]*+(?<=\d)" + _BLANK,
            "n": rb"Node\.js v",
            "x": rb"(?:Uncaught )?\[?[A-Za-z_$][\w$.]*+(?<=Error|ption|ction)"
            + maybe(rb" \[[\w$]++\]")
            + rb"(?::|"
            + _BLANK
            + rb")",
        },
        rb"(?:f[ib]*+" + maybe(rb"x[ic]*+") + rb"[bn]*+|x[ic]*+|S[ic]*+" + _THROWN + rb"|[^S]x?+[ic]*+)",
    ),
    "ruby": Preset(
        {
            "i": _INDENT,
            "r": maybe(rb"[\w-]++ \([\w.]++\) ")
            + rb"(?:[\w./+-]++|<internal:[\w./-]++>):\d++:in [`'][^'\n]*+'"
            + _BLANK,
        },
        rb".[ir]*+",
    ),
    "php": Preset(
        {
            "i": _INDENT
            + rb"|#\d++ |Stack trace:|\[stacktrace\]|\[previous exception\]|Next [A-Z]|\"\} ?"
            + _BLANK
            + rb"|(?:\[[^\]\n]{10,60}+\] )?PHP (?:Stack trace:|  \d++\. )",
        },
        rb".i*+",
    ),
    "rust": Preset(
        {
            "p": maybe(rb"thread '[^'\n]*+' " + maybe(rb"\(\d++\) ")) + rb"panicked at ",
            "S": START,
            "e": rb"Error: ",
            "t": rb"stack backtrace:|Stack backtrace:|note: |Caused by:|Location:",
            "b": _BLANK,
            "i": _INDENT,
        },
        rb"(?:p[^pSe]?+[itb]*+|e[itb]*+|.[it]*+)",
    ),
}


OPENS: Final = (
    rb"[ \t]*+(?:Traceback \(most recent call last\):|(?:Uncaught |Unhandled |Exception in thread [^\n]{0,80}?)?\[?"
    rb"[A-Za-z_$][\w$.\\]*+(?<=Exception|....Error|Throwable|..Failure|Interrupt|Rejection)"
    + maybe(rb" [(\[][\w]++[)\]]")
    + rb"(?::|"
    + _BLANK
    + rb"))|goroutine \d++ |thread '[^'\n]*+' "
)
"""What opens a stack trace, of any language: its message may have any lines."""
CONTINUES: Final = (
    _INDENT
    + rb"|Caused by:|Wrapped by:|Suppressed: |\.\.\. \d++ |Original Stack Trace:|--- End of |#\d++ |Stack trace:"
    + rb"|\[stacktrace\]|\[previous exception\]|Next [A-Z]|\"\} ?"
    + _BLANK
    + rb"|[}\])]+[,;]?"
    + _BLANK
    + rb"|During handling of the above|The above exception was|stack backtrace:|note: run with|created by "
    + rb"|exit status \d"
    + rb"|\[signal |"
    + _CALL_OF_GO
    + rb"|"
    + _NAME_OF_GO
    + rb"|"
    + PRESETS["ruby"].lines["r"]
)
"""How a line begins that continues a stack trace, of any language."""


def record_of(letters: bytes) -> re.Pattern[bytes]:
    """Return the pattern of a record's letters: by it, any letters are records one behind another."""
    return re.compile(letters + rb"|[\s\S]")


@functools.cache
def grammar(name: str) -> Grammar:
    """Return the grammar of a preset."""
    preset = PRESETS[name]
    return Grammar(line_kinds(preset.lines), record_of(preset.record))


def line_kinds(lines: dict[str, bytes], *, pcre2: bool = True) -> Callable[[bytes], bytes]:
    """Return what maps each line of a body to the letter of the first of `lines` that matches its beginning, or `s`.

    Without `pcre2`, by `re` alone.
    """
    marked = {kind.encode(): pattern for kind, pattern in lines.items()}
    fast = Substitution(pcre.kinds_pattern(marked, b"s")) if pcre2 else None
    alternatives = b"|".join(b"(?P<%s>%s)" % each for each in marked.items())
    pattern = re.compile(rb"^(?:" + alternatives + rb"|)", re.MULTILINE)

    def kinds(body: bytes) -> bytes:
        marks = fast.of(body, newlines.count(body) + 1) if fast else None
        if marks is not None:
            return marks
        letters = "".join([found.lastgroup or "s" for found in pattern.finditer(body)])
        return letters[: count_lines(body)].encode()  # the position behind the last newline begins no line

    return kinds
