"""Levels under a key: JSON objects and logfmt pairs.

Each pair before the level is skipped as a whole, so that no level is read from the text of a message.
"""

from typing import Final

from msgspec import Struct

from logbus.severity.words import ANY, GAP, either, repeated

LEVEL_KEYS: Final = (
    rb"(?i:@?level|lvl|log[._]?level|level_?(?:name|display_?name|text|string|label)"
    rb"|(?:error_|log_)?severity|severity_?(?:text|level|label|name)|loglevel_?name|@l)"
)
"""The usual keys of a word, also as logLevel, SeverityText, and so on. `@l`: Serilog; `@level`: hclog;
`error_severity`: PostgreSQL; `LevelDisplayName`: Windows."""
LEVEL_INITIALS: Final = b"lsLSeE@"
_LOGGER_KEYS: Final = rb"(?i:time|ts|timestamp|@timestamp|pid|hostname|msg|message|name|v|logger)"

_COLON: Final = GAP + rb":" + GAP
_OFFSET: Final = rb"(?:[+-]\d{1,3})?"


class Quoting(Struct, frozen=True):
    """How JSON is written, as parts of patterns.

    `quote`; the `escape` of a character; what is `special` within a string, and what `ends` a key or a number, as in a
    class.
    """

    quote: bytes
    escape: bytes
    special: bytes
    ends: bytes

    @property
    def string(self) -> bytes:
        """The pattern of a string."""
        some = rb"[^" + self.special + rb"]*+"
        escapes = repeated(self.escape + some, b"+") + self.quote
        return self.quote + some + either(self.quote, escapes)

    @property
    def word(self) -> bytes:
        """The pattern from the quote before a level up to the level."""
        words = either(rb"(?=" + ANY + _OFFSET + self.quote + rb")", rb"(?=Level\(-\d{1,3}\)" + self.quote + rb")")
        return self.quote + words

    def value(self, depth: int) -> bytes:
        """Return the pattern of a value, down to `depth` nested arrays or objects."""
        some = rb"|[^{}\[\]" + self.ends + rb"]++"
        nested = rb"[{\[]" + repeated(self.string + some, b"*") + rb"[}\]]"
        for _ in range(depth - 1):
            nested = rb"[{\[]" + repeated(self.string + some + rb"|" + nested, b"*") + rb"[}\]]"
        return either(self.string, nested, rb"[^,{}\[\]" + self.ends + rb"]++")


PLAIN: Final = Quoting(rb'"', rb"\\.", rb'"\\\n', rb'"\n')
SPECIAL: Final = rb'"\\\x00-\x1f'
"""What no character of a string is that Docker writes, unless it is escaped."""
RARE_ESCAPE: Final = rb"u00(?:1b|3[ce]|26)"
"""ESC and what HTML would obey, as Go's encoder writes it behind a backslash."""
IN_A_STRING: Final = Quoting(
    rb'\\"',
    rb'(?:\\\\(?:\\"|\\\\|[^' + SPECIAL + rb"])|\\(?:" + RARE_ESCAPE + rb"|[t/bf]))",
    SPECIAL,
    SPECIAL,
)
"""JSON in a string of JSON, as Docker has it."""
STRING: Final = PLAIN.string
_WORD: Final = PLAIN.word


def _first(stated: bytes, initials: bytes, depth: int = 4, quoting: Quoting = PLAIN) -> bytes:
    """Return what leads, within an object, up to the first key for which `stated` matches, from its first character."""
    quote, ends = quoting.quote, quoting.ends
    key = quote + rb"(?:[^" + ends + initials + rb"]|(?!" + stated + rb"))[^" + ends + rb"]*+" + quote
    pairs = repeated(key + _COLON + quoting.value(depth) + GAP + rb"," + GAP, b"*")
    return rb"\{" + GAP + pairs + quote + stated


