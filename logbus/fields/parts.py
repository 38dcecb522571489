r"""The parts of a line in columns, each with a name that becomes a field's.

Every repeat is possessive, atomic or bounded, and no part but those of formats over two lines crosses a newline: see
`logbus.severity.formats`. A name may occur several times in a pattern.
"""

import re
from typing import Final, NamedTuple

from logbus.severity.columns import BLANKS, BOXED, CAPITALS, COLOUR
from logbus.severity.words import ALL_UPPER, ANY, SMALL, either, maybe, repeated

_GROUP: Final = re.compile(rb"\(\?P<(\w+?)>")
_NUMBERED: Final = "__"
"""Stands between a field's name and the number of its group."""
MESSAGE: Final = "message"
"""The group without text where a message begins that is not behind all columns."""


class Layout(NamedTuple):
    """A compiled format: the field of each of its groups, and the number of the group MESSAGE, or 0."""

    format: str
    pattern: re.Pattern[bytes]
    fields: tuple[str, ...]
    message: int

    @classmethod
    def of(cls, name: str, pattern: bytes) -> "Layout":
        """Return a format's pattern compiled. A name may occur several times in it."""
        count = iter(range(len(pattern)))
        numbered = _GROUP.sub(lambda found: b"(?P<%b%b%d>" % (found[1], _NUMBERED.encode(), next(count)), pattern)
        compiled = re.compile(numbered)
        fields = tuple(group.partition(_NUMBERED)[0] for group in compiled.groupindex)
        return cls(name, compiled, fields, fields.index(MESSAGE) + 1 if MESSAGE in fields else 0)


GAP: Final = repeated(rb"[ \t]++|" + COLOUR, b"+")
NUMBER: Final = rb"[0-9]{1,10}"
TOKEN: Final = rb"[^\s\"\[\](){}<>|=,;]{1,200}"
QUOTED: Final = rb'[^"\\\n]*+' + repeated(rb'\\[^\n][^"\\\n]*+', b"*")
"""What stands between two quotes."""

# Stamps: a date and a time of day, or only the latter, or an epoch.
_CLOCK: Final = rb"[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.,:][0-9]{1,9})?+"
_SHORT_CLOCK: Final = rb"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,:][0-9]{1,9})?+)?+"
_HALF: Final = rb"(?: ?[AP]M(?![A-Za-z]))?+"
_ZONE: Final = rb"(?: ?(?:[+-][0-9]{2}:?[0-9]{2}(?![0-9:.])|(?:Z|UTC|GMT|(?!CRIT)[A-Z]{1,3}T|MSK)(?![A-Za-z])))?+"
_MONTH: Final = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}+"
_DAY_NAME: Final = rb"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}+,? )?+"
ISO: Final = rb"[0-9]{4}[-/.][0-9]{2}[-/.][0-9]{2}(?:[Tt _]|, ?)" + _CLOCK + _ZONE
_DAY_FIRST: Final = rb"[0-9]{1,2}[ /-]" + _MONTH + rb"[ /-][0-9]{4}[ :T]" + _CLOCK + _ZONE
_IN_NUMBERS: Final = rb"[0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{2,4},? " + _SHORT_CLOCK + _HALF + _ZONE
_MONTH_FIRST: Final = _MONTH + rb" {1,2}[0-9]{1,2},? (?:[0-9]{4},? )?+" + _SHORT_CLOCK + _HALF + _ZONE
SYSLOG: Final = _MONTH + rb" [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?+(?! [0-9]{4}\b)"
STAMP: Final = either(
    ISO,
    rb"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}" + _ZONE + rb"(?![0-9:])",
    _DAY_FIRST,
    rb"[0-9]{8}-[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?::[0-9]{1,9})?+",
    rb"[0-9]{8}T[0-9]{6}" + _ZONE,
    rb"[0-9]{6} (?:[0-9]{6}(?![0-9])| ?" + _CLOCK + rb")",
    rb"[0-9]{2}[/-][0-9]{2}(?:[/-][0-9]{2})?+ " + _CLOCK + _ZONE,
    _IN_NUMBERS,
    _CLOCK + _HALF + _ZONE,
    rb"[0-9]{1,2}:[0-9]{2} ?[AP]M(?![A-Za-z])",
    _DAY_NAME + _MONTH_FIRST + rb"(?: [0-9]{4}(?![0-9:.-]))?+",
    _DAY_NAME + _DAY_FIRST,
    rb"1[0-9]{9}(?:\.[0-9]{1,9}|[0-9]{3})?+(?![\w.:-])",
)

