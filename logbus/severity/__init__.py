"""Severities: the eight levels of syslog, and the one that each record states."""

from logbus.severity.levels import (
    LINE_MAX_BYTES,
    PIECE,
    SILENT_ERR,
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
    "LINE_MAX_BYTES",
    "PIECE",
    "SILENT_ERR",
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
