"""Sizes and times with units in a configuration."""

import msgspec
import pytest

from logbus.config.quantities import measure_of
from logbus.config.settings import parse
from logbus.errors import ConfigError


class Inner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A section."""

    bytes_per_s: int | None = None
    flush_s: float = 1.0
    records_per_s: int = 5


class Outer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A configuration."""

    max_bytes: int = 0
    commit_ms: int = 0
    put_away_days: int | None = None
    several: list[Inner] = []
    fields: dict[str, str] = {}
    note_s: str = ""


@pytest.mark.parametrize(
    ("key", "text", "number"),
    [
        ("max_bytes", "10MB", 10_000_000),
        ("max_bytes", "10MiB", 10 * 1024 * 1024),
        ("max_bytes", "1.5 kB", 1500),
        ("max_bytes", "7b", 7),
        ("commit_ms", "0.5s", 500),
        ("commit_ms", "250ms", 250),
        ("put_away_days", "2d", 2),
        ("put_away_days", "48h", 2),
        ("max_bytes", "5", 5),
    ],
)
def test_a_unit_is_converted_to_that_of_the_key(key: str, text: str, number: int) -> None:
    """A size becomes bytes; a time becomes what the key's name ends with; a plain number stays as it is."""
    settings = parse(f"{key}: {text}", Outer)
    assert getattr(settings, key) == number


def test_units_are_read_in_every_section() -> None:
    """Within lists and optional values, too; text that only looks like a quantity stays text."""
    settings = parse("several: [{bytes_per_s: 1MB, flush_s: 500ms}]\nfields: {max_bytes: 10MB}\nnote_s: 5s", Outer)
    assert settings.several == [Inner(bytes_per_s=1_000_000, flush_s=0.5)]
    assert (settings.fields, settings.note_s) == ({"max_bytes": "10MB"}, "5s")


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("max_bytes: 10 potatoes", r"max_bytes: .*got text '10 potatoes' \(write a number of bytes, .*10MB or 10MiB"),
        ("max_bytes: 5s", "write a number of bytes"),
        ("max_bytes: 10M", "write a number of bytes"),
        ("commit_ms: soon", "write a number of milliseconds, .*500ms, 5s, 10min, 2h or 1d"),
        ("put_away_days: 1h", "expected a whole number"),
        ("several: [{records_per_s: 5s}]", r"several\[0\].records_per_s: expected a whole number, got text '5s'$"),
    ],
)
def test_what_is_no_quantity_is_refused_with_the_forms_allowed(text: str, flaw: str) -> None:
    """The error names the key and shows how to write a value; a rate of records has no unit."""
    with pytest.raises(ConfigError, match=flaw):
        parse(text, Outer)


def test_a_key_without_a_unit_has_none() -> None:
    """Only the last word of a key's name tells the unit."""
    assert [measure_of(key) for key in ("max_lines", "bytes_kept", "records_per_s", 3)] == [None] * 4
