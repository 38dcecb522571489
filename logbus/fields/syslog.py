"""Syslog: headers of RFC 3164 and RFC 5424, and the structured data of the latter."""

import re
from collections.abc import Iterator
from typing import Final

from logbus.fields.parts import ISO, PROGRAM, SYSLOG, TAG
from logbus.severity.columns import FACILITY
from logbus.severity.words import ANY, either, maybe, repeated

PRIORITY: Final = rb"<(?P<priority>[0-9]{1,3})>"
_HOST: Final = rb"(?!(?:" + ANY + rb")[ \t:])(?P<host>[\w.:-]{1,255}+)(?<!:) "
_COLUMN: Final = rb"(?P<facility>" + FACILITY + rb")\.(?P<level>[a-z]{1,9}) "
FACILITY_COLUMN: Final = rb" " + _COLUMN + TAG
"""What OpenWrt writes behind a time."""
_SURE: Final = either(rb"(?<=\.[0-9]{6}Z) ", rb"(?<=\.[0-9]{6}[+-][0-9]{2}:[0-9]{2}) ")
"""Behind a time as rsyslog writes it."""
RFC_3164: Final = maybe(PRIORITY) + SYSLOG + rb" " + _HOST + maybe(_COLUMN) + TAG
RELAYED: Final = PRIORITY + either(SYSLOG, ISO) + rb" " + maybe(_HOST) + maybe(TAG)
BARE: Final = PRIORITY + maybe(TAG)
JOURNAL: Final = ISO + rb" " + _HOST + PROGRAM + rb"\[(?P<pid>[0-9]{1,10})\]: ?"
RSYSLOG: Final = ISO + _SURE + _HOST + TAG
_CISCO_STAMP: Final = (
    rb"[*.]?+" + either(SYSLOG, ISO, rb"[A-Z][a-z]{2} [ 0-9][0-9] [0-9]{4} [0-9:]{8}") + rb"(?: [A-Z]{3,5})?+"
)
CISCO: Final = (
    maybe(PRIORITY) + maybe(rb"[0-9]{1,10}: ") + maybe(_CISCO_STAMP + rb":? ")
    + maybe(rb"(?P<host>(?!%)[\w.:-]{1,255}+)(?<!:) ") + maybe(rb"[0-9]{1,10}: ") + maybe(_CISCO_STAMP + rb": ")
    + rb"%(?P<module>[A-Z][A-Z0-9_-]{0,60}?)-(?P<level>[0-7])-(?P<code>[A-Z0-9_]{1,64}) ?: ?"
)  # fmt: skip
_NAME: Final = rb"[^\s=\]\"]{1,255}+"
_VALUE: Final = rb'"[^"\\\]\n]*+' + repeated(rb'\\.[^"\\\]\n]*+', b"*") + rb'"'
_ELEMENT: Final = rb"\[" + _NAME + repeated(rb" " + _NAME + rb"=" + _VALUE, b"*") + rb"\]"
_VERSION: Final = rb"1 (?:-|" + ISO + rb") "
RFC_5424: Final = (
    PRIORITY + _VERSION + rb"(?P<host>\S{1,255}) (?P<program>\S{1,48}) (?P<pid>\S{1,128}) (?P<msgid>\S{1,32}) "
    + rb"(?:-|(?P<data>" + repeated(_ELEMENT, b"+") + rb"))(?: (?:\xef\xbb\xbf)?+|(?![^\n]))"
)  # fmt: skip
_PARAM: Final = re.compile(rb"\[(" + _NAME + rb")|(" + _NAME + rb")=(" + _VALUE + rb")")
_ESCAPE: Final = re.compile(rb"\\([\"\\\]])")


def parameters(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the parameters of structured data, each under its element's name, a dot and its own."""
    element = b""
    for begun, name, value in _PARAM.findall(data):
        if begun:
            element = begun
        else:
            yield element + b"." + name, _ESCAPE.sub(rb"\1", value[1:-1])
