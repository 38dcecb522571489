"""The severities that lines state, by the input's format."""

import io
import re
from collections.abc import Callable, Mapping
from typing import Literal

from msgspec import Struct, field

from logbus.config.patterns import compile_pattern
from logbus.errors import UsageError
from logbus.severity import UNSTATED, LineReader, parse_severity, severity_of_word, stated
from logbus.severity.formats import FORMATS, GROUPS, Format
from logbus.severity.key_levels import json_prefix, logfmt_prefix
from logbus.severity.own_levels import json_values, logfmt_values, nested_reader, own_reader
from logbus.wire.batch import count_lines

Reader = Callable[[bytes], bytes]
"""Bytes -> for each line the ASCII digit of its severity, or `-` if it states none."""

FormatName = Literal[
    "auto", "plain", "json", "logfmt", "syslog", "systemd", "klog", "logcat", "log4j", "logback", "python", "nginx",
    "apache", "postgres", "redis", "ruby", "docker", "cri", "pattern",
]  # fmt: skip

ALIASES = dict.fromkeys(("log4j", "logback", "python", "nginx", "apache", "postgres"), "columns") | {
    "systemd": "syslog"
}
_KEY = re.compile(r"[\w.@/-]{1,64}", re.ASCII)


class Said(Struct, frozen=True):
    """The keys of shipper.yml about an input's format."""

    format: FormatName = "auto"
    level_key: str = ""
    pattern: str = ""
    levels: Mapping[str, str] = field(default_factory=dict)


def reader_of(said: Said) -> Reader:
    """Return the reader of severities for an input. Raises UsageError for settings that contradict each other."""
    _check(said)
    if said.format in ("auto", "docker", "cri"):
        return stated
    if said.format == "plain":
        return lambda body: UNSTATED * count_lines(body)
    if said.format == "pattern":
        return _by_pattern(said)
    reader = LineReader(_formats(said))

    def usual(body: bytes) -> bytes:
        return stated(body, reader)

    if said.levels:
        values = json_values if said.format == "json" else logfmt_values
        return own_reader(lambda line: values(line, said.level_key), _own(said.levels), usual)
    return nested_reader(said.level_key, usual) if said.format == "json" and "." in said.level_key else usual


def _check(said: Said) -> None:
    if said.level_key and said.format not in ("json", "logfmt"):
        raise UsageError("use level_key", f"level_key: the format {said.format} has no keys", "set format: json")
    if said.level_key and not _KEY.fullmatch(said.level_key):
        raise UsageError(
            "use level_key", "level_key is not a plain word", "use letters, digits and _ . @ / -, at most 64"
        )
    if bool(said.pattern) != (said.format == "pattern"):
        raise UsageError("use pattern", "format: pattern and the key pattern belong together", "set both, or neither")
    if said.levels and said.format not in ("pattern", "json", "logfmt"):
        raise UsageError(
            "use levels", f"levels: the format {said.format} has none of its own", "set format: json, logfmt or pattern"
        )
    _own(said.levels)


def _formats(said: Said) -> list[Format]:
    if said.level_key:
        prefix = json_prefix if said.format == "json" else logfmt_prefix
        key = re.escape(said.level_key).encode()
        return [Format(said.format, b"", prefix(key, re.escape(said.level_key[0]).encode()))]
    names = GROUPS[ALIASES.get(said.format, said.format)]
    return [each for each in FORMATS if each.name in names]


def _own(levels: Mapping[str, str]) -> dict[str, bytes]:
    """Return the digit of each of the operator's words, in lower case. Raises UsageError."""
    return {word.lower(): b"%d" % parse_severity(level, f"levels: {word}:") for word, level in levels.items()}


def _by_pattern(said: Said) -> Reader:
    """Return a reader of the group `level` of the operator's pattern: one of `levels`, or a usual word."""
    pattern = compile_pattern(said.pattern, "level")
    group = pattern.groupindex[b"level"]
    words = {word.encode(): level for word, level in _own(said.levels).items()}

    def digit(line: bytes) -> bytes:
        found = pattern.search(line)
        word = found[group] if found else None
        if not word:
            return UNSTATED
        severity = severity_of_word(word)
        return words.get(word.lower(), UNSTATED if severity is None else b"%d" % severity)

    return lambda body: b"".join(map(digit, io.BytesIO(body)))
