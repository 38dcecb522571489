"""`logbus-shipper explain PATH`: why a file is or is not shipped."""

# Paths are hostile strings, passed to the operating system unchanged.
# ruff: noqa: PTH100, PTH116, PTH121

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import click
from msgspec import Struct

from logbus import daemon
from logbus.command_line import logs
from logbus.command_line.commands import CONTEXT, Command
from logbus.command_line.completion import files_and
from logbus.config.settings import load
from logbus.errors import SourceError, counted, describe, visible
from shipper.commands.explain_archive import stream_unpacked_from, why_archive
from shipper.commands.remembered import fact, open_life, remembered, stream_of
from shipper.files.archives import is_archive
from shipper.files.complaints import COMPRESSED, PRIVATE, is_private, kind_left_out
from shipper.files.discovery import BY_NAME, left_out
from shipper.files.old_files import UNTIL, why_ignored
from shipper.files.opening import OpenFile
from shipper.files.patterns import matches, pattern
from shipper.lives.comparing import Verdict
from shipper.settings import Input, Settings
from shipper.state.first_starts import time_fact
from shipper.state.registry import Row
from shipper.state.registry_file import FILE_NAME

KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
EPILOG = """
\b
Examples:
  logbus-shipper explain /var/log/app.log --config config/shipper.yml

\b
Exit codes: 0 it is shipped, 1 it is not, 2 usage or configuration. The answer depends on file permissions: run this
as the shipper's user.
"""


class Answer(Struct, frozen=True):
    """Whether a file is shipped, and why."""

    why: str
    defiles: tuple[str, ...] = ()
    shipped: bool = False


