"""Measure how often `classify` finds the level that a record states, on the labelled sets of loghub.

    python -m benchmarks.severity_accuracy DIR

DIR holds, at any depth, `NAME_2k.log` and `NAME_2k.log_structured.csv`: row i of the CSV describes line i. A row whose
Level column holds a level word is right if that severity was found as stated; any other row states none, and is right
if the record got the default. Exits 1 if a set is below 99.5 % or, having no levels, got one; 2 if there is no set.
"""

import csv
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from benchmarks import labelled
from logbus.severity import UNSTATED, Severity, severity_of_word, stated

GOAL = 0.995


class Score(NamedTuple):
    """One set: its records, how many state a level, how many got one, how many are right, and which are not."""

    name: str
    records: int
    labelled: int
    stated: int
    right: int
    misses: Counter[str]

    @property
    def passed(self) -> bool:
        """Return True if the set reaches the goal: all but 0.5 % right or, without levels, none invented."""
        return self.right >= self.records * GOAL if self.labelled else self.stated == 0


def stated_levels(body: bytes) -> list[Severity | None]:
    """Return what each record states."""
    return [None if digit == ord(UNSTATED) else Severity(digit - ord("0")) for digit in stated(body)]


def true_levels(table: Path) -> list[Severity | None]:
    """Return what each row's Level column says, None where it names no level."""
    with table.open(encoding="utf-8", errors="replace", newline="") as rows:
        return [severity_of_word((row.get("Level") or "").strip().encode()) for row in csv.DictReader(rows)]


def score(log: Path) -> Score:
    """Compare one set's records with its table."""
    found = stated_levels(log.read_bytes())
    truth = true_levels(log.with_name(f"{log.name}_structured.csv"))
    if len(found) != len(truth):
        sys.exit(f"{log}: {len(found)} records, but {len(truth)} rows describe them")
    misses = Counter(
        f"{_word(true)} taken for {_word(got)}" for true, got in zip(truth, found, strict=True) if true != got
    )
    return Score(
        log.name.removesuffix("_2k.log"),
        len(truth),
        sum(level is not None for level in truth),
        sum(level is not None for level in found),
        len(truth) - misses.total(),
        misses,
    )


def _word(level: Severity | None) -> str:
    return "none" if level is None else level.word


def report(result: Score) -> None:
    """Print one set's line."""
    verdict = "ok" if result.passed else "BELOW THE GOAL"
    accuracy = result.right / max(result.records, 1)
    misses = "; ".join(f"{count} {what}" for what, count in result.misses.most_common(4))
    print(
        f"{result.name:<14}{result.records:>9,}{result.labelled:>10,}{result.stated:>9,}"
        f"{accuracy:>10.2%}  {verdict}  {misses}".rstrip()
    )


def main() -> int:
    """Score every set below the folder that the command line names."""
    logs = labelled.logs("python -m benchmarks.severity_accuracy")
    print(f"{'set':<14}{'records':>9}{'labelled':>10}{'stated':>9}{'accuracy':>10}")
    results = [score(log) for log in logs]
    for result in results:
        report(result)
    return 0 if all(result.passed for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
