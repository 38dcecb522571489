"""The formats with columns, in the order of matching: each matches from the beginning of a record to its message.

The named parts of a pattern are fields; see `logbus.fields.parts`.
"""

import functools
import re
from typing import Final, NamedTuple

from logbus.fields import syslog
from logbus.fields.parts import (
    CLASS,
    GAP,
    ISO,
    LEVEL,
    LEVEL_COLUMN,
    LEVEL_WORD,
    LOGGER,
    NUMBER,
    QUOTED,
    SOURCE,
    STAMP,
    TAG,
    THREAD_BOX,
    TO_MESSAGE,
    Layout,
)
from logbus.severity.columns import FACILITY
from logbus.severity.words import ALL_UPPER, ANY, SMALL, either, maybe, repeated


class Format(NamedTuple):
    """A format: its `first` characters, as in a class, b"" for any, and its pattern up to the message."""

    name: str
    first: bytes
    pattern: bytes


_REQUEST: Final = (
    rb'"(?P<request>'
    + either(
        rb"(?P<method>[A-Z]{1,20}) (?P<path>" + repeated(rb'[^\s"\\]++|\\[^\n]', b"*") + rb") "
        rb"(?P<protocol>[A-Z]+/[0-9.]{1,4})(?=\")",
        QUOTED,
    )
    + rb')"'
)  # fmt: skip
_MESSAGE: Final = rb"(?P<message>)"
"""Where the message begins, if not behind all columns."""
_ADDRESS: Final = rb"(?P<client>[0-9A-Fa-f.:]{2,45}|(?!\[)[^\s\"\[\](){}<>|=,;]{1,255})"

