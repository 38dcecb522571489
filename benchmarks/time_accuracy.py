"""Measure how often records of labelled sets get the time that their columns state.

    python -m benchmarks.time_accuracy DIR

DIR holds, at any depth, `NAME_2k.log` and `NAME_2k.log_structured.csv` as loghub has them: row i of the CSV describes
line i, and its columns Timestamp, Date, Month, Day, Time and so on state when it happened. A record is right if it gets
that time; where the columns have no year or no fraction, these are not compared. Then come the nanoseconds that reading
takes for a record. Exits 1 if a set is below 99.9 %, 2 if there is no set.
"""

import csv
import re
import sys
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from benchmarks import labelled
from logbus.eventtime import TimeRules, stated_time

GOAL = 0.999
EPOCH = re.compile(r"1\d{9}")
WITH_YEAR = ("%Y-%m-%d %H:%M:%S", "%y%m%d %H%M%S", "%y/%m/%d %H:%M:%S", "%Y%m%d-%H:%M:%S", "%a %b %d %H:%M:%S %Y")
WITHOUT_YEAR = ("%Y %b %d %H:%M:%S", "%Y %m-%d %H:%M:%S", "%Y %m.%d %H:%M:%S")
LEAP_YEAR = "2024"
FRACTION = re.compile(r"(\d{1,2}:\d{1,2}:\d{1,2})([.,:])(\d{1,9})\b")


class Score(NamedTuple):
    """One set: its records, how many got a time, how many the right one, the cost of one, and wrong lines."""

    name: str
    records: int
    stated: int
    right: int
    ns: int
    misses: Counter[str]

    @property
    def passed(self) -> bool:
        """Return True if the set reaches the goal."""
        return self.right >= self.records * GOAL


class Truth(NamedTuple):
    """What the columns of a row state: an epoch in seconds, or a local time; `has_year`, and the milliseconds."""

    epoch: int | None
    local: datetime | None
    has_year: bool
    millis: int | None


def truth_of(row: Mapping[str, str]) -> Truth:
    """Return what a row states. Raises ValueError if its columns are of no kind that is known."""
    for column in ("Timestamp", "Time"):
        if EPOCH.fullmatch(row.get(column) or ""):
            return Truth(int(row[column]), None, has_year=True, millis=None)
    text = " ".join(filter(None, (row.get(column) for column in ("Month", "Date", "Day", "Time"))))
    fraction = FRACTION.search(text)
    millis = None
    if fraction:
        digits = fraction[3]
        millis = int(digits if fraction[2] == ":" else f"{digits:0<3}"[:3])
        text = text.replace(fraction[0], fraction[1])
    for format_ in WITH_YEAR:
        try:
            return Truth(None, datetime.strptime(text, format_).replace(tzinfo=UTC), has_year=True, millis=millis)
        except ValueError:
            pass
    for format_ in WITHOUT_YEAR:
        try:
            local = datetime.strptime(f"{LEAP_YEAR} {text}", format_).replace(tzinfo=UTC)
            return Truth(None, local, has_year=False, millis=millis)
        except ValueError:
            pass
    raise ValueError(f"no time in {text!r}")


def is_right(time_us: int | None, truth: Truth) -> bool:
    """Return True if a record's time is what its row states."""
    if time_us is None:
        return False
    if truth.epoch is not None:
        return time_us // 1_000_000 == truth.epoch
    found = datetime.fromtimestamp(time_us // 1_000_000, UTC)
    if truth.millis is not None and time_us // 1000 % 1000 != truth.millis:
        return False
    if truth.local and not truth.has_year:
        return found.replace(year=int(LEAP_YEAR)) == truth.local
    return found == truth.local


def score(log: Path) -> Score:
    """Compare one set's records with its table."""
    lines = log.read_bytes().splitlines()
    with log.with_name(f"{log.name}_structured.csv").open(encoding="utf-8", errors="replace", newline="") as table:
        rows = [truth_of(row) for row in csv.DictReader(table)]
    if len(lines) != len(rows):
        sys.exit(f"{log}: {len(lines)} records, but {len(rows)} rows describe them")
    rules = TimeRules(UTC, read_at_us=time.time_ns() // 1000)
    begin = time.perf_counter_ns()
    found = [stated_time(line, rules) for line in lines]
    ns = (time.perf_counter_ns() - begin) // max(len(lines), 1)
    times = [each.time_us if each else None for each in found]
    wrong = [line for line, us, truth in zip(lines, times, rows, strict=True) if not is_right(us, truth)]
    misses = Counter(line[:60].decode(errors="replace") for line in wrong)
    stated = sum(us is not None for us in times)
    return Score(log.name.removesuffix("_2k.log"), len(lines), stated, len(lines) - len(wrong), ns, misses)


def report(result: Score) -> None:
    """Print one set's line, and some of the records that are wrong."""
    verdict = "ok" if result.passed else "BELOW THE GOAL"
    accuracy = result.right / max(result.records, 1)
    print(f"{result.name:<14}{result.records:>9,}{result.stated:>9,}{accuracy:>10.2%}{result.ns:>8,}  {verdict}")
    for line in list(result.misses)[:3]:
        print(f"    {line}")


def main() -> int:
    """Score every set below the folder that the command line names."""
    logs = labelled.logs("python -m benchmarks.time_accuracy")
    print(f"{'set':<14}{'records':>9}{'stated':>9}{'accuracy':>10}{'ns':>8}")
    results = [score(log) for log in logs]
    for result in results:
        report(result)
    return 0 if all(result.passed for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
