r"""The line formats that state a severity, and the one pattern that finds it in each line of a body.

Theory of operation: the pattern is `\n(?>(?:PREFIX(TOKEN))?)`. It matches at every newline, whatever follows, so that
`findall` stays aligned with the lines, and the captured token is the only Python object made per line. PREFIX is an
alternation of the formats below. Each of them runs up to the stated level, with a look-ahead for the level itself;
TOKEN then captures the level. A line in no known format captures nothing. `logbus.severity.pcre` makes the same of the
formats without an object per line.

Every repeat is possessive (`*+`), atomic (`repeated`) or bounded, and no prefix crosses a newline, so a hostile line
costs a fixed number of passes, whatever its content. The first alternative that matches wins, on every line alike: what
a record states never depends on its neighbours.
"""

import re
from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter
from typing import Final

from msgspec import Struct

from logbus.severity.columns import (
    AFTER_STAMP,
    BLANKS,
    BOX,
    CAPITALS,
    COLOUR,
    COLUMNS,
    CRI_STAMP,
    FACILITY,
    LEVEL,
    LOGCAT_BRIEF,
    PHP_LEVEL,
    PROSE,
    STAMP,
)
from logbus.severity.key_levels import (
    LEVEL_INITIALS,
    LEVEL_KEYS,
    STRING,
    logfmt_prefix,
    second_prefix,
    words_prefix,
)
from logbus.severity.words import ALL_UPPER, ANY, GAP, LOWER, SMALL, either, maybe, repeated


class Format(Struct, frozen=True):
    """One way to state a level: `prefix` matches from the start of a line to the token, `example` is such a line.

    `first`: the characters that such a line may begin with, as in a class; b"" for any.
    """

    name: str
    example: bytes
    prefix: bytes
    first: bytes = b""


_UNINDENTED: Final = rb"(?:(?<![ \t][ \t])|(?<=std(?:out|err) [FP] [ \t]))"
"""A container runtime's line begins behind its stream and tag."""
_WRAPPER: Final = either(rb"[A-Za-z][\w.-]{0,62}+ {1,40}+\| ", rb"\[pod/[\w./-]{1,200}+\] ")
LEAD: Final = maybe(rb"(?=[\xef \t\x1b])" + maybe(rb"\xef\xbb\xbf") + BLANKS) + maybe(_WRAPPER + BLANKS)
"""What may stand before a line: a byte order mark, blanks, colours; docker compose's and kubectl's names."""
_OBJECT: Final = rb"(?=\{\")" + words_prefix()
_LOGFMT: Final = logfmt_prefix(LEVEL_KEYS, LEVEL_INITIALS)
_A_WORD: Final = rb"(?=[A-Za-z]{3,13}+[ \t])"
_NO_PAIR: Final = rb"(?![A-Za-z]++[=.])"
"""Both rule out most lines sooner than what follows them, which PCRE2 calls as a subroutine."""
_SINCE: Final = rb"\[?\d{4}[-/]\d\d[-/]\d\d[ T]\d"
_BEFORE_FACILITY: Final = repeated(rb"[^%\s\"=(){}[\]a-z][^% \n]*+ ++|[a-z][^% \n]*+ ++(?![a-z][^%: \n]*+ )", b"*")
"""Numbers, times and names, but not two words of a sentence."""

