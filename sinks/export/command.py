"""`logbus-sinks export`: what a search finds, as a file for other tools."""

import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

import click

from logbus import daemon
from logbus.command_line import logs
from logbus.command_line.commands import CONTEXT, Command
from logbus.command_line.completion import offer
from logbus.errors import LogbusError, OutputError, UsageError, counted
from logbus.native import malloc
from sinks.commands.archive.given import FILTERS, Given, listing_of, query_of, read_by
from sinks.commands.configured import config_option, names_in
from sinks.export.rows import Row, row_of
from sinks.export.writers import AT_ONCE, SUFFIXES, WRITERS, Format, Writer
from sinks.search.asking import Found
from sinks.search.looking import all_that_may_match
from sinks.search.results.running import INCOMPLETE, Search

EXAMPLES: Final = """
\b
Examples:
  logbus-sinks export --config sinks.yml archive --since yesterday --until today monday.parquet
  logbus-sinks export --path /var/log/archive --min err --fields errors.csv
  duckdb -c "select host, count(*) from 'monday.parquet' where severity = 'err' group by host"

\b
Exit codes: 0 if records were written, 1 if there were none, 2 if not all could be read, or nothing was written.
"""
logger = logging.getLogger("sinks.export")


def options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the filters of a search."""
    for each in reversed(FILTERS):
        command = each(command)
    return command


@click.command("export", cls=Command, epilog=EXAMPLES, context_settings=CONTEXT)
@click.argument("words", nargs=-1, required=True, metavar="[NAME]... OUT", shell_complete=offer(names_in))
@config_option
@click.option("--format", "format_", type=click.Choice(sorted(WRITERS)), help="[default: by the suffix of OUT]")
@click.option("--match", default="", metavar="PATTERN", help="Only records that match, in RE2's syntax.")
@click.option("--fields", is_flag=True, help="With a column of what each record says, as a JSON object.")
@options
@daemon.errors_to_exit_codes
def export(
    *,
    words: tuple[str, ...],
    config: Path | None,
    format_: Format | None,
    match: str,
    fields: bool,
    **given: Any,  # noqa: ANN401 - click's own
) -> int:
    """Write records to the file OUT: as CSV, JSON lines or Parquet, in the order of their times.

    The columns are time, severity, host, label, path, file, message and, with --fields, fields. OUT is made when all is
    written, and left as it was if that fails.
    """
    logs.configure("export")
    malloc.keep_freed()
    try:
        target = Path(words[-1])
        written = _Export(format_ or _format_of(target), with_fields=fields)
        return written.run(match, words[:-1], config, given, target)
    except LogbusError as error:
        logger.critical("%s", error)
        return INCOMPLETE


def _format_of(target: Path) -> Format:
    """Return the format that a file's suffix tells. Raises UsageError."""
    try:
        return SUFFIXES[target.suffix.lower()]
    except KeyError:
        hint = f"add --format, or one of {', '.join(SUFFIXES)} to its name"
        raise UsageError(f"export to {target}", "its name tells no format", hint) from None


class _Export:
    """One export: rows are collected, and written some thousand at a time."""

    def __init__(self, format_: Format, *, with_fields: bool) -> None:
        self._format = format_
        self._with_fields = with_fields
        self._rows: list[Row] = []

    def run(self, pattern: str, names: tuple[str, ...], config: Path | None, given: Given, target: Path) -> int:
        """Search, and write what is found; return the exit code. Raises UsageError, OutputError."""
        query = query_of(pattern, given)
        listing = listing_of(config, names, query, given)
        with read_by(config, names, query) as worth, _made(target) as file:
            found = Search(listing.sources(), query, worth or all_that_may_match)
            found.progress.flaws += listing.flaws
            writer = WRITERS[self._format](file)
            self._write_all(found, writer)
            writer.close()
            if found.interrupted:
                raise OutputError(f"write {target}", "it was interrupted", "nothing was changed")
        for line in found.summary(all_wanted=True):
            click.echo(line, err=True)
        click.echo(f"wrote {counted(found.progress.hits, 'record')} to {target}", err=True)
        return found.exit_code()

    def _write_all(self, found: Search, writer: Writer) -> None:
        def add(one: Found) -> bytes:
            self._rows.append(row_of(one, found.files[one.source][0], with_fields=self._with_fields))
            if len(self._rows) >= AT_ONCE:
                self._pass_on(writer)
            return b""

        found.run(lambda: found.show(add))
        self._pass_on(writer)

    def _pass_on(self, writer: Writer) -> None:
        rows, self._rows = self._rows, []
        writer.add(rows)


@contextmanager
def _made(target: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of `target` if all goes well. Raises OutputError."""
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
            draft = Path(file.name)
            try:
                yield file  # type: ignore[misc] # it is the binary file that it wraps
                file.flush()
                os.fsync(file.fileno())
                _publish(draft, target)
            except BaseException:
                with suppress(OSError):
                    draft.unlink()
                raise
    except OSError as error:
        raise OutputError(f"write {target}", error, "free some space, or choose another place") from error


def _publish(draft: Path, target: Path) -> None:
    """Give a draft its name, with the mode that a new file has. Raises OSError."""
    mask = os.umask(0)
    os.umask(mask)
    draft.chmod(0o666 & ~mask)
    draft.replace(target)
