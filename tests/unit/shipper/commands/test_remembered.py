"""The remembered streams, read beside a running shipper."""

from pathlib import Path

from msgspec.structs import replace

from shipper.commands.remembered import remembered
from shipper.state.registry import Registry, Row

ROW = Row("s1", 1, 2, 3, "/var/log/a.log", 10, b"m", 20, b"p", 5, b"h")


def test_the_streams_of_one_inode(tmp_path: Path) -> None:
    """Only those whose file has it are read, done ones too, oldest first, and inodes of 64 bits."""
    large = 2**64 - 1
    rows = [ROW, replace(ROW, stream="s2", inode=large), replace(ROW, stream="s3", done=True)]
    registry = Registry(tmp_path / "state")
    assert registry.add(rows)
    assert [row for row, _ in remembered(tmp_path / "state")] == rows
    assert [row for row, _ in remembered(tmp_path / "state", 2)] == [rows[0], rows[2]]
    assert [row for row, _ in remembered(tmp_path / "state", large)] == [rows[1]]
    assert remembered(tmp_path / "state", 7) == []
    registry.close()