def json_prefix(keys: bytes, initials: bytes) -> bytes:
    """Return the prefix of a JSON line up to the value of its first top-level key among `keys` that has a level.

    `keys` is a pattern; `initials` are the characters that its matches begin with. Earlier pairs are skipped, whatever
    their strings and (up to four deep) nested values contain.
    """
    return _first(keys + rb'"' + _COLON + either(_WORD, rb'"(?=\d{1,2}")', rb"(?=\d{1,2}[ \t,}])"), initials)


def words_prefix(quoting: Quoting = PLAIN) -> bytes:
    """Return the prefix up to the first level that is a word: under one of LEVEL_KEYS, there or in the object `log`."""
    behind = quoting.quote + _COLON + quoting.word
    nested = rb"log" + quoting.quote + _COLON + _first(rb"level" + behind, b"l", 2, quoting)
    return _first(either(LEVEL_KEYS + behind, nested), LEVEL_INITIALS, 4, quoting)


def second_prefix() -> bytes:
    """Return the prefix up to a level that is a number and, by what is beside it, a logger's; or a word of priority.

    A bare number may be anything: a level of water, a priority of a task. pino and bunyan write multiples of ten
    beside a time or a message; GELF has `short_message`, rsyslog's objects a facility, journald's a MESSAGE.
    """
    tens = rb"(?=[1-6]0" + GAP
    beside = rb'(?:\}|,[ \t]*+"' + _LOGGER_KEYS + rb'"))'
    alone = rb'\{[ \t]*+"level"' + _COLON + tens + beside
    timed = _has(rb"(?:time|ts|pid|hostname)") + _first(rb'level"' + _COLON + tens + rb"[,}])", b"l")
    named = _first(rb'level"' + _COLON + tens + rb',[ \t]*+"' + _LOGGER_KEYS + rb'")', b"l")
    syslog = either(rb"(?=[0-7][ \t,}])", rb'"(?=[0-7]")')
    gelf = _has(rb"short_message") + _first(rb'level"' + _COLON + syslog, b"l")
    rsyslog = _has(rb"(?:syslog_)?facility") + _first(rb'(?:syslog_)?severity(?:_code)?"' + _COLON + syslog, b"s")
    journal = _has(rb"MESSAGE") + _first(rb'PRIORITY"' + _COLON + syslog, b"P")
    otel = _first(rb'(?i:severity_?number)"[ \t]*(?=: ?\d{1,2}[,}])', b"sS")
    priority = _first(rb'(?i:priority)"' + _COLON + _WORD, b"pP")
    some = (
        rb'(?:level|(?:syslog_)?severity(?:_code)?|(?i:priority|severity_?number))"'
        + _COLON
        + rb'(?:\d|"(?=[0-7A-Za-z]))'
    )
    return (
        rb"(?=" + _first(some, b"lsSpP") + rb")" + either(alone, timed, named, gelf, rsyslog, journal, otel, priority)
    )


def _has(key: bytes) -> bytes:
    """Return a look-ahead for a key anywhere in the line."""
    wanted = key + rb'"' + _COLON
    return rb"(?=" + repeated(rb'[^"\n]++|"(?!' + wanted + rb")", b"*") + rb'"' + wanted + rb")"


def logfmt_prefix(keys: bytes, initials: bytes) -> bytes:
    """Return the prefix of a logfmt line up to the value of its first key among `keys` that has a level."""
    stated = keys + rb'="?(?=' + ANY + _OFFSET + rb'(?![^"\s,]))'
    key = rb"(?:[^\W" + initials + rb"]|(?!" + stated + rb")\w)[\w.@/-]{0,64}+="
    pairs = repeated(key + either(STRING, rb'[^\s"]*+') + rb"[ \t]++", b"*")
    return rb"(?=[A-Za-z_][\w.@/-]{0,64}+=)" + pairs + stated


PARTS: Final = {"value": PLAIN.value(4), "flat_value": PLAIN.value(2), "word": _WORD}
"""Parts that occur in several patterns."""
