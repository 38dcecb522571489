r"""Frequent lines that state nothing, known by their beginnings, for the pattern of `logbus.severity.pcre` alone.

Such a line is the slowest otherwise: each format is tried, to no avail. What is listed here is no format and decides
nothing: in each case, none of the formats matches, which is why the match may end at once. A property test holds that
against `re`, which tries them all.

- A sentence behind a time stamp that begins with a digit, as Go's `log` has it: its first two words in lower case are
  neither columns nor a level, and end the search for Cisco's `%FACILITY-4-NAME:`.
- The request of an access log behind the client's address, in the Common Log Format.
- RFC 3164: what is behind a host and the tag of a program with its process number is message text.
"""

from typing import Final

from logbus.severity.columns import STAMP, TAG
from logbus.severity.words import either, maybe, repeated

_SENTENCE: Final = rb"(?<= )" + maybe(rb"[A-Z][a-z]++ ") + rb"[a-z]{2,40}+ (?!pid )[a-z]++[,;]?+ (?=[^ \tFEWID])"
_REQUEST: Final = maybe(rb"[a-z_][a-z0-9_-]{0,31}+ ") + rb"\[\d\d/[A-Z][a-z]{2}/\d{4}:[0-9:+ -]{8,16}+\] \""
_MONTH: Final = rb"(?:J(?:an|u[nl])|Feb|Ma[ry]|A(?:pr|ug)|Sep|Oct|Nov|Dec)"
_HOST: Final = rb"[a-z_][\w-]{0,63}+" + maybe(repeated(rb"\.[\w-]{1,63}+", b"{2,8}"))
"""Without a dot, or with two: `mail.info` is a facility and a level."""
_NO_FACILITY: Final = either(maybe(rb"[A-Z][^% \n]*+ ") + rb"[a-z][^% \n]*+ [a-z][^%: \n]*+ ", rb"[^%\n]*+(?!.)")
_TAGGED: Final = _MONTH + rb" [ \d]\d \d\d:\d\d:\d\d " + _HOST + rb" " + TAG + rb" " + _NO_FACILITY


def _guard(pattern: bytes) -> bytes:
    return maybe(pattern + rb"(*ACCEPT)")


STAMPED: Final = either(
    rb"(?=\d)" + STAMP + _guard(rb"(?=\[\d\d/|[A-Za-z_][a-z0-9_-]{1,40}+ )" + either(_SENTENCE, _REQUEST)),
    _guard(_TAGGED) + STAMP,
)
"""The time stamp that a line begins with; the match ends if what follows states nothing."""
