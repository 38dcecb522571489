"""Severities: the eight levels of syslog, and the one that each record states."""

from logbus.severity.levels import (
    ERR,
    LINE_MAX_BYTES,
    OUT,
    PIECE,
    UNSTATED,
    LineReader,
    Severity,
    classify,
    marked,
    parse_severity,
    prepare,
    severity_of_word,
    stated,
    stated_inside,
)

__all__ = [
    "ERR",
    "LINE_MAX_BYTES",
    "OUT",
    "PIECE",
    "UNSTATED",
    "LineReader",
    "Severity",
    "classify",
    "marked",
    "parse_severity",
    "prepare",
    "severity_of_word",
    "stated",
    "stated_inside",
]
