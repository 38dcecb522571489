"""What a run of the fault suite did and found, as text and as a section of a page."""

import os
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from support.findings import Findings

SECTION = re.compile(r"(?<=^### A long run\n\n).*?(?=\n## )", re.DOTALL | re.MULTILINE)


@dataclass(slots=True)
class Report:
    """What a run did and found; `broker` is the version of RabbitMQ."""

    seed: int
    rounds: int = 0
    lines: int = 0
    seconds: float = 0.0
    broker: str = ""
    faults: Counter[str] = field(default_factory=Counter)
    findings: Findings = field(default_factory=Findings)

    def __str__(self) -> str:
        """Return the report as text."""
        found = self.findings
        return (
            f"seed {self.seed}: {self.rounds} rounds in {self.seconds:.0f} s, {self.lines} lines\n"
            f"{self.faults.total()} faults: {self._kinds()}\n"
            f"lost {found.lost}, duplicated {found.duplicated}, out of order {found.out_of_order}\n"
            f"(outputs in which two lives of a file mix: {found.mixed_lives}; "
            f"lines out of order behind a filter: {found.filter_out_of_order})"
            + (f"\n{found.detail}" if found.detail else "")
        )

    def as_section(self) -> str:
        """Return the report as Markdown."""
        found = self.findings
        rows = {
            "rounds": self.rounds,
            "lines written": self.lines,
            "faults": self.faults.total(),
            "lost": found.lost,
            "duplicated": found.duplicated,
            "out of order": found.out_of_order,
            "outputs in which two lives of a file mix (not promised, see above)": found.mixed_lives,
            "lines out of order behind a severity filter (not promised)": found.filter_out_of_order,
        }
        table = "".join(f"| {name} | {count:,} |\n" for name, count in rows.items())
        command = f"make chaos ARGS='--minutes {max(1, round(self.seconds / 60))} --seed {self.seed}'"
        where = f"RabbitMQ {self.broker}, {os.cpu_count()} cores, {self.seconds:.0f} s"
        return f"`{command}`, {where}:\n\n| | |\n|---|--:|\n{table}\nThe faults: {self._kinds()}.\n"

    def record(self, page: Path) -> None:
        """Put the report into its section of a page, in place of the last one."""
        text, count = SECTION.subn(lambda _: self.as_section(), page.read_text())
        assert count == 1, f"{page} has no section for it"
        page.write_text(text)

    def _kinds(self) -> str:
        return ", ".join(f"{kind} {count}" for kind, count in sorted(self.faults.items()))
