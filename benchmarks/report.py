"""What was measured, as a table, as JSON and as a picture; and beside it what was to be reached."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.plot import svg

PLOTTED = ("million lines/s", "p50, ms", "p99, ms")


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure to reach: at most `limit`, or at least."""

    text: str
    value: float | None
    limit: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether it is."""
        return self.value is not None and (self.value >= self.limit if self.at_least else self.value <= self.limit)


@dataclass(slots=True)
class Results:
    """Runs of figures: group -> subject -> figure -> values."""

    runs: dict[str, dict[str, dict[str, list[float]]]] = field(default_factory=dict)

    def add(self, group: str, subject: str, figures: dict[str, float]) -> None:
        """Add one run's figures."""
        subjects = self.runs.setdefault(group, {}).setdefault(subject, {})
        for figure, value in figures.items():
            subjects.setdefault(figure, []).append(value)

    def median(self, group: str, subject: str, figure: str) -> float | None:
        """Return the median of a figure's runs, None if it was not measured."""
        values = self.runs.get(group, {}).get(subject, {}).get(figure)
        return median(values) if values else None

    def medians(self, group: str, figure: str) -> list[float]:
        """Return the median of a figure's runs for each subject of a group."""
        found = [self.median(group, subject, figure) for subject in self.runs.get(group, {})]
        return [each for each in found if each is not None]


def tables(results: Results, goals: list[Goal], console: Console) -> None:
    """Print a table a group, with the median and, of several runs, the spread; then the goals."""
    for group, subjects in results.runs.items():
        figures = list(dict.fromkeys(name for each in subjects.values() for name in each))
        table = Table(title=f"{group}, on {os.cpu_count()} cores", show_lines=False)
        table.add_column("figure")
        for subject in subjects:
            table.add_column(subject, justify="right")
        for figure in figures:
            table.add_row(figure, *(_cell(subjects[subject].get(figure)) for subject in subjects))
        console.print(table)
    table = Table("goal", "limit", "measured", "", title="Goals")
    for goal in goals:
        measured = "not measured" if goal.value is None else f"{goal.value:.2f}"
        verdict = "" if goal.value is None else "met" if goal.met else "not met"
        sign = "at least" if goal.at_least else "at most"
        table.add_row(goal.text, f"{sign} {goal.limit:g}", measured, verdict)
    console.print(table)


def _cell(values: list[float] | None) -> str:
    if not values:
        return ""
    spread = f" ({min(values):.3g}-{max(values):.3g})" if len(values) > 1 else ""
    return f"{median(values):.3g}{spread}"


def save(results: Results, goals: list[Goal], folder: Path) -> None:
    """Write benchmarks.json and benchmarks.svg."""
    reached = [{"goal": each.text, "limit": each.limit, "measured": each.value, "met": each.met} for each in goals]
    (folder / "benchmarks.json").write_text(json.dumps({"runs": results.runs, "goals": reached}, indent=2))
    charts = [
        (group, figure, {subject: runs[figure] for subject, runs in subjects.items() if figure in runs})
        for group, subjects in results.runs.items()
        for figure in PLOTTED
    ]
    (folder / "benchmarks.svg").write_text(svg(charts))
