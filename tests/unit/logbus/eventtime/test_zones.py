"""Time zones: naive times through changes of DST, and which zone a host is in."""

from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.errors import UsageError
from logbus.eventtime import TimeRules, event_times, host_zone, name_of, stated_time, text_of, zone_named, zone_told
from logbus.eventtime.zones import zone_of_host

ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kathmandu", "Asia/Gaza"]
READ_AT_US = int(datetime(2090, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000


def rules_of(zone: str) -> TimeRules:
    """Return rules for naive times in `zone`."""
    return TimeRules(zone_named(zone), read_at_us=READ_AT_US)


def micros(moment: datetime) -> int:
    """Return a moment's microseconds since 1970."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@given(
    zone=st.sampled_from(ZONES),
    local=st.datetimes(min_value=datetime(1990, 1, 2), max_value=datetime(2040, 1, 1)),  # noqa: DTZ001 - it is local
)
def test_a_naive_time_is_what_zoneinfo_makes_of_it(zone: str, local: datetime) -> None:
    """Without a record before it, a local time is the first such moment, and one in a gap is moved on."""
    stated = stated_time(local.isoformat(" ").encode(), rules_of(zone))
    assert stated
    assert stated.time_us == micros(local.replace(tzinfo=ZoneInfo(zone)))


def changes(zone: tzinfo, year: int) -> list[datetime]:
    """Return the hours of a year in UTC after which a zone's offset is another."""
    hours = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(hours=each) for each in range(366 * 24)]
    offsets = [hour.astimezone(zone).utcoffset() for hour in hours]
    return [hour for hour, one, other in zip(hours, offsets, offsets[1:], strict=False) if one != other]


@given(zone=st.sampled_from(ZONES[:4]), year=st.integers(1995, 2030), minutes=st.integers(1, 25))
def test_a_file_goes_on_in_order_when_the_clock_changes(zone: str, year: int, minutes: int) -> None:
    """Of a file that writes every few minutes, each record gets its moment, through both changes of a year."""
    inside = ZoneInfo(zone)
    for change in changes(inside, year):
        moments = [change + timedelta(minutes=minutes * each) for each in range(-9, 180 // minutes)]
        lines = [moment.astimezone(inside).strftime("%Y-%m-%d %H:%M:%S x").encode() for moment in moments]
        found = event_times(lines, rules_of(zone))
        assert [each.time_us for each in found.times] == [micros(moment) for moment in moments]


def test_a_little_disorder_is_not_another_hour() -> None:
    """A record a few milliseconds before its predecessor stays in the first of the two hours."""
    lines = [b"2024-10-27 02:30:00.005 a", b"2024-10-27 02:30:00.001 b", b"2024-10-27 02:10:00.000 c"]
    found = event_times(lines, rules_of("Europe/Berlin"))
    assert [text_of(each.time_us) for each in found.times] == [
        "2024-10-27T00:30:00.005Z",
        "2024-10-27T00:30:00.001Z",
        "2024-10-27T01:10:00Z",
    ]


def test_the_ends_of_time() -> None:
    """The first and last years have times in every zone, though datetime has none before or after them."""
    for text in (b"0001-01-01T00:00:00", b"9999-12-31T23:59:59"):
        for zone in ("Asia/Tokyo", "America/New_York"):
            assert stated_time(text, rules_of(zone))


@pytest.mark.parametrize("name", ["Europe/Berln", "../etc/passwd", "/etc/localtime", "", "Europe", "x\0y"])
def test_an_unknown_zone(name: str) -> None:
    """A name that is none is refused in words."""
    with pytest.raises(UsageError, match="cannot use the time zone"):
        zone_named(name)


def test_a_zone_that_is_near() -> None:
    """A misspelt zone gets a suggestion."""
    with pytest.raises(UsageError, match=r"did you mean Europe/Berlin\?"):
        zone_named("Europe/Berln")


def test_a_zone_that_a_message_tells_is_not_looked_for_among_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends a batch with a zone that is none gets UTC, and no search for a name that is near."""
    monkeypatch.setattr("zoneinfo.available_timezones", lambda: pytest.fail("all zones were listed"))
    assert zone_told("Europe/Berln") is UTC
    assert zone_told("../etc/passwd") is UTC


def test_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a host without tzdata the message says so."""
    monkeypatch.setattr("zoneinfo.available_timezones", set)
    with pytest.raises(UsageError, match="install the package tzdata"):
        zone_named("Europe/Nowhere")


@pytest.mark.parametrize(
    ("variable", "name"),
    [("Europe/Berlin", "Europe/Berlin"), (":Asia/Tokyo", "Asia/Tokyo"), ("", "UTC"), ("UTC", "UTC")],
)
def test_the_host_s_zone_by_variable(variable: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """TZ names the zone, as for libc."""
    monkeypatch.setenv("TZ", variable)
    assert name_of(host_zone()) == name


def test_a_variable_that_names_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A TZ that is not in the database is an error that names the way out."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    with pytest.raises(UsageError, match="set timezone"):
        host_zone()


def test_the_host_s_zone_by_link(tmp_path: Path) -> None:
    """Without TZ, it is the zone that /etc/localtime links to; without that, UTC; a file that is none is an error."""
    database = Path("/usr/share/zoneinfo/Europe/Berlin")
    assert zone_of_host(None, tmp_path / "none") is UTC
    (tmp_path / "broken").write_text("x")
    with pytest.raises(UsageError, match="set timezone"):
        zone_of_host(None, tmp_path / "broken")
    if not database.exists():
        pytest.skip("this host has no time zone database")
    (tmp_path / "localtime").symlink_to(database)
    assert name_of(zone_of_host(None, tmp_path / "localtime")) == "Europe/Berlin"
