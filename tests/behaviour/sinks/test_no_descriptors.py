"""Sinks without descriptors: what a record needs is waited for, and nothing is taken to be unknown, or gone."""

from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from logbus.errors import UsageError
from logbus.eventtime import zones
from logbus.wire.times import Times
from sinks.file import Settings, open_sink
from sinks.sink import Context, Sink
from support.no_descriptors import no_descriptors
from support.stages import Stage

ZONE = "Asia/Kathmandu"
LINES = b"2026-11-24 02:00:00 on the day before in UTC\n", b"2026-11-24 08:00:00 on the same\n"
TIMES = Times(ZONE, 1_795_464_900_000_000, 1_795_486_500_000_000)


@pytest.fixture(autouse=True)
def _nothing_known() -> None:
    """Forget all zones."""
    for cache in (zones.zone_told, zones.zone_of_host):
        cache.cache_clear()
    ZoneInfo.clear_cache()


def making(stage: Stage, path: str) -> Callable[[Context], Sink]:
    """Return what opens a sink with outputs at a path with fields."""
    return lambda context: open_sink(Settings(path=str(stage.root / path)), context)


def test_a_zone_is_waited_for(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """No record goes into the file of another day, and no daemon ends, because a zone cannot be read now."""
    runner = stage.start(make_sink=making(stage, "{date}.log"))
    stage.queue.put(stage.batch(b"".join(LINES), times=TIMES))
    runner.step(0.0)
    assert not stage.queue.quarantined
    zones.zone_told.cache_clear()
    ZoneInfo.clear_cache()
    stage.queue.put(stage.batch(b"".join(LINES), len(b"".join(LINES)), times=TIMES))
    with no_descriptors():
        runner.step(1.0)
        runner.step(2.0)
    assert "cannot write: too many open files (allow more open files:" in caplog.text
    runner.step(60.0)
    runner.step(70.0)
    written = {path.name: path.read_bytes() for path in stage.root.glob("*.log")}
    assert written == {"2026-11-23.log": LINES[0] * 2, "2026-11-24.log": LINES[1] * 2}


def test_a_zone_is_not_taken_for_unknown() -> None:
    """Where its file cannot be opened now, nothing is remembered of a zone; one that is none is UTC."""
    with no_descriptors(), pytest.raises(OSError, match="Too many open files"):
        zones.zone_told(ZONE)
    assert zones.name_of(zones.zone_told(ZONE)) == ZONE
    assert zones.zone_told("No/Such") is UTC


def test_the_hosts_zone_is_not_taken_for_unknown(tmp_path: Path) -> None:
    """Where /etc/localtime cannot be opened now, that is said of the process, and not of the file."""
    localtime = tmp_path / "localtime"
    localtime.write_bytes(b"no zone")
    with no_descriptors(), pytest.raises(OSError, match="Too many open files"):
        zones.zone_of_host(None, localtime)
    with pytest.raises(UsageError, match="set timezone"):
        zones.zone_of_host(None, localtime)