FORMATS: Final = (
    Format(
        "access",
        rb"\w:.\-",
        maybe(rb"(?P<host>[\w.-]{1,255}(?::[0-9]{1,5})?+) (?=[0-9A-Fa-f:.]{3,45} \S{1,64} [^\n\[]{1,128}\[)")
        + _ADDRESS + rb" (?:\S{1,64}) (?P<user>\"[^\"\n]{0,64}+\"|[^\s\"\[]{1,128}(?: [^\s\"\[]{1,64})?) "
        + rb"\[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9:]{8}(?:\.[0-9]{1,9})? ?(?:[+-][0-9]{4})?\] "
        + _MESSAGE + _REQUEST + rb" (?P<status>[0-9]{3}) (?P<bytes>[0-9]+|-)"
        + maybe(rb' "(?P<referer>' + QUOTED + rb')" "(?P<agent>' + QUOTED + rb')"'),
    ),
    Format("syslog", rb"<", syslog.RFC_5424),
    Format("cisco", rb"<A-Z*.\d%", syslog.CISCO),
    Format("syslog", rb"<A-Z", syslog.RFC_3164),
    Format("syslog", rb"<", syslog.RELAYED),
    Format("syslog", rb"<", syslog.BARE),
    Format("syslog", rb"\d", syslog.JOURNAL),
    Format("syslog", rb"\d", syslog.RSYSLOG),
    Format(
        "klog",
        rb"IWEFD",
        rb"(?P<level>[IWEFD])(?:[0-9]{8}|[0-9]{6}|[0-9]{4}) [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
        + GAP + rb"(?P<thread>" + NUMBER + rb") (?P<source>[^\s\]]{1,200}:[0-9]{1,6})\] ?",
    ),
    Format(
        "logcat",
        rb"\d",
        rb"(?:[0-9]{4}-)?[0-9]{2}-[0-9]{2} [0-9:]{8}\.[0-9]{3,6} +(?P<pid>[0-9]{1,7}) "
        rb"+(?P<tid>[0-9]{1,7}) (?P<level>[VDIWEF]) "
        rb"(?P<tag>" + repeated(rb"(?! *: |: *+\n)[^\n]", b"{0,100}") + rb") *+: ?",
    ),
    Format(
        "logcat",
        rb"VDIWEF\d",
        maybe(rb"[0-9]{2}-[0-9]{2} [0-9:]{8}\.[0-9]{3} ") + rb""
        rb"(?P<level>[VDIWEF])/(?P<tag>[^\n(:]{1,100})\( *(?P<pid>[0-9]{1,7})\): ?",
    ),
    Format(
        "redis",
        rb"\d",
        rb"(?P<pid>[0-9]{1,9}):(?P<role>[XCSM]) [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:.]{8,16} (?P<level>[#*.-]) ",
    ),
    Format("redis", rb"\[", rb"\[(?P<pid>[0-9]{1,9})\] [0-9]{2} [A-Z][a-z]{2} [0-9:.]{8,16} (?P<level>[#*.-]) "),
    Format(
        "ruby",
        rb"DIWEFA",
        rb"[DIWEFA], \[[^\]\n]{8,40}?(?: ?#(?P<pid>[0-9]{1,9}))\] +"
        rb"(?P<level>[A-Z]{3,7}) -- (?P<program>[^:\n]{0,100}): ?",
    ),
    Format(
        "postgresql-csv",
        rb"\d",
        ISO + rb',"?(?P<user>[^",\n]{0,64})"?,"?(?P<database>[^",\n]{0,64})"?,'
        rb'(?P<pid>[0-9]{0,9}),"?(?P<client>[^",\n]{0,80})"?,'
        + repeated(rb'(?:"' + repeated(rb'[^"\n]++|""', b"*") + rb'"|[^",\n]*+),', b"{6}")
        + rb"(?P<level>" + ANY + rb"[1-5]?),(?P<code>[0-9A-Z]{5}),",
    ),
    Format("celery", rb"\[", rb"\[" + STAMP + rb": " + LEVEL_COLUMN + rb"/(?P<thread>[^\]\n]{1,100})\] ?"),
    Format(
        "tornado",
        rb"\[",
        rb"\[(?P<level>[FCEWIDN]) (?:[0-9]{4}-[0-9]{2}-[0-9]{2} |[0-9]{6} )?[0-9:]{8}(?:[.,][0-9]{1,6})?"
        rb"(?: (?P<logger>[^\]\s]{1,100}))?\] ",
    ),
    Format(
        "apache",
        rb"\[",
        rb"\[" + STAMP + rb"\] \[" + maybe(rb"(?P<module>\w{0,64}):") + rb"(?P<level>" + ANY + rb"[1-8]?)\] "
        + maybe(rb"\[pid (?P<pid>[0-9]{1,10})" + maybe(rb":tid (?P<tid>[0-9]{1,20})") + rb"\] ")
        + maybe(rb"\[client (?P<client>[^\]\s]{1,100})\] "),
    ),
    Format(
        "env_logger",
        rb"\[",
        rb"\[" + STAMP + rb" " + LEVEL_COLUMN + rb" +" + maybe(rb"(?P<logger>[\w:.-]{1,200})") + rb"\] ?",
    ),
    Format("serilog", rb"\[", rb"\[" + STAMP + rb" " + LEVEL_WORD + rb"\] "),
    Format(
        "minecraft",
        rb"\[",
        rb"\[" + STAMP + rb"\] \[(?P<thread>[^\]\n/]{1,100})/" + LEVEL_COLUMN + rb"\](?: \[[^\]\n]{1,60}\])?: ",
    ),
    Format(
        "glassfish",
        rb"\[",
        rb"\[#\|" + STAMP + rb"\|" + LEVEL_WORD + rb"\|[^|\n]{0,100}\|(?P<logger>[^|\n]{0,200})\|[^|\n]{0,300}\|",
    ),
    Format(
        "bgl",
        rb"\w\-",
        rb"(?:-|[A-Z][A-Z0-9_-]{1,20}) [0-9]{10} [0-9]{4}\.[0-9]{2}\.[0-9]{2} (?P<host>\S{1,80}) "
        rb"[0-9]{4}-[0-9.-]{10,30} \S{1,80} [A-Z]+ "
         rb"(?P<module>[A-Z_]{1,40}) " + LEVEL_COLUMN + rb" ",
    ),
    Format(
        "syslog",
        rb"\w\-",
        rb"(?:-|[A-Z][A-Z0-9_-]{1,20}) [0-9]{10} [0-9]{4}\.[0-9]{2}\.[0-9]{2} (?P<host>\S{1,80}) "
        rb"[A-Z][a-z]{2} [ 0-9]{1,2} [0-9:]{8} \S{1,80} "
        + TAG,
    ),
    Format("proxifier", rb"\[", rb"\[[0-9]{2}\.[0-9]{2} [0-9:]{8}\] (?P<program>[\w .-]{1,60}\.exe(?: \*64)?) - "),
    Format("python", rb"A-Z", LEVEL_COLUMN + rb":(?P<logger>[A-Za-z_][\w.-]{0,100}):(?! )"),
    Format(
        "dotnet",
        rb"a-z",
        rb"(?P<level>trce|dbug|info|warn|fail|crit): (?P<logger>[\w.+`]{1,200})\[[0-9]{1,9}\](?:\n[ \t]{0,16}| )",
    ),
    Format(
        "cassandra",
        rb"A-Z",
        LEVEL_COLUMN + GAP + rb"\[(?P<thread>[^\]\n]{1,128})\] " + STAMP + GAP + SOURCE + TO_MESSAGE,
    ),
    Format(
        "level-first",
        rb"A-Za-z\[",
        maybe(rb"\[") + rb"(?P<level>" + either(ALL_UPPER, SMALL) + rb")\]?" + GAP + rb"\[?" + STAMP + rb"\]?:?" + GAP,
    ),
    Format("jul", rb"A-Z\d", STAMP + rb" (?P<logger>[\w.$]{3,200}) [\w$<>]{1,100}\n" + LEVEL_WORD + rb": "),
    Format("columns", rb"\[", THREAD_BOX + GAP + LEVEL + maybe(either(LOGGER + TO_MESSAGE, CLASS + TO_MESSAGE))),
    Format("prefix", rb"A-Za-z\[<", LEVEL + rb"(?=[^\n])" + maybe(LOGGER + rb"(?::[0-9]{1,6})?" + TO_MESSAGE)),
    Format(
        "nest",
        rb"\[",
        rb"\[(?P<application>[\w-]{1,40})\] (?P<pid>[0-9]{1,10}) +- " + STAMP + GAP + LEVEL
        + maybe(rb"\[(?P<logger>[\w.-]{1,100})\] "),
    ),
    Format(
        "weblogic", rb"<#", rb"(?:####)?<" + STAMP + rb"[^<>\n]{0,40}> <" + LEVEL_WORD + rb"> "
        + maybe(rb"<(?P<module>[\w ./-]{1,60})> ")
    ),
    Format("kernel", rb"a-z", rb"(?P<facility>" + FACILITY + rb") {0,8}:(?P<level>[a-z]{3,6}) {0,8}: "),
    Format("npm", rb"n", rb"(?P<program>npm) (?P<level>ERR!|verb|silly|http|" + ANY + rb") "),
    Format("kamailio", rb"\d", rb"[0-9]{1,4}\((?P<pid>[0-9]{1,9})\) " + LEVEL_COLUMN + rb": "),
    Format("xorg", rb"\[(", maybe(rb"\[ *[0-9]{1,9}\.[0-9]{1,6}\] ") + rb"\((?P<level>EE|WW|II)\) "),
    Format("jvm", rb"\[", rb"\[[0-9.]{1,20}m?s\]\[" + LEVEL_WORD + rb" *\]\[(?P<logger>[\w,]{1,60}) *\] "),
    Format(
        "php",
        rb"P\[",
        maybe(rb"\[" + STAMP + rb"[^\]\n]{0,40}\] ") + rb"PHP (?:[A-Z][a-z]{2,11} )?"
        rb"(?P<level>[A-Z]?[a-z]{4,10})(?: error)?:  ?",
    ),
    Format("nginx", rb"a-z", rb"(?P<program>[a-z][\w.-]{0,40}): \[" + LEVEL_WORD + rb"\] "),
)  # fmt: skip
"""Formats that do not begin with a stamp alone, or are best matched as a whole."""


@functools.cache
def beginning_with(byte: int) -> tuple[Layout, ...]:
    """Return the formats whose records may begin with a byte, compiled."""
    character = bytes([byte])
    return tuple(_layout(each) for each in FORMATS if not each.first or re.match(rb"[%b]" % each.first, character))


@functools.cache
def _layout(each: Format) -> Layout:
    return Layout.of(each.name, each.pattern)
