"""`logbus-shipper init`: a first shipper.yml, for the logs that are on this host."""

import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import click

from logbus import daemon
from logbus.command_line import logs
from logbus.command_line.commands import CONTEXT, Command
from logbus.command_line.new_file import broker_url, deliver, options, quoted
from logbus.config.settings import parse_document
from logbus.errors import counted, visible
from shipper.commands.detection import Reader, Section, daemons_reader, journal_only, sections
from shipper.files.globs import check_inputs
from shipper.settings import Settings

DEFAULT: Final = "/etc/logbus/shipper.yml"
SHOWN: Final = 5
EPILOG: Final = """
\b
Examples:
  logbus-shipper init --print
  sudo logbus-shipper init --broker amqps://mq.example.com/

\b
As root, it sees every directory. What the daemon's user cannot read is in the file with a remedy above it.
"""
HEAD: Final = """\
# What the shipper of {host} ships: the logs that logbus-shipper init found. docs/configuration.md explains every key.
# What would be shipped:  logbus-shipper --config {path} --check
# Is everything ready:    logbus-shipper doctor --config {path}
# Whether files can be read was looked up for the user {user}.

broker:
  # RabbitMQ. Keep the password out of this file with password_file or password_command: docs/tls.md
  url: {url}
  # password_file: /etc/logbus/password

# Where the shipper remembers how far each file is shipped.
state: ${{STATE_DIRECTORY:-/var/lib/logbus/shipper}}

"""
JOURNAL: Final = """\
# The system's log is in the journal only, which the shipper does not read. Have rsyslog write it to /var/log/syslog or
# /var/log/messages (apt install rsyslog, dnf install rsyslog), and add that file here. For a try:
#   journalctl --follow --output=short-iso | logbus-shipper -
"""
NOTHING: Final = """\
  # No log that we know of was found here: name yours.
  - paths:
      - "/var/log/*.log"
"""


@click.command(cls=Command, epilog=EPILOG, context_settings=CONTEXT)
@options(DEFAULT)
@daemon.errors_to_exit_codes
def init(*, config: Path, broker: str | None, only_print: bool) -> int:
    """Look for logs on this host, and write a commented configuration for them. Never over an existing file."""
    logs.configure("init")
    text = text_for("/", daemons_reader(), config, broker)
    return deliver(text, config, "logbus-shipper", only_print=only_print)


def text_for(root: str, reader: Reader, config: Path, broker: str | None) -> str:
    """Return the configuration for the file system at `root`. Raises UsageError for a URL that is none."""
    words = {"host": socket.gethostname(), "path": config, "user": reader.name}
    head = HEAD.format(url=broker_url(broker), **{key: visible(word) for key, word in words.items()})
    parts = [part for each in sections(root, reader) if (part := "\n".join(_input(each, reader)))]
    inputs = "\n\n".join(parts) + "\n" if any("- paths:" in part for part in parts) else "\n\n".join([*parts, NOTHING])
    text = f"{head}{JOURNAL * journal_only(root)}inputs:\n{inputs}"
    document = parse_document(text, str(config))
    check_inputs(document, document.convert(Settings))
    return text


def _input(section: Section, reader: Reader) -> Iterator[str]:
    """Yield the lines of an input; only a comment for one whose name cannot stand in a glob."""
    for path in section.left_out:
        yield f"  # Left out, because of its name; name it with ? for each odd character: {visible(path)}"
    if not section.globs:
        return
    seen = f"{counted(section.files, 'file')} here" if section.files else "its directory cannot be listed from here"
    yield f"  # {section.service.why} ({seen})"
    yield from _remedies(section, reader)
    yield "  - paths:"
    yield from (f"      - {quoted(each)}" for each in section.globs)
    service = section.service
    keys = {"label": section.label, "format": service.format, "path_fields": service.path_fields}
    yield from (f"    {key}: {quoted(value)}" for key, value in keys.items() if value)
    if service.multiline:
        yield from ("    multiline:", f"      preset: {service.multiline}")


def _remedies(section: Section, reader: Reader) -> Iterable[str]:
    """Yield what keeps the daemon's user from reading files: one line for each remedy."""
    ways = sorted(section.unreadable.items())
    shared = {remedy: path for path, remedy in reversed(ways)}
    for remedy, path in sorted(shared.items(), key=lambda each: each[1])[:SHOWN]:
        yield f"  # {reader.name} cannot read {visible(path)}: {visible(remedy)}"
    if len(shared) > SHOWN:
        yield f"  # and {len(shared) - SHOWN} more that {reader.name} cannot read"
