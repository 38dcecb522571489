"""`logbus-shipper rewind PATH`: ship a file again.

Sinks trim the bytes that they already have of a stream. So the file is sent again as a new stream: the remembered one
ends, and another one of the same file begins at the requested offset.
"""

# Paths are hostile strings, passed to the operating system unchanged.
# ruff: noqa: PTH100

import os
from contextlib import closing
from pathlib import Path

import click
from msgspec.structs import replace

from logbus import daemon
from logbus.command_line import logs
from logbus.command_line.commands import CONTEXT, Command
from logbus.command_line.completion import files_and
from logbus.config.settings import load
from logbus.errors import SourceError, StateError, UsageError, visible
from shipper.commands.remembered import open_life, remembered, state_of, state_option, stream_of
from shipper.files.discovery import Discovery
from shipper.files.identity import bytes_before, digest, random_id
from shipper.files.opening import OpenFile
from shipper.lives.comparing import Verdict
from shipper.records.encoding import BYTES, Encoding, encoding_of
from shipper.settings import Settings
from shipper.state.registry import Registry, Row

LOOK_BACK_BYTES = 64 * 1024
EPILOG = """
\b
Examples:
  logbus-shipper rewind /var/log/app.log --config config/shipper.yml
  logbus-shipper rewind app.log --to 1048576 --state ~/.shipper

\b
Stop the shipper first; at its next start it resumes from there. Sinks get the records a second time, as a new stream:
that is the purpose, and file sinks append them again.
"""


@click.command(cls=Command, epilog=EPILOG, context_settings=CONTEXT)
@click.argument("path", metavar="PATH", shell_complete=files_and())
@click.option("--to", metavar="OFFSET|start", default="start", help="The offset to ship from, in bytes.  [start]")
@state_option
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Or the shipper.yml that names it, and may set the file's encoding.",
)
@daemon.errors_to_exit_codes
def rewind(path: str, to: str, state: Path | None, config: Path | None) -> int:
    """Ship the file PATH again, from its start, or from the start of the line that contains an offset."""
    logs.configure("rewind")
    offset = _offset(to)
    directory = state_of(state, config)
    remembered(directory)  # refuses a directory without a registry instead of creating one
    with closing(_locked(directory)) as registry, closing(open_life(os.path.abspath(path))) as file:
        row = _known(file, directory)
        if offset > row.offset:
            raise UsageError(f"rewind to {offset}", f"the file is shipped up to byte {row.offset} only")
        start = line_start(file.fd, offset, _encoding(row.path, config))
        fresh = again(file, row, start)
        if not registry.add([row.ended(), fresh]):
            raise StateError(f"save the registry in {directory}", "it cannot be written now", "make room")
    click.echo(_done(path, offset, row, fresh))
    return 0


def again(file: OpenFile, row: Row, start: int) -> Row:
    """Return a new stream of the same file that begins at `start` bytes."""
    fingerprint = digest(bytes_before(file.fd, start))
    return replace(
        row,
        stream=random_id(),
        offset=start,
        fingerprint=fingerprint,
        published=start,
        published_fingerprint=fingerprint,
        done=False,
    )


def line_start(fd: int, offset: int, encoding: Encoding) -> int:
    """Return the start of the line that contains the byte at `offset`."""
    end = offset - offset % encoding.unit
    while end > 0:
        start = max(0, end - LOOK_BACK_BYTES)
        data = os.pread(fd, end - start, start)
        if found := encoding.behind_last(data, 0, len(data), start):
            return start + found
        end = start
    return 0


def _encoding(path: str, config: Path | None) -> Encoding:
    entry = Discovery(load(config, Settings).inputs).input_of(path) if config else None
    return encoding_of(entry.encoding, entry.newline) if entry else BYTES


def _offset(text: str) -> int:
    if text == "start":
        return 0
    if not (text.isascii() and text.isdecimal()):
        raise UsageError(f"rewind to {text}", "it is not an offset", "give a number of bytes, or start")
    return int(text)


def _locked(directory: Path) -> Registry:
    """Open the registry for writing. Raises StateError, for example while a shipper runs."""
    try:
        return Registry(directory)
    except StateError as error:
        if "another shipper" not in str(error.cause):
            raise
        raise StateError(f"rewind in {directory}", "a shipper is running on it", "stop it first") from None


def _known(file: OpenFile, directory: Path) -> Row:
    """Return the remembered stream of a file. Raises SourceError."""
    found = stream_of(file, [row for row, _ in remembered(directory)])
    if found is None:
        raise SourceError(f"rewind {file.path}", "nothing of it was shipped from here", "see: logbus-shipper status")
    row, verdict = found
    if verdict is not Verdict.SAME:
        cause = "its content has changed since it was shipped, so it will be shipped from its start anyway"
        raise SourceError(f"rewind {file.path}", cause)
    return row


def _done(path: str, offset: int, row: Row, fresh: Row) -> str:
    why = f" (where the line of byte {offset} begins)" if fresh.offset < offset else ""
    return (
        f"{visible(path)}: to be shipped again from byte {fresh.offset}{why}, up to byte {row.offset} a second time, "
        f"as stream {fresh.stream} in place of {row.stream}"
    )
