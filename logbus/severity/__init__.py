"""Severities: the eight levels of syslog, and the one that each record states."""

from logbus.severity.levels import (
    LINE_MAX_BYTES,
    UNSTATED,
    LineReader,
    Severity,
    classify,
    parse_severity,
    prepare,
    severity_of_word,
    stated,
)

__all__ = [
    "LINE_MAX_BYTES",
    "UNSTATED",
    "LineReader",
    "Severity",
    "classify",
    "parse_severity",
    "prepare",
    "severity_of_word",
    "stated",
]
