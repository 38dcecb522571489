"""Levels under a key: JSON objects and logfmt pairs.

Each pair before the level is skipped as a whole, so that no level is read from the text of a message.
"""

from typing import Final

from logbus.severity.words import ANY, GAP, either, repeated

LEVEL_KEYS: Final = rb"(?i:level|lvl|log[._]?level|level_?name|severity|severity_?text|severity_?level|@l)"
"""The usual keys, also as logLevel, SeverityText, and so on. `@l`: Serilog."""
LEVEL_INITIALS: Final = b"lsLS@"


STRING: Final = rb'"[^"\\\n]*+(?:"|' + repeated(rb'\\.[^"\\\n]*+', b"+") + rb'")'


def _value(depth: int) -> bytes:
    """Return the pattern of a JSON value, down to `depth` nested arrays or objects."""
    nested = rb"[{\[]" + repeated(STRING + rb'|[^"{}\[\]\n]++', b"*") + rb"[}\]]"
    for _ in range(depth - 1):
        nested = rb"[{\[]" + repeated(STRING + rb'|[^"{}\[\]\n]++|' + nested, b"*") + rb"[}\]]"
    return either(STRING, nested, rb'[^",{}\[\]\n]++')


def json_prefix(keys: bytes, initials: bytes) -> bytes:
    """Return the prefix of a JSON line up to the value of its first top-level key among `keys` that has a level.

    `keys` is a pattern; `initials` are the characters that its matches begin with. Earlier pairs are skipped, whatever
    their strings and (up to four deep) nested values contain.
    """
    colon = GAP + rb":" + GAP
    stated = keys + rb'"' + colon + either(rb'"(?=(?:' + ANY + rb'|\d{1,2})")', rb"(?=\d{1,2}[ \t,}])")
    key = rb'"(?:[^"\n' + initials + rb"]|(?!" + stated + rb'))[^"\n]*+"'
    pairs = repeated(key + colon + _value(depth=4) + GAP + rb"," + GAP, b"*")
    return rb"\{" + GAP + pairs + rb'"' + stated


def logfmt_prefix(keys: bytes, initials: bytes) -> bytes:
    """Return the prefix of a logfmt line up to the value of its first key among `keys` that has a level."""
    stated = keys + rb'="?(?=' + ANY + rb'(?![^"\s,]))'
    key = rb"(?:[^\W" + initials + rb"]|(?!" + stated + rb")\w)[\w.@/-]{0,64}+="
    pairs = repeated(key + either(STRING, rb'[^\s"]*+') + rb"[ \t]++", b"*")
    return rb"(?=[A-Za-z_][\w.@/-]{0,64}+=)" + pairs + stated
