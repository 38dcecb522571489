"""State files that an earlier version wrote are read as they are: `golden/` holds one of each."""

import shutil
from pathlib import Path

import pytest

from logbus.config.settings import load, load_document
from shipper.settings import Settings
from shipper.state.registry import Registry, Row
from sinks.ledger.ledger import Ledger
from sinks.ledger.streams import Source
from sinks.settings import plans_of
from sinks.sink import Mark

GOLDEN = Path(__file__).parent / "golden"
HASH = bytes(range(16))
ROWS = [
    Row("0123456789abcdef", 2049, 131, 7, "/var/log/app.log", 4096, HASH, 8192, HASH[::-1], 4096, HASH),
    Row(
        "fedcba9876543210", 2049, (1 << 63) + 5, None, "/var/log/caf\udce9.log", 10, HASH, 10, HASH, 10, HASH, done=True
    ),
    Row(
        *("00000000000000aa", 66, 12, 3, "/var/log/containers/x.log", 100, HASH, 100, HASH, 100, HASH),
        real_path="/var/log/pods/0.log",
        settled=True,
    ),
]
WEB = Source("agent", "web-1", "0123456789abcdef")
ODD = Source("", "h\udcff", "fedcba9876543210")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Give a directory with a copy of both."""
    for name in ("registry.sqlite", "ledger.sqlite"):
        shutil.copy(GOLDEN / name, tmp_path / name)
    return tmp_path


def test_a_registry_of_before_is_read(state: Path) -> None:
    """Every stream is remembered with every column, and so is the copy that was noted."""
    registry = Registry(state)
    assert [registry.row(row.stream) for row in ROWS] == ROWS
    assert registry.facts("copy of ") == ["0123456789abcdef"]
    assert registry.save([ROWS[0].ended()])
    registry.close()


def test_a_ledger_of_before_is_read(state: Path) -> None:
    """Every range and every output's mark is there: nothing is written twice."""
    ledger = Ledger(state)
    assert ledger.marks() == {
        "/srv/logs/web-1/app.log": Mark(4904, "2049:77:1"),
        "/srv/logs/h/\udcff.log": Mark(10, "2049:78:4"),
    }
    assert ledger.missing(WEB, 0, 9000) == [(4096, 8192)]
    assert ledger.missing(ODD, 0, 12) == [(10, 12)]
    ledger.close()


def test_configurations_of_before_are_read() -> None:
    """Every key of the first version's examples still exists, with a value that is still accepted."""
    inputs = load(GOLDEN / "shipper.yml", Settings).inputs
    assert [each.label for each in inputs]
    assert set(plans_of(load_document(GOLDEN / "sinks.yml"))) == {"console", "archive", "errors"}
