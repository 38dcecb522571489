"""`logbus-sinks init`: a first sinks.yml, with an archive of everything and a file of errors."""

from pathlib import Path
from typing import Final

import click

from logbus import daemon
from logbus.command_line import logs
from logbus.command_line.commands import Command
from logbus.command_line.new_file import broker_url, deliver, options
from logbus.config.settings import parse_document
from logbus.errors import visible
from sinks.settings import STATE, plans_of

DEFAULT: Final = "/etc/logbus/sinks.yml"
EPILOG: Final = """
\b
Examples:
  logbus-sinks init --print
  logbus-sinks init --broker amqps://mq.example.com/
"""
TEXT: Final = """\
# The sinks of this host, as logbus-sinks init begins them; docs/configuration.md explains every key.
# Check it:   logbus-sinks doctor --config {path}
# Start one:  systemctl enable --now logbus-sink@archive

broker:
  # RabbitMQ. Keep the password out of this file with password_file or password_command: docs/tls.md
  url: {url}
  # password_file: /etc/logbus/password
  # The management plugin's address, by which doctor sees every queue and node.
  # management: http://127.0.0.1:15672

# Where each sink remembers what it has written.
state: ${{STATE_DIRECTORY:-{state}}}

# The queue of the sink NAME is logs.NAME. It has no limit: what is not written yet waits on RabbitMQ's disk, until
# RabbitMQ's disk_free_limit makes shippers wait. `queue: {{max_bytes: ...}}` sets a limit of a sink's own.
sinks:

  # Everything, byte for byte, in a file for each source file.
  archive:
    type: file
    path: /var/log/logbus/{{host}}/{{label}}/{{name}}
    rotate:
      # A new file each day, in UTC; the old one is compressed. keep_files or keep_bytes bound what is kept.
      every_s: 86400
      compress: gzip

  # Errors and worse, from everywhere, in one file.
  errors:
    type: severity
    min: err
    write:
      type: file
      path: /var/log/logbus/errors.log

  # To watch records as they arrive; needs no file at all: logbus-sinks console
  # console:
  #   type: console
"""


@click.command("init", cls=Command, epilog=EPILOG)
@options(DEFAULT)
@daemon.errors_to_exit_codes
def init(*, config: Path, broker: str | None, only_print: bool) -> int:
    """Write a first configuration: an archive of everything, and a file of errors. Never over an existing file."""
    logs.configure("init")
    text = TEXT.format(path=visible(config), url=broker_url(broker), state=STATE)
    plans_of(parse_document(text, str(config)))
    return deliver(text, config, "logbus-sinks", only_print=only_print)
