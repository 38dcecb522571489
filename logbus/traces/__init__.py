"""Records of several lines: which line begins one, which continues one, and what those that continue one inherit."""

from logbus.traces.inheriting import NOTHING, Before, begins_by_itself, coded, inherit, kinds
from logbus.traces.stacktraces import (
    BLANK_LINE,
    CONTINUES,
    OPENS,
    PRESETS,
    START,
    Grammar,
    Preset,
    grammar,
    line_kinds,
    record_of,
)

__all__ = [
    "BLANK_LINE",
    "CONTINUES",
    "NOTHING",
    "OPENS",
    "PRESETS",
    "START",
    "Before",
    "Grammar",
    "Preset",
    "begins_by_itself",
    "coded",
    "grammar",
    "inherit",
    "kinds",
    "line_kinds",
    "record_of",
]
