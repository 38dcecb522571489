"""The sink type `file`: what other packages may import."""

from logbus.command_line.later import later
from sinks.file.settings import Settings, outputs

__all__ = ["Settings", "open_sink", "outputs"]

open_sink = later("sinks.file.sink", "open_sink")
"""Needed by no command that only reads an archive, and long to import."""
