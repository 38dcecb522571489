"""Colours that are legible on black and on white: of the 256 of terminals, those in the middle of their brightness."""

import os
import zlib
from typing import Final

from logbus.severity import Severity

RESET: Final = "\x1b[0m"
DIM: Final = "\x1b[38;5;244m"
MARK: Final = "\x1b[1;7m"
"""Of what a pattern matches: bold, and foreground and background exchanged."""
SEVERITIES: Final = {
    Severity.EMERG: "\x1b[1;38;5;231;48;5;160m",
    Severity.ALERT: "\x1b[1;38;5;160m",
    Severity.CRIT: "\x1b[1;38;5;160m",
    Severity.ERR: "\x1b[38;5;160m",
    Severity.WARNING: "\x1b[38;5;130m",
    Severity.NOTICE: "\x1b[38;5;31m",
    Severity.INFO: "",
    Severity.DEBUG: DIM,
}
_NAMES: Final = (28, 29, 30, 32, 61, 63, 64, 68, 97, 99, 100, 132, 133, 134, 163, 169)
"""Colours of hosts and labels: none of a severity."""


def of_name(name: str) -> str:
    """Return the colour of a host or label, always the same."""
    return f"\x1b[38;5;{_NAMES[zlib.crc32(os.fsencode(name)) % len(_NAMES)]}m"


def are_wanted(color: str, *, terminal: bool) -> bool:
    """Return True if colours are to be used: `color` says so, or it is auto, and the environment or a terminal does."""
    if color != "auto":
        return color == "always"
    if os.environ.get("NO_COLOR"):
        return False
    forced = (os.environ.get("FORCE_COLOR"), os.environ.get("CLICOLOR_FORCE"))
    return terminal or any(each not in {None, "", "0"} for each in forced)
