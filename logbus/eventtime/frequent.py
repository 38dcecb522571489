"""The frequent spellings of a stamp in the frequent places of a line, as one pattern for PCRE2.

Of each line it captures the second, its fraction and its zone, or finds that the line states no time. It is cautious:
unless it is certain that `stated_time` finds the same, it captures nothing, and the line is read by that.
"""

import functools
from typing import Final

from logbus.eventtime.keys import usual_pairs
from logbus.native.pcre2 import Substitution
from logbus.severity.words import possessive

NO_TIME_BYTES: Final = 1
"""The length of the second of a line that states no time. "" is that of a line that has to be read by itself."""
ADDED: Final = b"000"
"""Behind the digits of a fraction, as most have three of six."""

_CLOCK: Final = rb"[0-9]{2}:[0-9]{2}:[0-9]{2}"
_DIGITS: Final = rb"([0-9]{1,9}+)"
"""The second group."""
_FRACTION: Final = rb"(?:[.,]" + _DIGITS + rb")?+(?![0-9])"
_NO_FRACTION: Final = rb"(?:()(?!))?+"
_OFFSET: Final = rb"Z|[+-][0-9]{2}:[0-9]{2}"
_ZONE: Final = (
    rb"(?|(Z(?![A-Za-z0-9])|[+-][0-9]{2}:?[0-9]{2}(?![0-9:.])| (?:UTC|GMT)(?![A-Za-z0-9+-])| [+-][0-9]{4}(?![0-9:.]))"
    rb"|()(?! ?(?:UTC|GMT|[Zz](?![A-Za-z0-9])|[+-][0-9])))"
)
"""The third group: a zone, or nothing where nothing could be one."""
_NO_HALF: Final = rb"(?! ?[AaPp]\.?[Mm]\b)"
_YEAR: Final = rb"[12][0-9]{3}"
_MONTHS: Final = rb"(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_NO_NAME: Final = rb"(?!(?i:mon|tue|wed|thu|fri|sat|sun)|" + _MONTHS + rb")"
"""A month or a day of the week may begin a stamp."""
_NO_ACCESS: Final = rb"(?![^\[\n]*\[[0-9]{2}/[A-Z])"
"""The time of an access log is found behind any three columns."""


def _first_of(*patterns: bytes) -> bytes:
    """Return an alternation in which each pattern counts its groups from the same number on."""
    return rb"(?|" + b"|".join(patterns) + rb")"


_DASHED: Final = rb"([0-9]{4}-[0-9]{2}-[0-9]{2}[T ]" + _CLOCK + rb")" + _FRACTION + rb"((?:" + _OFFSET + rb")?+)"
_EPOCH: Final = rb"(1[0-9]{9}(?:[0-9]{3}){0,3})" + _NO_FRACTION + rb"()(?=[,} \t\n])"
_VALUE: Final = _first_of(rb'"' + _DASHED + rb'(?=")', _DASHED + rb"(?=\n|[ \t][^zZ+UG-])", _EPOCH)
"""What stands under a key."""

_ISO: Final = rb"([0-9]{4}[-/.][0-9]{2}[-/.][0-9]{2}[Tt _]" + _CLOCK + rb")" + _FRACTION + _ZONE
_SYSLOG: Final = (
    rb"([A-Z][a-z]{2} [ 0-9][0-9] " + _CLOCK + rb")" + _FRACTION + _NO_HALF
    + rb"(?! (?:[A-Z]{2,5} )?" + _YEAR + rb"(?![\w.:-]))" + _ZONE
)  # fmt: skip
_LETTER: Final = rb"([IWEFDCN](?:[0-9]{2}){2,4} " + _CLOCK + rb")" + _FRACTION + _ZONE
_MONTH_DAY: Final = rb"([0-9]{2}-[0-9]{2} " + _CLOCK + rb")" + _FRACTION + _ZONE
_LOG4J: Final = (
    rb"([0-9]{2}/[0-9]{2}/[0-9]{2} " + _CLOCK + rb")" + _NO_FRACTION + rb"()"
    rb"(?= (?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL) )"
)
_RUN_TOGETHER: Final = rb"([0-9]{6} [0-9]{6})(?= )" + _NO_FRACTION + _ZONE
_EPOCH_COLUMN: Final = rb"([12][0-9]{9})(?:\." + _DIGITS + rb")?+(?=[ \t])()"
_APACHE: Final = rb"([A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9][0-9] " + _CLOCK + rb")" + _FRACTION + rb"( " + _YEAR + rb")\]"
_PHP: Final = rb"([0-9]{2}-[A-Z][a-z]{2}-[0-9]{4} " + _CLOCK + rb")" + _FRACTION + _NO_HALF + _ZONE
_ACCESS_TIME: Final = rb"([0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:" + _CLOCK + rb")" + _NO_FRACTION + rb"( [+-][0-9]{4})\]"
_HOST: Final = rb"(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9a-f]{0,4}:[0-9a-f:.]{1,40}|[a-z][a-z0-9.-]{0,200})"
_ACCESS: Final = _HOST + rb" [^ \[\n]{1,255} [^\[\n]{1,255}\[" + _ACCESS_TIME
_LEVEL: Final = (
    rb"(?:" + _NO_NAME + rb"[A-Z]{4,8}(?::?[ \t]{1,8}\[?|\[)" + _NO_ACCESS
    + rb"|\[" + _NO_NAME + rb"[A-Za-z]{4,8} {0,4}\][ \t:]{1,8}\[?)"
)  # fmt: skip
_STAMP: Final = _first_of(
    _ISO,
    rb"<[0-9]{1,3}>(?:1 )?" + _first_of(_ISO, _SYSLOG),
    rb"\[" + _first_of(_ISO, _APACHE, _PHP, _ACCESS_TIME),
    *(_SYSLOG, _LETTER, _MONTH_DAY, _LOG4J, _RUN_TOGETHER, _EPOCH_COLUMN),
    _LEVEL + _ISO,
    _ACCESS,
)  # fmt: skip
"""The stamp of a line of text."""

