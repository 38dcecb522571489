"""What is loud, by two statuses of each shipper."""

import msgspec
import pytest

from logbus.fleet.status import Part, Status
from sinks.fleet import loud
from sinks.fleet.loud import Loud, Rate

S = 1_000_000


def told(at_s: float, host: str = "web-1", **more: object) -> Status:
    """Return a shipper's status."""
    return msgspec.structs.replace(Status(host, "shipper", f"of {host}", 0, int(at_s * S)), **more)


def heard(*statuses: Status) -> Loud:
    """Return what was heard."""
    found = Loud()
    for each in statuses:
        found.hear(each)
    return found


def test_rates_by_host() -> None:
    """The difference of two statuses by the time between them; the loudest first."""
    found = heard(
        told(0), told(0, "db-1"), told(10, records=50, bytes=5_000), told(10, "db-1", records=500, bytes=10_000)
    )
    assert found.rates("host", 10 * S) == [Rate("db-1", 50, 1000), Rate("web-1", 5, 500)]


def test_rates_by_input_and_severity() -> None:
    """Those of all hosts are added up; what says nothing has no row."""
    first = [told(0, host, inputs=[Part("app"), Part("quiet")], severities=[0] * 8) for host in ("a", "b")]
    then = [
        told(
            10, host, inputs=[Part("app", records=30, bytes=900), Part("quiet")], severities=[0, 0, 0, 10, 0, 0, 20, 0]
        )
        for host in ("a", "b")
    ]
    found = heard(*first, *then)
    assert found.rates("input", 10 * S) == [Rate("app", 6, 180)]
    assert found.rates("severity", 10 * S) == [Rate("info", 4, 0), Rate("err", 2, 0)]


def test_who_is_silent_has_no_rate() -> None:
    """Nor has who stopped."""
    found = heard(told(0), told(10, records=50))
    assert found.rates("host", 30 * S)
    assert not found.rates("host", 31 * S)
    found.hear(told(20, records=60).stopped())
    assert not found.rates("host", 20 * S)


def test_a_sink_is_not_loud() -> None:
    """What it writes was published by somebody else."""
    found = heard(told(0, role="sink"), told(10, role="sink", records=5))
    assert (found.compared, found.rates("host", 10 * S)) == (0, [])


def test_numbers_that_shrink_are_no_rate() -> None:
    """Whoever makes up statuses makes nothing negative, and does not fill the memory."""
    assert heard(told(0, records=9), told(10, records=3)).rates("host", 10 * S) == []


def test_made_up_shippers_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than so many are not measured."""
    monkeypatch.setattr(loud, "MOST", 2)
    found = heard(*(told(at, host, records=at) for at in (0, 10) for host in ("a", "b", "c")))
    assert found.compared == 2
