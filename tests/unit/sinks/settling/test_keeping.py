"""Retention: which outputs are to go, and that nothing goes that the sink may write to."""

import fcntl
import os
from datetime import UTC
from pathlib import Path

import pytest

from logbus.errors import UsageError
from sinks.file.settings import Settings
from sinks.file.upkeep.retention import Keep
from sinks.ledger.ledger import Ledger
from sinks.search.asking import Source
from sinks.settling.archive import Archive
from sinks.settling.finished import period_end_s
from sinks.settling.keeping import surplus
from sinks.settling.opened import open_output
from sinks.settling.work import work
from sinks.sink import Mark

NOW_S = 1_795_600_000.0
DAY_S = 86_400


def source(label: str, days: float, size_bytes: int = 10, date: str = "") -> Source:
    """Return an output that was last changed so many days ago."""
    told = {"label": label} | ({"date": date} if date else {})
    changed_us = int((NOW_S - days * DAY_S) * 1e6)
    return Source(Path(f"/out/{label}/{days}-{date}"), (1, int(days * 100)), size_bytes, changed_us, told)


def gone(sources: list[Source], **keys: object) -> list[str]:
    """Return the names of those beyond the limits."""
    settings = Settings(path="/out/{label}/{date}.log", **keys)  # type: ignore[arg-type]
    return [f"{each.path.parent.name}/{each.path.name}" for each in surplus(sources, settings, NOW_S)]


def test_the_oldest_go_first_by_days_and_bytes() -> None:
    """Each limit by itself, for all outputs together."""
    sources = [source("a", 3), source("b", 1), source("a", 9), source("b", 5)]
    assert gone(sources) == []
    assert gone(sources, keep_days=4) == ["a/9-", "b/5-"]
    assert gone(sources, keep_bytes=25) == ["a/9-", "b/5-"]
    assert gone(sources, keep_days=100, keep_bytes=10) == ["a/9-", "b/5-", "a/3-"]


def test_the_first_rule_that_matches_counts() -> None:
    """By label, with globs; each rule counts its own bytes."""
    sources = [source("debug-x", 3), source("debug-y", 1), source("app", 3), source("app", 9)]
    rules = [Keep("debug*", keep_days=2), Keep(keep_bytes=10)]
    assert gone(sources, keep=rules) == ["app/9-", "debug-x/3-"]
    assert gone(sources, keep=[Keep("debug*"), Keep(keep_days=1)]) == ["app/9-", "app/3-"]


def test_the_day_in_the_path_counts_before_the_last_change() -> None:
    """A day ends at midnight in UTC."""
    assert period_end_s({"date": "2026-11-24"}) == 1_795_564_800
    assert period_end_s({"date": "2026-11-24", "hour": "03"}) == 1_795_564_800 - 20 * 3_600
    assert period_end_s({"date": "2026-13-24"}) is None
    assert gone([source("a", 0.1, date="2026-11-20"), source("a", 9, date="2026-11-24")], keep_days=3) == [
        "a/0.1-2026-11-20"
    ]


def test_what_was_written_within_an_hour_stays() -> None:
    """It counts, and is kept."""
    assert gone([source("a", 0.01, 100), source("a", 2, 100)], keep_bytes=50) == ["a/2-"]


def test_a_rule_by_label_needs_it_in_the_path() -> None:
    """Or it would never match."""
    with pytest.raises(UsageError, match=r"no \{label\}"):
        Settings(path="/out/{host}.log", keep=[Keep("debug*", keep_days=3)])


def test_only_what_nobody_can_write_to_is_deleted(tmp_path: Path) -> None:
    """Not what is locked, nor what the ledger remembers; empty directories go as well, and each deletion is told."""
    (tmp_path / "state").mkdir()
    paths = {label: tmp_path / "out" / label / "x" / "a.log" for label in ("free", "held", "known", "new")}
    for path in paths.values():
        path.parent.mkdir(parents=True)
        path.write_bytes(b"a\n")
        os.utime(path, (NOW_S - 9 * DAY_S,) * 2)
    os.utime(paths["new"], (NOW_S, NOW_S))
    (tmp_path / "out" / "link").mkdir()
    (tmp_path / "out" / "link" / "x").symlink_to(tmp_path / "out" / "free" / "x")
    settings = Settings(path=str(tmp_path / "out" / "{label}" / "{host}" / "a.log"), keep_days=3)
    archive = Archive(settings, tmp_path / "state", UTC)
    known = open_output(archive.base, "known/x/a.log")
    assert known
    ledger = Ledger(archive.state)
    ledger.remember(str(paths["known"]), Mark(2, known.place.identity))
    ledger.close()
    said: list[tuple[str, str]] = []
    with paths["held"].open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        work(archive, NOW_S, lambda what, text: said.append((what, text)))
    assert [label for label, path in paths.items() if path.exists()] == ["held", "known", "new"]
    assert said == [("deleted", f"deleting {paths['free']}")]
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == ["held", "known", "link", "new"]