# Levels, each up to its end.
LEVEL_WORD: Final = rb"(?P<level>" + ANY + rb"[1-9]?)(?![\w-])"
"""A word where a format has only a level."""
_LEVEL: Final = either(
    rb"\[(?=" + BOXED + rb")" + BLANKS + rb"(?P<level>[A-Za-z]{1,15}+[1-9]?)" + BLANKS + rb"\](?::(?!:))?+",
    CAPITALS + rb"(?P<level>[A-Z]{3,15}+[1-9]?)" + maybe(rb"\[[0-9]{4,9}\]") + rb"(?::(?!:)|[ \t]*+\|)?+",
    rb"(?P<level>" + SMALL + rb")(?=:|\t| ++\||\||  | - |\x1b)(?::(?!:)|[ \t]*+\|)?+",
    rb"<(?P<level>" + ANY + rb")>",
    rb"(?P<level>[FEWIDT])!",
    rb"\[(?P<level>[FCEWNIDT])\](?=[ \t])",
    rb"\[(?P<thread>[^\[\]/\n]{1,64}+)/(?P<level>" + ALL_UPPER + rb")\]:?+",
)
"""A word behind a stamp, or at the beginning, in any usual mark of a level."""
LEVEL: Final = _LEVEL + either(GAP, rb"(?![^\n])", rb"(?=[\[(])")
LEVEL_COLUMN: Final = rb"(?P<level>" + ALL_UPPER + rb"[1-9]?)(?![\w-])"
"""A word in capitals."""

# Loggers: a token of several parts, none of which a sentence or a file's name has.
_IDENT: Final = rb"[A-Za-z_$][\w$-]*+"
_NO_HOST: Final = (
    rb"(?![\w.-]{1,200}\.(?:com|org|net|io|local|html?|py|js|go|rb|log|txt|json|ya?ml|xml|conf|jar|sh)[^\w.])"
)
_DOTTED: Final = _NO_HOST + _IDENT + repeated(rb"(?:\.|::|/(?=[a-zA-Z]))" + _IDENT, b"{1,16}")
_HUMPED: Final = rb"[A-Z][a-z0-9]++[A-Z][\w$]*+"
LOGGER: Final = rb"(?P<logger>" + either(_DOTTED, _HUMPED) + rb")"
_CLASS: Final = repeated(rb"[a-z_][a-z0-9_-]*+\.(?=[\w$])", b"{1,16}") + rb"[A-Z][\w$]*+" + maybe(rb"\.[a-z_][\w$]*+")
"""A Java class with its package, and maybe a method."""
CLASS: Final = rb"(?P<logger>" + _CLASS + rb")"
_FILE: Final = (
    rb"[\w./@-]{1,200}?\.(?:go|java|kt|scala|py|rs|cpp|cc|cxx|c|h|js|ts|rb|php|cs|ex|exs|erl|swift):[0-9]{1,6}"
)
SOURCE: Final = rb"(?P<source>" + _FILE + rb")"
TO_MESSAGE: Final = either(rb"[ \t]++-[ \t]++", rb"[ \t]*+:(?:[ \t]++|(?![^\n]))")
_THREAD_NAME: Final = (
    rb"(?i:main|[\w.:/#@ -]{0,60}?(?:thread|worker|pool|exec|executor|dispatcher|scheduler|scheduling)[\w.:/#@-]{0,60})"
)
THREAD_BOX: Final = rb"\[ *+(?P<thread>" + _THREAD_NAME + rb")\]"
"""A thread by what it is called."""
BOX: Final = (
    rb"\[(?!" + BOXED + rb"|[FCEWNIDT]\]) *+"
    + either(
        rb"(?P<pid>" + NUMBER + rb")(?= *\])",
        rb"(?P<logger>" + _IDENT + repeated(rb"\." + _IDENT, b"{1,16}") + rb")(?= *\])",
        rb"(?P<thread>[^\[\]\n]{1,128}+" + maybe(rb"\[[^\[\]\n]{0,64}+\][^\[\]\n]{0,64}+") + rb")",
    )
    + rb" *+\]"
)  # fmt: skip
"""A process, a logger or a thread, where nothing else can stand in brackets."""
PROGRAM: Final = (
    rb"(?P<program>"
    + either(
        rb"[A-Za-z_(][\w./@+()-]{0,63}+",
        rb"[A-Za-z_][\w./@+()-]{0,30}" + repeated(rb" [A-Za-z][\w./@+()-]{0,30}", b"{1,3}") + rb"(?=\[[0-9])",
    )
    + rb")"
)  # fmt: skip
TAG: Final = rb"(?!(?:" + ANY + rb"):)" + PROGRAM + maybe(rb"\[(?P<pid>[\w-]{1,20})\]") + rb": ?"
"""The tag of syslog: a program, and maybe its process, up to the message."""