@click.command(cls=Command, epilog=EPILOG, context_settings=CONTEXT)
@click.argument("path", metavar="PATH", shell_complete=files_and())
@click.option("--config", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The shipper.yml.")
@daemon.errors_to_exit_codes
def explain(path: str, config: Path) -> int:
    """Show whether the file PATH is shipped, by which input and how far, or why it is not."""
    logs.configure("explain")
    settings = load(config, Settings)
    shipped, (first, *rest) = explained(os.path.abspath(path), settings, str(config))
    click.echo(f"{visible(path)}: {visible(first)}")
    for each in rest:
        click.echo(f"  {visible(each)}")
    return 0 if shipped else 1


def explained(path: str, settings: Settings, config: str) -> tuple[bool, list[str]]:
    """Return whether the file at an absolute path is shipped, and in one line or more, why. Raises StateError."""
    answer = answer_for(path, settings, config)
    first = f"{'shipped' if answer.shipped else 'not shipped'}: {answer.why}"
    return answer.shipped, [first, *answer.defiles, *_inputs(path, settings.inputs)]


def is_named(path: str, inputs: list[Input]) -> bool:
    """Return True if an input names an absolute path, whether or not it skips it."""
    return any(_names(each, path) for each in inputs)


def answer_for(path: str, settings: Settings, config: str = "") -> Answer:
    """Return whether the file at an absolute path is shipped, and why. Raises StateError."""
    entry = _input_of(path, settings.inputs)
    try:
        file = _opened(path)
    except SourceError as error:
        return Answer(_unopened(error, entry))
    try:
        if is_private(file, [*settings.private_files(), *filter(None, [config])]):
            return Answer(PRIVATE)
        if entry and is_archive(path) and kind_left_out(file.fd) == COMPRESSED:
            return _of_archive(file, entry, settings)
        return _of_open(file, entry, settings)
    finally:
        file.close()


def _of_open(file: OpenFile, entry: Input | None, settings: Settings) -> Answer:
    found = stream_of(file, _rows(settings, file.id.inode))
    if found and found[0].path != file.path:
        return _elsewhere(file, *found)
    if entry is None:
        return Answer("no input names it, or the one that does skips it")
    if why := kind_left_out(file.fd):
        return Answer(why)
    label = f"label {entry.label_of(file.path)}"
    if found is None:
        if why := _ignored(file, entry, settings):
            return Answer(why, (UNTIL,))
        return Answer("nothing of it is remembered yet", (_beginning(file, entry), label), shipped=True)
    return Answer(found[1].value, (label, *_progress(file, found[0])), shipped=True)


def _of_archive(file: OpenFile, entry: Input, settings: Settings) -> Answer:
    rows = _rows(settings)
    if row := stream_unpacked_from(file, rows):
        confirmed = f"{row.offset} bytes of its content are confirmed"
        return Answer("its content is a stream of its own", (f"stream {row.stream}", confirmed), shipped=True)
    if why := _ignored(file, entry, settings):
        return Answer(why)
    why, shipped = why_archive(file, entry, rows, Path(settings.state) if _has_run(settings) else None)
    return Answer(why, shipped=shipped)


def _ignored(file: OpenFile, entry: Input, settings: Settings) -> str:
    return why_ignored(entry, os.fstat(file.fd).st_mtime_ns, _first_start_ns(settings, entry))


def _elsewhere(file: OpenFile, row: Row, verdict: Verdict) -> Answer:
    """Explain a file that is, or was, shipped under another name."""
    try:
        same = os.path.samefile(file.path, row.path)
    except OSError:
        same = False
    how = "the same file is shipped as" if same else "it was rotated; it is a life of"
    shipped = not row.done and verdict is Verdict.SAME
    why = f"{how} {row.path}" + ("" if shipped else ", shipped to its end" if row.done else f", but {verdict.value}")
    return Answer(why, tuple(_progress(file, row)), shipped=shipped or row.done)


def _progress(file: OpenFile, row: Row) -> Iterator[str]:
    size = os.fstat(file.fd).st_size
    yield f"stream {row.stream}" + (", over" if row.done else "")
    yield f"{row.offset} of {counted(size, 'byte')} confirmed: {max(0, size - row.offset)} behind"


def _beginning(file: OpenFile, entry: Input) -> str:
    if not os.fstat(file.fd).st_size:
        return "it is empty: its stream begins with its first line"
    if entry.start == "end":
        return "at this input's first start it counts as read; a file created later is read from its start"
    return "it is read from its start by a running shipper"


def _unopened(error: SourceError, entry: Input | None) -> str:
    """Return why nothing can be read at a path."""
    if entry is None:
        return f"no input names it, or the one that does skips it; and {describe(error.cause)}"
    missing = isinstance(error.cause, FileNotFoundError)
    return describe(error.cause) + (": the shipper waits for it" if missing else "")


def _opened(path: str) -> OpenFile:
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise SourceError(f"read {path}", error) from error
    if kind := KINDS.get(stat.S_IFMT(mode)):
        raise SourceError(f"read {path}", f"it is {kind}")
    return open_life(path)


def _has_run(settings: Settings) -> bool:
    return bool(settings.state) and (Path(settings.state) / FILE_NAME).exists()


def _rows(settings: Settings, inode: int | None = None) -> list[Row]:
    """Return the remembered streams, or those of an inode; none if no shipper has run yet."""
    return [row for row, _ in remembered(Path(settings.state), inode)] if _has_run(settings) else []


def _first_start_ns(settings: Settings, entry: Input) -> int:
    """Return when an input with `ignore_older` first started, in ns since 1970; if it has not, now."""
    known = fact(Path(settings.state), time_fact(entry.paths)) if _has_run(settings) else ""
    return int(known) if known else time.time_ns()


def _input_of(path: str, inputs: list[Input]) -> Input | None:
    return next((each for each in inputs if _names(each, path) and not left_out(path, each)), None)


def _inputs(path: str, inputs: list[Input]) -> Iterator[str]:
    """Yield how each input treats a path."""
    taken = False
    for number, each in enumerate(inputs):
        verdict = left_out(path, each) if (named := _names(each, path)) else "does not name it"
        if named and not verdict:
            verdict = "names it, but an earlier input takes it" if taken else "names it"
            taken = True
        elif verdict == BY_NAME:
            verdict = "names it, but it is compressed, by its name"
        yield f"input {number} ({', '.join(each.paths)}): {verdict}"


def _names(each: Input, path: str) -> bool:
    return any(matches(pattern(text), path) for text in each.paths if text != "-")
