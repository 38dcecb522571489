"""`logbus-sinks index`: compares the index of a file sink with its outputs, or makes it anew."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from logbus import daemon
from logbus.command_line import logs
from logbus.command_line.commands import Command
from logbus.command_line.completion import offer
from logbus.errors import LogbusError, UsageError, counted, describe, visible
from sinks.archives import file_sinks
from sinks.commands.configured import config_option, document_of, names_in, required
from sinks.search.asking import Source
from sinks.settings import plan_of
from sinks.settling.archive import Archive, archive_of, opened_store
from sinks.settling.checking import check
from sinks.settling.listing import outputs_in
from sinks.settling.opened import Heard
from sinks.settling.store import Store

Look = Callable[[Archive, Store, Source, Heard], bool]
"""Looks at one output, and says what it finds; returns False if something is wrong."""


@click.command("index", cls=Command)
@config_option
@click.argument("action", type=click.Choice(["check", "rebuild"]))
@click.argument("names", nargs=-1, shell_complete=offer(names_in))
@daemon.errors_to_exit_codes
def index(config: Path | None, action: str, names: tuple[str, ...]) -> int:
    """Compare the index of file sinks, all or NAMES, with their outputs; or read all outputs, and make it anew.

    check exits 1 if a row is wrong, or an output cannot be read; what has no row yet is no fault, since a search reads
    it. The sinks may be running, and rebuild works when index.db is gone.
    """
    logs.configure("index")
    look = {"check": _check, "rebuild": _rebuild}[action]
    archives = _archives(required(config), names)
    return int(not all(_look_at(name, archive, look) for name, archive in archives.items()))


def _archives(config: Path, names: tuple[str, ...]) -> dict[str, Archive]:
    """Return the archives of file sinks. Raises UsageError."""
    document = document_of(config)
    found = file_sinks(config, document, names)
    for name, settings in found.items():
        if not settings.index:
            raise UsageError(f"use the index of {name}", "its settings say index: false", "leave that out")
    plans = {name: plan_of(document, name) for name in found}
    return {name: archive_of(each, state) for name, each in found.items() if (state := plans[name].state)}


def _look_at(name: str, archive: Archive, look: Look) -> bool:
    """Look at every output of a sink; return False if something is wrong."""
    sources, flaws = outputs_in(archive)
    for flaw in flaws:
        click.echo(visible(flaw), err=True)
    with opened_store(archive) as store, _bar(name, sources) as heard:
        verdicts = [_tried(archive, store, source, heard, look) for source in sources]
    click.echo(f"{name}: {counted(len(sources), 'output')}, {verdicts.count(False) or 'none'} with faults")
    return all(verdicts) and not flaws


def _tried(archive: Archive, store: Store, source: Source, heard: Heard, look: Look) -> bool:
    try:
        return look(archive, store, source, heard)
    except (LogbusError, OSError) as error:
        click.echo(
            f"{visible(source.path)}: {visible(describe(error) if isinstance(error, OSError) else error)}", err=True
        )
        return False


def _check(archive: Archive, store: Store, source: Source, heard: Heard) -> bool:
    opened = archive.open(source)
    if not opened:
        click.echo(f"{visible(source.path)}: it is gone, or has no extended attributes")
        return True
    try:
        found = check(store, opened, archive.settings.format, heard)
    finally:
        os.close(opened.fd)
    for flaw in found.flaws:
        click.echo(f"{visible(source.path)}: {flaw}")
    if found.missing_bytes:
        click.echo(f"{visible(source.path)}: no row for {found.missing_bytes:,} of {found.content_bytes:,} bytes")
    return not found.flaws


def _rebuild(archive: Archive, store: Store, source: Source, heard: Heard) -> bool:
    opened = archive.open(source)
    if not opened:
        click.echo(f"{visible(source.path)}: it is gone, or has no extended attributes")
        return True
    try:
        if archive.settle(store, opened, heard) < 0:
            click.echo(f"{visible(source.path)}: it was changed meanwhile; its rows stay as they are")
    finally:
        os.close(opened.fd)
    return True


@contextmanager
def _bar(name: str, sources: list[Source]) -> Iterator[Heard]:
    """Show on a terminal how far the work on a sink is; yield what is told how many bytes were read."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(name, total=sum(each.size_bytes for each in sources))
        yield lambda size_bytes: progress.advance(task, size_bytes)
