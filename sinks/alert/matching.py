"""Which records of a batch a rule counts."""

from collections.abc import Iterator, Sequence
from itertools import compress
from operator import and_
from typing import Final

from logbus.batch import Batch, records, there
from logbus.config.patterns import compile_glob, compile_pattern
from sinks.alert.group import Match
from sinks.alert.incidents import group_of
from sinks.alert.notices import NAME_CHARACTERS, SAMPLE_BYTES
from sinks.alert.settings import Rule, wanted_severities
from sinks.printable import printable, printable_word
from sinks.where import Where

LEVELS: Final = 256


class Matcher:
    """Finds the records of one rule."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        wanted = b"".join(b"%d" % severity for severity in wanted_severities(rule))
        self._mask = bytes(level in wanted for level in range(LEVELS))
        self._of_host, self._of_label = compile_glob(rule.host), compile_glob(rule.label)
        self._search = compile_pattern(rule.pattern).search if rule.pattern else None
        self._where = Where(rule.where) if rule.where else None

    def of(self, batch: Batch) -> Match | None:
        """Return what a batch has for this rule, or None."""
        mask = batch.levels.translate(self._mask)
        if 1 not in mask or not (self._of_host(batch.host) and self._of_label(batch.label)):
            return None
        mask = self._narrowed(mask, batch)
        if not (count := mask.count(1)):
            return None
        host, label = named(batch.host), named(batch.label)
        return Match(
            rule=self._rule.name,
            group=group_of(self._rule, host, label, {name: named(each) for name, each in batch.fields.items()}),
            count=count,
            host=host,
            label=label,
            sample=sample_of(next(compress(records(batch), mask))),
        )

    def _narrowed(self, mask: bytes, batch: Batch) -> bytes:
        """Return `mask` with 0 also for records that were dropped on purpose, or do not match."""
        if batch.lengths is not None:
            mask = bytes(map(and_, mask, there(batch)))
        if self._search:
            search = self._search
            if search(batch.body) is None:  # a match is within a line, so that there is none in any record
                return bytes(len(mask))
            mask = bytes(one and search(each) is not None for one, each in zip(mask, records(batch), strict=True))
        return self._where.narrowed(mask, batch) if self._where and 1 in mask else mask


def matches(matchers: Sequence[Matcher], batch: Batch) -> Iterator[Match]:
    """Yield what a batch has for each rule."""
    return (found for each in matchers if (found := each.of(batch)))


def named(text: str) -> str:
    """Return a host, label or field on one line, bounded, with nothing that a terminal would obey."""
    return printable_word(text[:NAME_CHARACTERS]).decode()[:NAME_CHARACTERS]


def sample_of(record: bytes) -> str:
    """Return the beginning of a record, with nothing that a terminal would obey."""
    text = printable(record[:SAMPLE_BYTES].rstrip(b"\r\n")).decode()
    return f"{text} ..." if len(record) > SAMPLE_BYTES else text
