"""What the commands share that look into archives: which records are asked for, and of which files."""

import time
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from logbus.command_line.completion import offer
from logbus.command_line.later import later
from logbus.config.patterns import Glob, compile_glob
from logbus.errors import UsageError
from logbus.eventtime import host_zone
from logbus.fields.matching import Conditions, conditions
from logbus.severity import Severity
from sinks.commands.configured import document_of
from sinks.search.asking import Query, digits_of
from sinks.search.files.sources import Listing, add_outputs, of_paths
from sinks.search.matching import matcher
from sinks.search.when import time_us

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sinks.search.indexed.worth import Indexed

_file_sinks, _states = (later("sinks.archives", each) for each in ("file_sinks", "states"))
_indexed, _readers_of = (later("sinks.search.indexed.opening", each) for each in ("indexed", "readers_of"))
"""Imports sinks, which takes long, and which `--path` does without."""

Given = dict[str, Any]
"""The options as click gives them."""

_severities: Final = offer(lambda _config: [each.word for each in Severity])
FILTERS: Final = (
    click.option("--path", "paths", multiple=True, metavar="PATH", help="A file, directory or glob; may be repeated."),
    click.option("--since", metavar="TIME", help="From then on: 2026-11-24, '2026-11-24 10:00', 2h (ago), today."),
    click.option("--until", metavar="TIME", help="Before then."),
    click.option("--utc", is_flag=True, help="Times are in UTC instead of this host's zone."),
    click.option("--min", "least", metavar="SEVERITY", shell_complete=_severities, help="This severity and worse."),
    click.option("--severity", multiple=True, metavar="SEVERITY", shell_complete=_severities, help="Just this one."),
    click.option("--host", metavar="GLOB", help="Only from these hosts."),
    click.option("--label", metavar="GLOB", help="Only with these labels."),
    click.option("--path-glob", metavar="GLOB", help="Only from these paths: of sources, or with --path of files."),
    click.option("--field", multiple=True, metavar="NAME=GLOB", help="Only with this field; may be repeated."),
    click.option("-i", "--ignore-case", is_flag=True, help="A and a are the same."),
    click.option("-v", "--invert", is_flag=True, help="Records without a match."),
    click.option("-w", "--words", "whole", is_flag=True, help="Only whole words."),
    click.option("-F", "--fixed", is_flag=True, help="PATTERN is a text, not a regular expression."),
)
"""Which records, of which files."""


def query_of(pattern: str, given: Given) -> Query:
    """Return what is asked for. Raises UsageError."""
    zone = UTC if given["utc"] else host_zone()
    now_us = time.time_ns() // 1000
    since, until = (time_us(given[each], now_us, zone) if given[each] else None for each in ("since", "until"))
    if given["invert"] and not pattern:
        raise UsageError("search", "-v needs a pattern", "give the PATTERN that records must not match")
    what = {"fixed": given["fixed"], "ignore_case": given["ignore_case"], "words": given["whole"]}
    return Query(
        matcher=matcher(pattern, **what) if pattern else None,
        invert=given["invert"],
        since_us=since,
        until_us=until,
        digits=digits_of(given["least"], given["severity"]),
        fields=_fields(given["field"]),
        names=_names(given),
        before=_near("before", given),
        after=_near("after", given),
        zone=zone,
    )


def _near(where: str, given: Given) -> int:
    return given.get(where) or given.get("around") or 0


def _names(given: Given) -> dict[str, Glob]:
    """Return the globs for host, label and the path of a source."""
    globs = {"host": given["host"], "label": given["label"], "path": None if given["paths"] else given["path_glob"]}
    return {name: compile_glob(glob) for name, glob in globs.items() if glob is not None}


def _fields(texts: tuple[str, ...]) -> Conditions:
    """Return the conditions for fields. Raises UsageError."""
    pairs = {name: glob for name, _, glob in (each.partition("=") for each in texts)}
    if any("=" not in each or each.startswith("=") for each in texts):
        raise UsageError("use --field", f"{' '.join(texts)!r} is no NAME=GLOB", "as in --field status='5*'")
    return conditions(pairs)


def listing_of(
    config: Path | None, names: tuple[str, ...], query: Query, given: Given, *, quiet: bool = False
) -> Listing:
    """Return the files to search; say which filters tell nothing, unless `quiet`. Raises UsageError."""
    if config is None:
        glob = compile_glob(given["path_glob"]) if given["path_glob"] else None
        _say_unfiltered(set() if quiet else set(query.names), "--path")
        return of_paths([*given["paths"], *names], glob)
    listing, unfiltered = Listing(), set()
    for name, settings in _file_sinks(config, document_of(config), names).items():
        if told := add_outputs(listing, settings.path, settings.format, query.names):
            unfiltered |= {f"{each} (sink {name})" for each in told} if settings.format == "raw" else set()
    _say_unfiltered(set() if quiet else unfiltered, "the path of a sink")
    return listing


@contextmanager
def read_by(
    config: Path | None, names: tuple[str, ...], query: Query, groups: tuple[str, ...] = ()
) -> "Iterator[Indexed | None]":
    """Open what the sinks' indexes tell, None if there is none; say at the end which were not used. Raises UsageError.

    `groups`: what is counted by, if only numbers are wanted.
    """
    worth = _worth(config, names, query, groups)
    try:
        yield worth
    finally:
        if worth:
            worth.close()
    for why in sorted(worth.flaws) if worth else ():
        _say(f"the index is not used: {why}")


def _worth(config: Path | None, names: tuple[str, ...], query: Query, groups: tuple[str, ...]) -> "Indexed | None":
    if config is None:
        return None
    document = document_of(config)
    archives = _file_sinks(config, document, names)
    kept = {name: state for name, state in _states(document, names).items() if name in archives}
    if not (readers := _readers_of(kept, _say)):
        return None
    found: Indexed = _indexed(readers, query, groups)
    return found


def _say(text: str) -> None:
    click.echo(text, err=True)


def _say_unfiltered(names: set[str], where: str) -> None:
    if names:
        _say(f"not filtered by {', '.join(sorted(names))}: {where} does not tell, unless records do")