FORMATS: Final = (
    Format("syslog", b"<36>1 2003-10-11T22:14:15Z host su - ID47 - failed", rb"<(?=\d{1,3}>)", rb"<"),
    Format(
        "mongodb",
        b'{"t":{"$date":"2024-01-02T15:04:05.678Z"},"s":"W","c":"NETWORK","msg":"x"}',
        rb'\{"t":\{"\$date":"[^"\n]{0,40}+"\},[ \t]*+"s":[ \t]*+"(?=[FEWID][1-5]?")',
        rb"{",
    ),
    Format("json", b'{"time":"12:00","level":"warn","msg":"disk"}', words_prefix(), rb"{"),
    Format("json-number", b'{"level":40,"time":1,"msg":"disk"}', second_prefix(), rb"{"),
    Format(
        "docker",
        b'{"log":"WARN disk\\n","stream":"stdout","time":"2024-01-02T15:04:05.678Z"}',
        rb'(?=\{"log":' + STRING + rb',"stream":"std)',
        rb"{",
    ),
    Format(
        "cri",
        b"2024-01-02T15:04:05.678901234Z stdout F WARN disk",
        CRI_STAMP + rb"(?=std(?:out|err) [FP][ :])",
        rb"\d",
    ),
    Format(
        "redis",
        b"123:M 01 Jan 2024 00:00:00.000 # Server",
        rb"\d{1,9}:[XCSM] \d\d [A-Z][a-z]{2} \d{4} [0-9:.]{8,16}+ (?=[#*.-] )",
        rb"\d",
    ),
    Format(
        "logcat",
        b"03-17 16:13:38.811  1702  2395 W Tag: x",
        rb"\d\d-\d\d \d\d:\d\d:[0-9.]++[ \d]++(?=[VDIWEF] )",
        rb"\d",
    ),
    Format(
        "postgresql-csv",
        b'2024-01-02 15:04:05.678 UTC,"a","b",1,"[local]",6.7,3,"idle",2024-01-02 15:00:00 UTC,3/7,7,WARNING,01000,"x"',
        rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[.0-9]{0,8} [A-Z0-9+-]{1,8},"
        + repeated(rb'(?:"' + repeated(rb'[^"\n]++|""', b"*") + rb'"|[^",\n]*+),', b"{10}")
        + rb"(?="
        + ANY
        + rb"[1-5]?,)",
        rb"\d",
    ),
    Format(
        "klog",
        b"W0102 15:04:05.678901 1 main.go:7] x",
        rb"(?=[IWEFD](?:\d{4}|\d{6}|\d{8}) \d\d:\d\d:\d\d)",
        rb"A-Z",
    ),
    Format("ruby", b"W, [2024-01-02T15:04:05 #12]  WARN -- : x", rb"(?=[DIWEF], \[)", rb"A-Z"),
    Format("logcat-brief", b"W/Tag( 1702): x", LOGCAT_BRIEF, rb"A-Z"),
    Format(
        "stamped",
        b"2024-01-02 15:04:05,678 [main] WARN  org.acme.App - x",
        STAMP + either(_OBJECT, AFTER_STAMP, _LOGFMT, rb"##\[(?=" + LOWER + rb"\])"),
        rb"\dA-Z",
    ),
    Format("kamailio", b" 0(1234) WARNING: x", rb"\d{1,4}\(\d{1,9}\) (?=" + ALL_UPPER + rb":)", rb"\d"),
    Format(
        "boxed-stamp",
        b"[2024-01-02 15:04:05,678: WARNING/Main] x",
        rb"\[ *+" + STAMP + either(CAPITALS, rb"[^\]\n]{0,40}+\][ \t]*+" + either(LEVEL, AFTER_STAMP)),
        rb"\[",
    ),
    Format(
        "tornado", b"[W 10:15:32.123 App] x", rb"\[(?=[FCEWIDN] (?:\d{4}-\d\d-\d\d |\d{6} )?\d\d:\d\d:\d\d)", rb"\["
    ),
    Format(
        "glassfish", b"[#|2024-01-02T15:04:05.678-0500|WARNING|x", rb"\[#\|" + STAMP + rb"(?=" + ANY + rb"\|)", rb"\["
    ),
    Format(
        "boxes-then-stamp",
        b"[Nest] 14056  - 03/04/2025, 1:16:03 PM    WARN [App] x",
        rb"(?=\[)" + repeated(either(BOX, COLOUR, rb"\d{1,9}[ \t]++" + maybe(rb"- ++")), b"{1,4}") + STAMP + COLUMNS,
        rb"\[",
    ),
    Format("xorg", b"(WW) x", rb"(?:\[ *+\d{1,9}\.\d{1,6}\] )?\((?=(?:EE|WW|II)\) )", rb"\[("),
    Format(
        "angled-stamp",
        b"<Mar 4, 2024 8:54:16 PM GMT> <Warning> x",
        rb"(?:####)?<" + STAMP + rb"[^<>\n]{0,40}+>" + GAP + LEVEL,
        rb"<#",
    ),
    Format(
        "bgl",
        b"- 1117838570 2005.06.03 R02-J12 2005-06-03-15.42.50.675872 R02-J12 RAS KERNEL WARNING x",
        rb"(?:-|[A-Z][A-Z0-9_-]{1,20}+) \d{10} \d{4}\.\d\d\.\d\d [^ \n]{1,80}+ \d{4}-[0-9.-]{10,30}+ [^ \n]{1,80}+ "
        rb"[A-Z]++ [A-Z_]++ " + rb"(?=" + ALL_UPPER + rb" )",
        rb"A-Za-z-",
    ),
    Format("npm", b"npm WARN x", rb"npm (?=ERR!|[A-Z]{4,6} |" + LOWER + rb" |verb |silly )", rb"A-Za-z-"),
    Format("facility", b"kern  :warn  : [72.9] x", FACILITY + rb" {0,8}+:(?=" + LOWER + rb" {0,8}:)", rb"A-Za-z-"),
    Format(
        "named",
        b"Zigbee2MQTT:warning 2024-01-02 15:04:05: x",
        rb"[A-Za-z][\w-]{1,40}+:(?=" + SMALL + rb"[ \t]++" + _SINCE + rb")",
        rb"A-Za-z-",
    ),
    Format("program", b"nginx: [warn] x", rb"[a-z][\w.-]{0,40}+: \[(?=" + ANY + rb"\] )", rb"A-Za-z-"),
    Format(
        "level-first",
        b"warn [2024-01-02 15:04:05.000 Z] x",
        _A_WORD + rb"(?=" + SMALL + rb"[ \t]++" + _SINCE + rb")",
        rb"A-Za-z-",
    ),
    Format("php", b"PHP Warning:  x", PHP_LEVEL, rb"A-Za-z-"),
    Format("erlang-report", b"=WARNING REPORT==== 4-Mar-2024::20:36:10 ===", rb"=(?=[A-Z]{4,10} REPORT====)", rb"=#:@"),
    Format(
        "github",
        b"::warning file=a.c::x",
        rb"(?:##\[(?=[a-z]{4,8}\])|::(?=[a-z]{4,8}(?: [^:\n]{0,500}+)?::))",
        rb"=#:@",
    ),
    Format("json-behind", b'@cee: {"level":"warn"}', rb"@cee: ?" + _OBJECT, rb"=#:@"),
    Format("prefix", b"WARN: x", _UNINDENTED + _NO_PAIR + LEVEL, rb"\[<A-Za-z"),
    Format(
        "columns",
        b"[main] WARN org.acme.App - x",
        rb"(?=[\[({<])" + repeated(either(BOX, COLOUR + GAP), b"{1,6}") + LEVEL,
        rb"\[({<",
    ),
    Format("logfmt", b'time=12:00 level=warn msg="disk"', _LOGFMT, rb"A-Za-z_"),
    Format(
        "led",
        b"nova-api.log.1.2017-05-16_13:53:08 2017-05-16 00:00:00.008 25746 WARNING nova.api x",
        rb"[A-Za-z][A-Za-z0-9_.:-]{0,128}+[ \t|]++(?=\d{4}-\d\d-\d\d)" + STAMP + COLUMNS,
        rb"A-Za-z\x1b",
    ),
    Format(
        "cisco",
        b"Mar  4 10:15:32 192.0.2.1 45: %LINK-4-ERROR: x",
        _BEFORE_FACILITY
        + rb"%[A-Z][A-Z0-9_]*+"
        + repeated(rb"-[A-Za-z_][\w]*+", b"*")
        + rb"-(?=[0-7]-[A-Z0-9_]{1,64} ?:)",
        rb"\d*%A-Z.<",
    ),
)
"""Every format recognised by default, in the order of matching. Each example states a warning."""

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "json": ("mongodb", "json", "json-number", "json-behind"),
    "logfmt": ("logfmt",),
    "syslog": ("syslog",),
    "klog": ("klog",),
    "logcat": ("logcat", "stamped", "logcat-brief"),
    "redis": ("redis",),
    "ruby": ("ruby",),
    "columns": (
        "stamped",
        "boxed-stamp",
        "angled-stamp",
        "boxes-then-stamp",
        "level-first",
        "prefix",
        "columns",
        "led",
    ),
}
"""The names for an input's settings, and the formats of each. `columns`: log4j, logback, Python, nginx, ..."""

TOKEN: Final = rb"(?:[A-Za-z]++|\d++[>)]?|: ?\d++|[#*.{-])"
"""What states a level, right after a format's prefix."""


def line_pattern(formats: Iterable[Format] = FORMATS) -> re.Pattern[bytes]:
    """Return the pattern that captures the level in any of `formats`, once at each newline before a line."""
    return re.compile(rb"\n" + maybe(LEAD + prefix_of(formats) + rb"(" + TOKEN + rb")"))


def prefix_of(formats: Iterable[Format]) -> bytes:
    """Return the pattern from LEAD to the level in the first of `formats` that matches; none is a sentence."""
    return (
        rb"(?!(?!npm )"
        + PROSE
        + rb")"
        + either(*(_group(first, some) for first, some in groupby(formats, attrgetter("first"))))
    )


def _group(first: bytes, formats: Iterable[Format]) -> bytes:
    """Return the pattern of formats whose lines begin with the same characters: others cost one look at them."""
    prefixes = either(*(each.prefix for each in formats))
    return rb"(?=[%b])%b" % (first, prefixes) if first else prefixes
