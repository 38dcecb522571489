"""Our own log: what a line looks like, and that no content can forge one."""

import json
import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.command_line.logs import LEVELS, OneLine, Style, Wanted, configure, stamp
from logbus.errors import visible
from logbus.severity import Severity, classify

STYLES: tuple[Style, ...] = ("command", "text", "json")
AT_S = 1_795_947_072.123_4
HOSTILE = ["\n", "\r\n", "\x1b[2J", "\x9b31m", "\x85", "\u2028", "\u202e", "\0", "\ud800", "\x7f", "{", '"', "<0>"]
texts = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=5)).map("".join)


@given(texts, texts, st.sampled_from(STYLES), st.booleans(), st.sampled_from(LEVELS))
def test_no_content_forges_a_line(name: str, message: str, style: Style, journal: bool, level: str) -> None:
    """Whatever a message or a logger's name contains, one record is one line of printable characters."""
    line = OneLine("shipper", style, journal=journal).line(AT_S, getattr(logging, level.upper()), name, message)
    assert line.isprintable()
    assert line.encode()
    said = json.loads(line[line.index("{") :])["message"] if style == "json" else line
    assert said.endswith(visible(message))


@given(texts)
def test_only_our_colours_reach_a_terminal(message: str) -> None:
    """On a terminal, the only escape sequences are the two around the level."""
    line = OneLine("shipper", "text", colour=True).line(AT_S, logging.ERROR, "shipper", message)
    assert line.replace("\x1b[31mERROR\x1b[0m", "", 1).isprintable()


@given(texts)
def test_a_traceback_is_one_line(message: str) -> None:
    """An exception with any text is logged with its traceback, on the same line."""
    with pytest.raises(ValueError, match="invalid") as trace:
        int(f"x{message}")
    exc_info = (trace.type, trace.value, trace.tb)
    record = logging.LogRecord("shipper", logging.ERROR, "", 0, "it failed: %s", (message,), exc_info)
    line = OneLine("shipper", "text").format(record)
    assert line.isprintable()
    assert "Traceback" in line


def test_a_line_begins_with_its_time() -> None:
    """Time in UTC, level, logger and message."""
    line = OneLine("shipper", "text").line(AT_S, logging.WARNING, "shipper.agent", "a.log: no such file")
    assert line == "2026-11-29T10:11:12.123Z WARNING shipper.agent: a.log: no such file"


def test_a_line_for_the_journal_begins_with_its_priority() -> None:
    """The journal adds the time itself; a JSON object follows the priority as well."""
    line = OneLine("shipper", "text", journal=True).line(AT_S, logging.WARNING, "shipper.agent", "stopped")
    assert line == "<4>WARNING shipper.agent: stopped"
    assert OneLine("shipper", "json", journal=True).line(AT_S, logging.INFO, "x", "y").startswith('<6>{"time":')


def test_an_object_has_the_usual_keys() -> None:
    """With --log-format json, any log shipper finds time, level, logger and message."""
    line = OneLine("sink archive", "json").line(AT_S, logging.CRITICAL, "sinks", 'cannot "x": \n')
    assert json.loads(line) == {
        "time": "2026-11-29T10:11:12.123Z",
        "level": "critical",
        "logger": "sinks",
        "program": "sink archive",
        "message": 'cannot "x": \\n',
    }


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize(
    ("level", "severity"),
    [
        (logging.DEBUG, Severity.DEBUG),
        (logging.INFO, Severity.INFO),
        (logging.WARNING, Severity.WARNING),
        (logging.ERROR, Severity.ERR),
        (logging.CRITICAL, Severity.CRIT),
    ],
)
def test_a_shipper_reads_the_severity_of_our_own_lines(style: Style, level: int, severity: Severity) -> None:
    """Our logs can be shipped: `format: auto` finds their severities."""
    line = OneLine("shipper", style).line(AT_S, level, "shipper.agent", "a.log is gone")
    assert classify(f"{line}\n".encode()) == b"%d" % severity


def test_a_time_is_in_utc_to_the_millisecond() -> None:
    """Milliseconds are cut, not rounded up to the next second."""
    assert stamp(0.9999) == "1970-01-01T00:00:00.999Z"


def test_what_is_asked_for_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """--log-level beats -v, -v means info, and under systemd info is the default."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert (Wanted().least(), Wanted(verbose=True).least()) == ("warning", "info")
    assert Wanted(level="error", verbose=True).least() == "error"
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/notify")
    assert (Wanted().least(), Wanted(level="debug").least()) == ("info", "debug")


@pytest.fixture
def _logging_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the log of the tests alone."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    for logger in (root, logging.getLogger("logbus.ready")):
        monkeypatch.setattr(logger, "level", logger.level)
        monkeypatch.setattr(logger, "_cache", {})
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)


@pytest.mark.usefixtures("_logging_as_before")
def test_readiness_is_shown_unless_a_level_hides_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts a daemon waits for that line; --log-level error asks for errors only."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    ready = logging.getLogger("logbus.ready")
    configure("sink", Wanted())
    assert ready.isEnabledFor(logging.INFO)
    configure("sink", Wanted(level="error"))
    assert not ready.isEnabledFor(logging.INFO)
