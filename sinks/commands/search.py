"""`logbus-sinks search`: finds records in what file sinks wrote, and in any other log files."""

import logging
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from logbus import daemon
from logbus.command_line import logs
from logbus.command_line.commands import Command
from logbus.command_line.completion import offer
from logbus.command_line.later import later
from logbus.config.patterns import Glob, compile_glob
from logbus.errors import LogbusError, UsageError
from logbus.eventtime import host_zone
from logbus.fields.matching import Conditions, conditions
from logbus.native import malloc
from logbus.severity import Severity
from sinks.commands.configured import config_option, document_of, names_in
from sinks.search.asking import Query, digits_of
from sinks.search.files.sources import Listing, add_outputs, of_paths
from sinks.search.looking import all_that_may_match
from sinks.search.matching import matcher
from sinks.search.results import showing
from sinks.search.results.counting import Counts, groups_in
from sinks.search.results.running import INCOMPLETE, Search
from sinks.search.when import time_us

if TYPE_CHECKING:
    from sinks.archives import file_sinks, states
    from sinks.search.indexed.opening import indexed, readers_of
    from sinks.search.indexed.worth import Indexed
else:
    file_sinks, states = (later("sinks.archives", each) for each in ("file_sinks", "states"))
    indexed, readers_of = (later("sinks.search.indexed.opening", each) for each in ("indexed", "readers_of"))

EXAMPLES: Final = """
\b
Examples:
  logbus-sinks search 'order 4711' --config sinks.yml archive
  logbus-sinks search --path /var/log/archive --min err --since 2h
  logbus-sinks search timeout --config sinks.yml --host 'web-*' --since yesterday
  logbus-sinks search --path 'logs/*/app.log*' --count-by hour,severity
  logbus-sinks search -C 3 'panic|fatal' --path logs

\b
Exit codes: 0 if something was found, 1 if nothing was, 2 if not all could be searched.
"""
logger = logging.getLogger("sinks.search")
Given = dict[str, Any]
"""The options as click gives them."""


