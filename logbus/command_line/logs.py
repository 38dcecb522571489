"""Our own log, on standard error: one line per record, which neither a file name nor a message can forge.

`OneLine.line` is the only place that escapes: control characters, line separators and bidi marks never leave it.

A daemon's line is `TIME LEVEL LOGGER: MESSAGE` or a JSON object. At the journal, which has a time of its own, the line
begins with a priority instead, see sd-daemon(3). A command that only answers a question prints `COMMAND: LEVEL:
MESSAGE`.
"""

import functools
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple

import click
import msgspec

from logbus.errors import visible

STDERR: Final = 2
PRIORITIES: Final = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
COLOURS: Final = {logging.WARNING: "\x1b[33m", logging.ERROR: "\x1b[31m", logging.CRITICAL: "\x1b[31m"}
LEVELS: Final = ("debug", "info", "warning", "error")

Style = Literal["command", "text", "json"]


class Wanted(NamedTuple):
    """What the options ask for: the format of the log, and its level ("": the usual one)."""

    format: Literal["text", "json"] = "text"
    level: str = ""
    verbose: bool = False

    def least(self) -> str:
        """Return the level that is logged: what is asked for, or else warnings, or more with `verbose` or systemd."""
        return self.level or ("info" if self.verbose or "NOTIFY_SOCKET" in os.environ else "warning")


def options(main: Callable[..., Any]) -> Callable[..., Any]:
    """Give a daemon's command the options of its log, as one argument `log`."""

    @click.option(
        "--log-format", type=click.Choice(["text", "json"]), default="text", help="The format of our own log."
    )
    @click.option("--log-level", type=click.Choice(LEVELS), help="What to log, and worse.  [warning; systemd: info]")
    @click.option("--verbose", "-v", is_flag=True, help="Log normal events, too: short for --log-level info.")
    @functools.wraps(main)
    def wrapped(*, log_format: Literal["text", "json"], log_level: str | None, verbose: bool, **rest: object) -> object:
        return main(log=Wanted(log_format, log_level or "", verbose), **rest)

    return wrapped


class OneLine(logging.Formatter):
    """Formats records for `program`; see the module's docstring."""

    def __init__(self, program: str, style: Style = "command", *, colour: bool = False, journal: bool = False) -> None:
        super().__init__()
        self._program = program
        self._kind = style
        self._colour = colour
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        trace = f" | {self.formatException(record.exc_info)}" if record.exc_info else ""
        return self.line(record.created, record.levelno, record.name, record.getMessage() + trace)

    def line(self, time_s: float, level: int, logger: str, message: str) -> str:
        """Return a line, without a newline at its end."""
        name, text, word = visible(logger), visible(message), logging.getLevelName(level).lower()
        priority = f"<{_priority(level)}>" if self._journal else ""
        if self._kind == "json":
            entry = {"time": stamp(time_s), "level": word, "logger": name, "program": self._program, "message": text}
            return priority + msgspec.json.encode(entry).decode()
        word = word if self._kind == "command" else word.upper()
        if self._colour and level in COLOURS:
            word = f"{COLOURS[level]}{word}\x1b[0m"
        if self._kind == "command":
            return f"{priority}{self._program}: {word}: {text}"
        return f"{priority or stamp(time_s) + ' '}{word} {name}: {text}"


def stamp(time_s: float) -> str:
    """Return a time in UTC, to the millisecond, as `2026-11-24T10:11:12.123Z`."""
    seconds, milliseconds = divmod(int(time_s * 1000), 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{milliseconds:03d}Z"


def _priority(level: int) -> int:
    """Return the journal's priority for a level, see sd-daemon(3)."""
    return next((priority for least, priority in PRIORITIES if level >= least), 7)


def is_journal(fd: int) -> bool:
    """Return True if `fd` leads to the journal. JOURNAL_STREAM alone proves nothing: it may be inherited."""
    try:
        status = os.fstat(fd)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def configure(program: str, wanted: Wanted | None = None) -> None:
    """Send our messages to standard error: those of a command, or of a daemon with the log that is `wanted`.

    Whoever starts a daemon waits for word that it is ready: what `logbus.ready` logs is shown unless `--log-level` says
    otherwise.
    """
    handler = logging.StreamHandler(sys.stderr)
    colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    style: Style = wanted.format if wanted else "command"
    handler.setFormatter(OneLine(visible(program), style, colour=colour, journal=is_journal(STDERR)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    wanted = wanted or Wanted()
    root.setLevel(wanted.least().upper())
    logging.getLogger("logbus.ready").setLevel(logging.NOTSET if wanted.level else logging.INFO)
    if style != "command":
        _log_defects()


def _log_defects() -> None:
    """Log exceptions that nothing catches, in any thread, unless somebody else handles them."""
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _log_defect
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = lambda args: _log_defect(args.exc_type, args.exc_value, args.exc_traceback)


def _log_defect(_kind: object, error: BaseException | None, _trace: object) -> None:
    """Log an exception that nothing caught: Python would print it as it is, on several lines."""
    logging.getLogger("logbus").critical("stopped by a defect: please report it", exc_info=error)


def write_at_once(level: int, logger: str, message: str) -> None:
    """Write a line without the locks of `logging`, which interrupted code may hold."""
    formatters = [each.formatter for each in logging.getLogger().handlers]
    ours = next((each for each in formatters if isinstance(each, OneLine)), OneLine("logbus"))
    os.write(STDERR, f"{ours.line(time.time(), level, logger, message)}\n".encode())