_SPACE: Final = rb"[ \t][ \t:|,-]{0,30}+"
_END_OF_LINE: Final = rb"(?=\r?(?:\n|\z))"
_NUMBER: Final = (
    rb"(?:[0-9]{1,5}+(?![0-9/.-]| " + _MONTHS + rb")"
    rb"|(?:[0-9]{6,9}|[0-9]{1,5}\.[0-9]{1,5})(?:(?=[a-z%]| [a-z])|" + _END_OF_LINE + rb"))"
)
"""A number that begins no date, as in `logbus.eventtime.spellings`."""
_TOKEN: Final = (
    rb"(?:(?:(?!msg=)[a-z/+_$%&~!?=]|" + _NO_NAME + rb"[A-Z][A-Za-z_]|(?:[0-9]{1,3}\.){3}|" + _NUMBER
    + rb")[^\s\[\x1b]{0,99}+(?:" + _SPACE + rb"|(?=\[)|" + _END_OF_LINE + rb")"
    rb"|\[(?:(?:[a-z]|" + _NUMBER + rb")[^\[\]\n\x1b]{0,99}|" + _NO_NAME + rb"[A-Z][A-Za-z][^\[\]\s\x1b]{0,99})\]"
    rb"[ \t:|,-]{0,30}+)(?![ \t:|,-])"
)  # fmt: skip
"""A column that is no stamp and begins none, and what is between it and the next one, as `logbus.eventtime.stamps` cuts
them."""
_WORDS: Final = _NO_NAME + rb"[A-Za-z][a-z]{1,40}" + _SPACE + rb"[a-z]{2,41}[ \t]"
"""Behind two words at the beginning, no stamp is looked for."""
_NOTHING: Final = (
    rb"[ \t]{0,60}+" + _NO_ACCESS + rb"(?:" + _WORDS + rb"|(?![@_]|[\w./-]++=)(?:" + _TOKEN + rb"){0,7}+(?:" + _TOKEN
    + rb"|" + _END_OF_LINE + rb"))"
)  # fmt: skip
_TIMELESS: Final = rb"(?![^\n]*(?:[0-9]:[0-9]{2}|[0-9]{6}))"
"""Before what cannot state a time: each spelling has a time of day with a colon, or six digits in a row."""
_NO_STAMP: Final = _first_of(_NOTHING, _TIMELESS)

_DAY: Final = rb"(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
_SURE: Final = rb"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_CRI: Final = rb"(?!0000)[0-9]{4}-" + _DAY + _SURE + rb"(?:\.[0-9]{1,9})?+(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9])"
"""The stamp of a container runtime; an impossible one would not be read, nor what is behind it."""
_STREAM: Final = rb" std(?:out|err) [FP] "
_WRAPPED: Final = rb"(?:" + _CRI + _STREAM + rb")?+"
_OWN: Final = rb"(?=" + _CRI + rb" )" + _DASHED + _STREAM + _NO_STAMP
_TEXT: Final = b"$1$3\n${2}" + ADDED + b"\n"
"""Two lines for each: the second and its zone, and the digits of the fraction. Conditions took half of the time."""
_DOCKER_TIME: Final = rb'[^\n]{0,60000},"time":"' + _DASHED + rb'"\}(?=\n)'


@functools.cache
def stamps() -> Substitution:
    """Return what makes, of each line of a body, two lines: its second with its zone, and its fraction."""
    inside = _WRAPPED + _first_of(usual_pairs() + _VALUE, _STAMP + rb"(?! std)")
    return _each_line(b"", inside, _OWN)


@functools.cache
def stamps_of_texts() -> Substitution:
    """Return what makes the same of the texts of Docker's lines, each behind the initial of its stream."""
    return _each_line(b"[oe]", usual_pairs() + _VALUE, _STAMP)


@functools.cache
def docker_times() -> Substitution:
    """Return what makes the same of the times that Docker gives its lines."""
    return _each_line(b"", _DOCKER_TIME)


def _each_line(lead: bytes, *stated: bytes) -> Substitution:
    several = _first_of(*stated, rb"()()(?=([^\n]?))" + _NO_STAMP, rb"()()()")
    return Substitution(possessive(rb"(*LF)(?m)^(?!\z)" + lead + several + rb"[\s\S]?"), _TEXT)