def options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options."""
    for each in reversed(_OPTIONS):
        command = each(command)
    return command


_FEW: Final[Given] = {"type": click.IntRange(0, 1000), "metavar": "N"}
_severities: Final = offer(lambda _config: [each.word for each in Severity])
_OPTIONS: Final = (
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
    click.option("-A", "--after-context", "after", **_FEW, help="And N records behind each."),
    click.option("-B", "--before-context", "before", **_FEW, help="And N records before each."),
    click.option("-C", "--context", "around", **_FEW, help="And N records on both sides."),
    click.option("--count", is_flag=True, help="Only how many there are."),
    click.option("--count-by", metavar="GROUPS", help="A table by severity, hour, day, host, label, file."),
    click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most N records."),
    click.option("--reverse", is_flag=True, help="The newest first."),
    click.option("--json", "as_json", is_flag=True, help="A JSON object for each record, or row."),
    click.option("--raw", is_flag=True, help="The bytes of records, and nothing else."),
    click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="[default: auto]"),
)


@click.command("search", cls=Command, epilog=EXAMPLES)
@click.argument("words", nargs=-1, metavar="[PATTERN] [NAME|PATH]...", shell_complete=offer(names_in))
@config_option
@options
@daemon.errors_to_exit_codes
def search(words: tuple[str, ...], config: Path | None, **given: Any) -> int:  # noqa: ANN401 - click's own
    """Find records by a pattern, their time, severity and fields, oldest first.

    Searched are the outputs of the file sinks NAME of --config (all, without a NAME), or the files of --path: plain, or
    compressed by gzip, zstd or xz. PATTERN is a regular expression in RE2's syntax. A record of several lines, as of a
    stack trace, is found and shown whole. To name sinks without a pattern, write '' for PATTERN.
    """
    logs.configure("search")
    malloc.keep_freed()
    try:
        return _search(words, config, given)
    except LogbusError as error:
        logger.critical("%s", error)
        return INCOMPLETE


def _search(words: tuple[str, ...], config: Path | None, given: Given) -> int:
    """Search, show what is found, and say what was looked into. Raises UsageError."""
    if (config is None) == (not given["paths"]):
        raise UsageError("search", "--config or --path is missing, or both are there", "give one of them")
    if sys.stdout.name == os.devnull:
        raise UsageError("search", "standard output is closed", "leave out >&-, or redirect it to a file")
    query = _query(words[0] if words else "", given)
    listing = _listing(config, words[1:], query, given)
    worth = _worth(config, words[1:], query, given)
    try:
        found = Search(listing.sources(), query, worth or all_that_may_match)
        found.progress.flaws += listing.flaws
        _show(found, query, given, worth)
    finally:
        if worth:
            worth.close()
    for why in sorted(worth.flaws) if worth else ():
        _say(f"the index is not used: {why}")
    for line in found.summary(all_wanted=given["limit"] is None):
        click.echo(line, err=True)
    if listing.links:
        click.echo(f"not followed: {listing.links} links", err=True)
    return found.exit_code()


def _query(pattern: str, given: Given) -> Query:
    """Return what is asked for. Raises UsageError."""
    zone = UTC if given["utc"] else host_zone()
    now_us = time.time_ns() // 1000
    since, until = (time_us(given[each], now_us, zone) if given[each] else None for each in ("since", "until"))
    if given["invert"] and not pattern:
        raise UsageError("search", "-v needs a pattern", "give the PATTERN that records must not match")
    what = {"fixed": given["fixed"], "ignore_case": given["ignore_case"], "words": given["whole"]}
    counts = bool(given["count"] or given["count_by"])
    around = 0 if counts else given["around"] or 0
    return Query(
        matcher=matcher(pattern, **what) if pattern else None,
        invert=given["invert"],
        since_us=since,
        until_us=until,
        digits=digits_of(given["least"], given["severity"]),
        fields=_fields(given["field"]),
        names=_names(given),
        before=0 if counts else given["before"] or around,
        after=0 if counts else given["after"] or around,
        zone=zone,
        needs_times=not counts or bool(since or until or {"hour", "day"} & set(_groups(given))),
    )


def _names(given: Given) -> dict[str, Glob]:
    """Return the globs for host, label and the path of a source."""
    globs = {"host": given["host"], "label": given["label"], "path": None if given["paths"] else given["path_glob"]}
    return {name: compile_glob(glob) for name, glob in globs.items() if glob is not None}


def _groups(given: Given) -> tuple[str, ...]:
    return groups_in(given["count_by"]) if given["count_by"] else ()


def _fields(texts: tuple[str, ...]) -> Conditions:
    """Return the conditions for fields. Raises UsageError."""
    pairs = {name: glob for name, _, glob in (each.partition("=") for each in texts)}
    if any("=" not in each or each.startswith("=") for each in texts):
        raise UsageError("use --field", f"{' '.join(texts)!r} is no NAME=GLOB", "as in --field status='5*'")
    return conditions(pairs)


def _listing(config: Path | None, names: tuple[str, ...], query: Query, given: Given) -> Listing:
    """Return the files to search; say which filters tell nothing. Raises UsageError."""
    if config is None:
        glob = compile_glob(given["path_glob"]) if given["path_glob"] else None
        _say_unfiltered(set(query.names), "--path")
        return of_paths([*given["paths"], *names], glob)
    listing, unfiltered = Listing(), set()
    for name, settings in file_sinks(config, document_of(config), names).items():
        if told := add_outputs(listing, settings, query.names):
            unfiltered |= {f"{each} (sink {name})" for each in told} if settings.format == "raw" else set()
    _say_unfiltered(unfiltered, "the path of a sink")
    return listing


def _worth(config: Path | None, names: tuple[str, ...], query: Query, given: Given) -> "Indexed | None":
    """Return what the sinks' indexes tell, None if there is none. Raises UsageError."""
    if config is None:
        return None
    document = document_of(config)
    archives = file_sinks(config, document, names)
    kept = {name: state for name, state in states(document, names).items() if name in archives}
    if not (readers := readers_of(kept, _say)):
        return None
    groups = (_groups(given) or ("severity",)) if given["count"] or given["count_by"] else ()
    found: Indexed = indexed(readers, query, groups)
    return found


def _say(text: str) -> None:
    click.echo(text, err=True)


def _say_unfiltered(names: set[str], where: str) -> None:
    if names:
        click.echo(f"not filtered by {', '.join(sorted(names))}: {where} does not tell, unless records do", err=True)


def _show(found: Search, query: Query, given: Given, worth: "Indexed | None") -> None:
    """Search, and show or count. Raises UsageError."""
    files = [each for each, _ in found.files]
    if given["count"] or given["count_by"]:
        counts = Counts(_groups(given) or ("severity",), files, query.zone)
        if worth and worth.tally:
            worth.tally.move_to(counts, query)
        found.run(lambda: found.count(counts))
        _show_counts(found, counts, given)
        return
    is_terminal = sys.stdout.isatty()
    colour = given["color"] == "always" or (given["color"] == "auto" and is_terminal and not os.environ.get("NO_COLOR"))
    near = bool(query.before or query.after)
    look = showing.Look(query.zone, colour, None if query.invert else query.matcher)
    if given["raw"]:
        show = showing.raw(inert=is_terminal)
    else:
        show = showing.as_json(files) if given["as_json"] else showing.as_text(files, look, near=near)
    found.run(lambda: found.show(show, limit=given["limit"], newest_first=given["reverse"]))


def _show_counts(found: Search, counts: Counts, given: Given) -> None:
    if counts.is_full:
        found.progress.flaws.append("cannot count by so many groups: the rest is counted as (others)")
    if given["count_by"]:
        text = counts.as_json() if given["as_json"] else counts.as_table()
    else:
        total = found.progress.hits
        text = b'{"count":%d}\n' % total if given["as_json"] else b"%d\n" % total

    def write() -> None:
        found.output.write(text)
        found.output.flush()

    found.run(write)
