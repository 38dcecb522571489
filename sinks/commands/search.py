"""`logbus-sinks search`: finds records in what file sinks wrote, and in any other log files."""

import logging
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from msgspec.structs import replace

from logbus import daemon
from logbus.command_line import logs
from logbus.command_line.commands import Command
from logbus.command_line.completion import offer
from logbus.errors import LogbusError, UsageError
from logbus.native import malloc
from sinks.commands.archive.given import FILTERS, Given, listing_of, query_of, read_by
from sinks.commands.configured import config_option, names_in
from sinks.search.asking import Query
from sinks.search.looking import all_that_may_match
from sinks.search.results import showing
from sinks.search.results.counting import Counts, groups_in
from sinks.search.results.following import Following
from sinks.search.results.running import INCOMPLETE, Search

if TYPE_CHECKING:
    from sinks.search.indexed.worth import Indexed

EXAMPLES: Final = """
\b
Examples:
  logbus-sinks search 'order 4711' --config sinks.yml archive
  logbus-sinks search --path /var/log/archive --min err --since 2h
  logbus-sinks search timeout --config sinks.yml --host 'web-*' --since yesterday
  logbus-sinks search --path 'logs/*/app.log*' --count-by hour,severity
  logbus-sinks search -C 3 'panic|fatal' --path logs
  logbus-sinks search --config sinks.yml --min err --since 10m --follow

\b
Exit codes: 0 if something was found, 1 if nothing was, 2 if not all could be searched.
"""
logger = logging.getLogger("sinks.search")


def options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options."""
    for each in reversed(_OPTIONS):
        command = each(command)
    return command


_FEW: Final[Given] = {"type": click.IntRange(0, 1000), "metavar": "N"}
_OPTIONS: Final = (
    *FILTERS,
    click.option("-A", "--after-context", "after", **_FEW, help="And N records behind each."),
    click.option("-B", "--before-context", "before", **_FEW, help="And N records before each."),
    click.option("-C", "--context", "around", **_FEW, help="And N records on both sides."),
    click.option("--count", is_flag=True, help="Only how many there are."),
    click.option("--count-by", metavar="GROUPS", help="A table by severity, hour, day, host, label, file."),
    click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most N records."),
    click.option("--reverse", is_flag=True, help="The newest first."),
    click.option("--follow", "-f", is_flag=True, help="Go on with what comes, until Ctrl-C."),
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
    if given["follow"] and (given["reverse"] or given["count"] or given["count_by"]):
        raise UsageError("follow", "--follow shows what comes, in its order", "leave out --reverse and --count")
    query = query_of(words[0] if words else "", given)
    query = _counting(query, given) if given["count"] or given["count_by"] else query
    listing = listing_of(config, words[1:], query, given)
    groups = (_groups(given) or ("severity",)) if given["count"] or given["count_by"] else ()
    following = None
    if given["follow"]:
        again = partial(listing_of, config, words[1:], query, given, quiet=True)
        following = Following(query, lambda: again().sources(), time.time_ns() // 1000)
        following.begin(listing.sources())
    with read_by(config, words[1:], query, groups) as worth:
        reads = worth or all_that_may_match
        found = Search(listing.sources(), query, following.before(reads) if following else reads)
        found.progress.flaws += listing.flaws
        _show(found, query, given, worth, following)
    for line in found.summary(all_wanted=given["limit"] is None):
        click.echo(line, err=True)
    if listing.links:
        click.echo(f"not followed: {listing.links} links", err=True)
    return found.exit_code()


def _counting(query: Query, given: Given) -> Query:
    """Return a query for a number: without the records around, and without times that nobody asks for."""
    needs_times = query.is_timed or bool({"hour", "day"} & set(_groups(given)))
    return replace(query, before=0, after=0, needs_times=needs_times)


def _groups(given: Given) -> tuple[str, ...]:
    return groups_in(given["count_by"]) if given["count_by"] else ()


def _show(
    found: Search, query: Query, given: Given, worth: "Indexed | None", following: Following | None = None
) -> None:
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

    def work() -> None:
        found.show(show, limit=given["limit"], newest_first=given["reverse"])
        if following and not found.interrupted:
            following.shown_in(files)
            found.follow(following, show, given["limit"])

    found.run(work)


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
