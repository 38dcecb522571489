"""What an output holds against what was written, line by line."""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise


@dataclass(slots=True)
class Findings:
    """What a check found, in lines; `mixed_lives`: lives complete and in order, but the next one began too early."""

    lost: int = 0
    duplicated: int = 0
    out_of_order: int = 0
    filter_out_of_order: int = 0
    mixed_lives: int = 0
    detail: str = ""

    @property
    def exact(self) -> bool:
        """True if every output equals what was written."""
        return not (self.lost or self.duplicated or self.out_of_order)

    def compare(self, found: bytes, wanted: bytes, name: str, *, whole: bool) -> None:
        """Add how an output differs from what was written; `whole`: not behind a filter, so in order within a life."""
        if found == wanted:
            return
        found_lines, wanted_lines = found.splitlines(keepends=True), wanted.splitlines(keepends=True)
        lost = Counter(wanted_lines) - Counter(found_lines)
        extra = Counter(found_lines) - Counter(wanted_lines)
        self.lost += lost.total()
        self.duplicated += extra.total()
        self.detail += f"{name}: {_shortly(lost)} lost, {_shortly(extra)} too many; "
        if lost or extra:
            return
        numbers = [_place(line) for line in found_lines]
        if not whole:
            self.filter_out_of_order += _inversions(numbers)
        elif _lives_in_order(numbers):
            self.mixed_lives += 1
        else:
            self.out_of_order += _inversions(numbers)


def _place(line: bytes) -> tuple[int, int]:
    _, life, number = line.partition(b" - ")[2].partition(b":")[0].split(b" ")
    return int(life), int(number)


def _inversions(numbers: list[tuple[int, int]]) -> int:
    return sum(second < first for first, second in pairwise(numbers))


def _lives_in_order(numbers: list[tuple[int, int]]) -> bool:
    lives: dict[int, list[tuple[int, int]]] = {}
    for each in numbers:
        lives.setdefault(each[0], []).append(each)
    return all(several == sorted(several) for several in lives.values())


def _shortly(lines: Counter[bytes]) -> str:
    examples = [line[:80] for line in list(lines)[:3]]
    return f"{lines.total()} lines {examples}" if lines else "none"
