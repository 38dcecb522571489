r"""The line formats that state a severity, and the one pattern that finds it in each line of a body.

Theory of operation: the pattern is `\n(?>(?:PREFIX(TOKEN))?)`. It matches at every newline, whatever follows, so that
`findall` stays aligned with the lines, and the captured token is the only Python object made per line. PREFIX is an
alternation of the formats below. Each of them runs up to the stated level, with a look-ahead for the level itself;
TOKEN then captures the level, or only the first letter of the most frequent words, which costs no allocation. A line
in no known format captures nothing.

Every repeat is possessive (`*+`), atomic (`repeated`) or bounded, and no prefix crosses a newline, so a hostile line
costs a fixed number of passes, whatever its content. The first alternative that matches wins, on every line alike: what
a record states never depends on its neighbours.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from logbus.severity.key_levels import LEVEL_INITIALS, LEVEL_KEYS, STRING, json_prefix, logfmt_prefix
from logbus.severity.words import ANY, GAP, SMALL, UPPER, either, maybe, repeated


@dataclass(frozen=True, slots=True)
class Format:
    """One way to state a level: `prefix` matches from the start of a line to the token, `example` is such a line."""

    name: str
    example: bytes
    prefix: bytes


_COLOUR: Final = rb"\x1b\[[0-9;]{0,12}m" + GAP

# A level in a column of its own. In capitals it needs only an end (`ERROR `, `INFO[0000]`, `DEBUG1:`); in lower case
# also punctuation that no sentence has there (`error:`, `Info   CBS`); in brackets any word counts (`[core:warn]`).
_CAPITALS: Final = rb"(?=" + UPPER + rb"[1-5]?(?![^\s:|/,)\]>\[\-\x1b]))"
_MARKED: Final = SMALL + rb"(?:[:|\]>)]| ++\||\t|  | - |\x1b|(?<=[Ff]atal) error:)"
_BOXED: Final = GAP + maybe(rb"[a-z_0-9]{0,40}+:") + rb"(?=" + ANY + GAP + rb"\])"
_LEVEL: Final = either(rb"\[" + _BOXED, _CAPITALS, rb"(?=" + _MARKED + rb")")

# A time stamp and any numbers after it: 2024-01-02T15:04:05.678+01:00 17, Sun Dec 04 04:47:44 2005, 02-Jan-2024 15:04
_DIGITS: Final = rb"\d[0-9 \t:,./+_|-]*+"
_DAY: Final = rb"[A-Z][a-z][a-z],? {1,2}"
_ZONE: Final = rb"(?!CRIT)(?:Z|UTC|GMT|[AP]M|[A-Z]{1,3}T)(?![A-Za-z])[0-9 \t:,./+_|-]*+"
_STAMP: Final = (
    maybe(_DAY + maybe(_DAY))
    + rb"(?=[0-9 :,./+_|T-]{8}|\d\d?[-/ ][A-Z][a-z]{2}[-/ ])"
    + _DIGITS
    + maybe(rb"T" + _DIGITS + rb"|[A-Z][a-z]{2}[-/ :]" + _DIGITS)
    + maybe(_ZONE)
)

# Columns between the stamp and the level: brackets without a level; numbers; a thread, logger or source file, which is
# a token that begins no sentence, or any word between dashes or bars. `sshd[1]:` is deliberately none of these: what
# follows a syslog tag is message text.
_BOX: Final = (
    either(
        rb"\[(?!" + _BOXED + rb")[^\[\]\n]{0,256}+" + maybe(rb"\[[^\[\]\n]{0,64}+\][^\[\]\n]{0,128}+") + rb"\]",
        rb"\([^()\n]{0,128}+\)",
        rb"\{[^{}\n]{0,128}+\}",
        rb"<[^<>\n]{0,128}+>",
    )
    + rb"[ \t:|-]*+"
)
_NAME: Final = (
    rb"(?:main|[A-Za-z_]++[0-9.$/@#-][A-Za-z0-9_.$/@#-]*+"
    + maybe(rb":\d{1,6}:?")
    + rb")[ \t]++"
    + maybe(rb"[-|:][ \t]++")
    + rb"(?!"
    + _MARKED
    + rb")"
)
_DASHED: Final = rb"\w++[ \t]++[-|][ \t]++(?=" + ANY + GAP + rb"[-|:])"
_MONOLOG: Final = rb"\w{1,40}+\.(?=" + UPPER + rb":)"
_COLUMNS: Final = repeated(
    either(_BOX, rb"\d[0-9 \t:.|-]*+", rb"[#-][ \t]++", _COLOUR, rb"PHP ", _NAME, _DASHED), b"{0,8}"
) + either(_MONOLOG, _LEVEL)

_LOGFMT: Final = logfmt_prefix(LEVEL_KEYS, LEVEL_INITIALS)
_LOGCAT_BRIEF: Final = rb"(?=[VDIWEF]/[A-Za-z0-9_.$:-]{0,64}+ *+[(:])"
_LETTER: Final = rb"(?=[FCEWNIDT](?: [A-Z]{3,} | \| ))"  # MongoDB before 4.4, etcd before 3.4

STAMP_CHARACTERS: Final = rb"0-9 :,./+_|\-"
_FREQUENT: Final = rb"\d[%b]{7,}+(?=INFO |ERROR |WARN |DEBUG )" % STAMP_CHARACTERS
"""The most frequent lines, tried first. `stamped` captures the same from them, and no format before it matches."""

FORMATS: Final = (
    Format("syslog", b"<36>1 2003-10-11T22:14:15Z host su - ID47 - failed", rb"<(?=\d{1,3}>)"),
    Format(
        "mongodb",
        b'{"t":{"$date":"2024-01-02T15:04:05.678Z"},"s":"W","c":"NETWORK","msg":"x"}',
        rb'\{"t":\{"\$date":"[^"\n]{0,40}+"\},[ \t]*+"s":[ \t]*+"(?=[FEWID][1-5]?")',
    ),
    Format("json", b'{"time":"12:00","level":"warn","msg":"disk"}', json_prefix(LEVEL_KEYS, LEVEL_INITIALS)),
    Format("json-priority", b'{"PRIORITY":"4","MESSAGE":"disk"}', json_prefix(rb"(?i:priority)", b"pP")),
    Format(
        "docker",
        b'{"log":"WARN disk\\n","stream":"stdout","time":"2024-01-02T15:04:05.678Z"}',
        rb'(?=\{"log":' + STRING + rb',"stream":"std)',
    ),
    Format(
        "cri",
        b"2024-01-02T15:04:05.678901234Z stdout F WARN disk",
        rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.0-9]{0,10}(?:Z|[+-]\d\d:\d\d) (?=std(?:out|err) [FP] )",
    ),
    Format(
        "redis",
        b"123:M 01 Jan 2024 00:00:00.000 # Server",
        rb"\d{1,9}:[XCSM] \d\d [A-Z][a-z]{2} \d{4} [0-9:.]{8,16}+ (?=[#*.-] )",
    ),
    Format(
        "logcat",
        b"03-17 16:13:38.811  1702  2395 W Tag: x",
        rb"\d\d-\d\d \d\d:\d\d:[0-9.]++[ \d]++(?=[VDIWEF] )",
    ),
    Format(
        "stamped",
        b"2024-01-02 15:04:05,678 [main] WARN  org.acme.App - x",
        _STAMP + either(_CAPITALS, _LETTER, _LOGCAT_BRIEF, _COLUMNS, _LOGFMT),
    ),
    Format(
        "boxed-stamp",
        b"[2024-01-02 15:04:05,678: WARNING/Main] x",
        rb"\[" + _STAMP + either(_CAPITALS, rb"[^\]\n]{0,40}+\][ \t]*+" + either(_LEVEL, _COLUMNS)),
    ),
    Format(
        "bgl",
        b"- 1117838570 2005.06.03 R02-J12 2005-06-03-15.42.50.675872 R02-J12 RAS KERNEL WARNING x",
        rb"(?:-|[A-Z][A-Z0-9_-]{1,20}+) \d{10} \d{4}\.\d\d\.\d\d [^ \n]{1,80}+ \d{4}-[0-9.-]{10,30}+ [^ \n]{1,80}+ "
        rb"[A-Z]++ [A-Z_]++ " + _CAPITALS,
    ),
    Format(
        "klog",
        b"W0102 15:04:05.678901 1 main.go:7] x",
        rb"(?=[IWEFD](?:\d{4}|\d{6}|\d{8}) \d\d:\d\d:\d\d)",
    ),
    Format("ruby", b"W, [2024-01-02T15:04:05 #12]  WARN -- : x", rb"(?=[DIWEF], \[)"),
    Format("logcat-brief", b"W/Tag( 1702): x", _LOGCAT_BRIEF),
    Format("prefix", b"WARN: x", rb" ?+" + _LEVEL),
    Format(
        "columns",
        b"[main] WARN org.acme.App - x",
        rb"(?=[\[({<\x1b])" + repeated(either(_BOX, _COLOUR), b"{1,6}") + _LEVEL,
    ),
    Format("logfmt", b'time=12:00 level=warn msg="disk"', _LOGFMT),
    Format(
        "led",
        b"nova-api.log.1.2017-05-16_13:53:08 2017-05-16 00:00:00.008 25746 WARNING nova.api x",
        either(rb"[A-Za-z][A-Za-z0-9_.:-]{0,128}+[ \t|]++", _COLOUR) + rb"(?=\d{4}-\d\d-\d\d)" + _STAMP + _COLUMNS,
    ),
)
"""Every format recognised by default, in the order of matching. Each example states a warning."""

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "json": ("mongodb", "json", "json-priority"),
    "logfmt": ("logfmt",),
    "syslog": ("syslog",),
    "klog": ("klog",),
    "logcat": ("logcat", "stamped", "logcat-brief"),
    "redis": ("redis",),
    "ruby": ("ruby",),
    "columns": ("stamped", "boxed-stamp", "prefix", "columns", "led"),
}
"""The names for an input's settings, and the formats of each. `columns`: log4j, logback, Python, nginx, ..."""

_TOKEN: Final = rb"([IWDE](?=NFO |ARN |EBUG |RROR )|[A-Za-z]++|\d++>?|[#*.{-])"
FREQUENT_DIGITS: Final = bytes.maketrans(b"IWED", b"6437")


def line_pattern(formats: Iterable[Format] = FORMATS) -> re.Pattern[bytes]:
    """Return the pattern that captures the level in any of `formats`, once at each newline before a line."""
    prefixes = [each.prefix for each in formats]
    frequent = [_FREQUENT] if any(each.name == "stamped" for each in formats) else []
    return re.compile(rb"\n" + maybe(either(*frequent, *prefixes) + _TOKEN))


def frequent_pattern() -> re.Pattern[bytes]:
    """Return a faster pattern: at each newline, the first letter of the level in a `_FREQUENT` line, or nothing."""
    return re.compile(rb"\n(?:" + _FREQUENT.partition(rb"(?=")[0] + rb"(I(?=NFO )|E(?=RROR )|W(?=ARN )|D(?=EBUG ))|)")
