"""How the processes of the fleet are, by what was heard of them."""

import msgspec
import pytest
from rich.text import Text

from logbus.fleet.status import Status, Trouble
from sinks.fleet import seen
from sinks.fleet.seen import Fleet, Row, missing
from sinks.fleet.table import HEADINGS, cells, lines, objects, summary, table

S = 1_000_000


def told(at_s: float, host: str = "web-1", **more: object) -> Status:
    """Return a shipper's status."""
    first = Status(host, "shipper", "a1", 0, int(at_s * S))
    return msgspec.structs.replace(first, **more)


def fleet_of(*statuses: Status) -> Fleet:
    """Return a fleet that heard statuses when they were made."""
    fleet = Fleet()
    for each in statuses:
        fleet.hear(each, each.at_us)
    return fleet


def states(fleet: Fleet, now_s: float) -> list[str]:
    """Return the state of each process."""
    return [row.state for row in fleet.rows(int(now_s * S))]


def test_live_idle_silent() -> None:
    """A process that shipped since its last status is live, one that did not is idle, until two intervals are over."""
    fleet = fleet_of(told(0), told(10, records=50, bytes=5_000))
    assert states(fleet, 10) == ["live"]
    assert [(row.records_per_s, row.bytes_per_s) for row in fleet.rows(10 * S)] == [(5, 500)]
    fleet.hear(told(20, records=50, bytes=5_000), 20 * S)
    assert states(fleet, 20) == ["idle"]
    assert states(fleet, 40) == ["idle"]
    assert states(fleet, 40.1) == ["silent"]


def test_a_stopped_process_is_gone() -> None:
    """It said so: nobody needs to look for it."""
    assert states(fleet_of(told(0), told(5).stopped()), 1000) == ["gone"]


def test_a_restart_replaces_what_stopped() -> None:
    """A newer process of the same name takes the place of one that is over, and begins with no rate."""
    fleet = fleet_of(told(0, records=10_000), told(5).stopped(), told(6, instance="b2", records=3))
    assert [(row.status.instance, row.state) for row in fleet.rows(6 * S)] == [("b2", "idle")]


def test_two_processes_of_one_name_are_both_shown() -> None:
    """Two shippers that call themselves web-1 at the same time are a mistake that has to be seen."""
    fleet = fleet_of(told(0), told(1, instance="b2"), told(10), told(11, instance="b2"))
    assert states(fleet, 11) == ["idle", "idle"]


def test_a_killed_process_goes_when_its_successor_speaks() -> None:
    """After kill -9 and a restart, the old one is not silent for ever."""
    fleet = fleet_of(told(0), told(60, instance="b2"))
    assert [row.status.instance for row in fleet.rows(60 * S)] == ["b2"]


def test_silence_as_long_as_asked_for() -> None:
    """--silent 5m makes nobody silent before that."""
    fleet = Fleet(silent_s=300)
    fleet.hear(told(0), 0)
    assert states(fleet, 299) == ["idle"]
    assert states(fleet, 301) == ["silent"]


def test_a_day_later_it_is_forgotten() -> None:
    """What was not heard of for a day is no row any more."""
    assert states(fleet_of(told(0)), 86_401) == []


def test_made_up_processes_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest is forgotten when there are too many."""
    monkeypatch.setattr(seen, "MOST", 3)
    fleet = fleet_of(*(told(number, host=f"h{number}") for number in range(5)))
    assert [row.status.host for row in fleet.rows(5 * S)] == ["h2", "h3", "h4"]


def test_expected_hosts() -> None:
    """A host is missing if it was never heard of, is silent, or stopped; a sink there is no shipper."""
    fleet = fleet_of(told(0, "ok"), told(0, "off").stopped(), told(0, "sinks", role="sink", name="archive"))
    rows = list(fleet.rows(S))
    assert missing(["ok", "off", "sinks", "never"], rows) == ["off", "sinks", "never"]


def test_hostile_names_reach_no_terminal() -> None:
    """Whatever a host calls itself, rows are of printable text, and of one line."""
    evil = "a\x1b[2J\nb\u202e\tc"
    status = told(0, evil, version=evil, troubles=[Trouble(evil, evil), Trouble("x", "y")])
    row = Row(status, "idle", 0, 0, 3.5, 70)
    found = cells(row)
    assert len(found) == len(HEADINGS)
    assert all(cell.isprintable() for cell in found)
    assert list(lines([row]))[1].count("\t") == len(HEADINGS) - 1
    assert found[-1].endswith("(and 1 more)")


def test_objects_hold_the_status_and_what_was_found() -> None:
    """One JSON object a process."""
    fleet = fleet_of(told(0), told(10, records=50, oldest_us=7 * S))
    [found] = [msgspec.json.decode(each) for each in objects(fleet.rows(12 * S))]
    assert (found["host"], found["state"], found["records_per_s"], found["lag_s"], found["silent_s"]) == (
        *("web-1", "live", 5.0, 3.0, 2.0),
    )


SINK = {"role": "sink", "name": "archive"}


@pytest.mark.parametrize(
    ("sink", "lag_s"),
    [
        ({"newest_us": 6 * S, "queued": 3}, 3.0),
        ({"newest_us": 6 * S, "waiting": 1}, 3.0),
        ({"newest_us": 6 * S}, 0.0),
        ({"newest_us": 9 * S, "queued": 1}, 0.0),
        ({"queued": 3}, 0.0),
    ],
)
def test_a_sink_is_behind_what_shippers_know_to_be_safe(sink: dict[str, int], lag_s: float) -> None:
    """Its lag is between the newest confirmed batch and what it wrote last, unless nothing waits for it."""
    fleet = fleet_of(told(0, newest_us=9 * S), told(0, "other", newest_us=2 * S), told(10, "logs", **SINK, **sink))
    [row] = [row for row in fleet.rows(12 * S) if row.status.role == "sink"]
    assert row.lag_s == lag_s


def test_without_shippers_a_sink_is_behind_the_time() -> None:
    """Where none may publish its status, a sink for which something waits is compared with its own clock."""
    [row] = fleet_of(told(10, "logs", role="sink", newest_us=4 * S, queued=1)).rows(12 * S)
    assert row.lag_s == 6.0
    assert "1 batch" in cells(row)


def test_a_table_that_does_not_fit_shows_who_needs_somebody() -> None:
    """The silent come first, then those with troubles; the last line says how many are left out."""
    names = ("a", "b", "trouble", "silent")
    statuses = {name: told(0, name, troubles=[Trouble("x", "y")] if name == "trouble" else []) for name in names}
    rows = [Row(statuses[name], "silent" if name == "silent" else "idle", 0, 0, 0, 1) for name in names]
    assert list(table(rows).columns[0].cells) == [Text(name) for name in names]
    assert list(table(rows, 4).columns[0].cells) == [Text(name) for name in names]
    assert list(map(str, table(rows, 3).columns[0].cells)) == ["silent", "trouble", "and 2 more"]


def test_the_summary_counts() -> None:
    """One line about all, with the hosts that should run."""
    rows = list(fleet_of(told(0), told(0, "b", role="sink", name="x")).rows(S))
    assert summary(rows, ["c"]) == "2 hosts, 2 processes: 2 idle; expected, and not running: c"
    assert summary([], []) == "0 hosts, 0 processes: nothing was heard"
