"""The sink type `alert`: tells people when records of a kind appear, come too often, or stay away.

Rules say which records count, and when they are an incident; an incident is one message, to webhooks, mail servers or
commands. State and messages that are not sent yet survive a restart. docs/alerts.md has examples.
"""

from logbus.command_line.later import later
from sinks.alert.settings import Settings, bindings, check

__all__ = ["Settings", "bindings", "check", "open_sink"]

open_sink = later("sinks.alert.sink", "open_sink")
"""Whoever only reads a configuration need not wait for the libraries of mail and HTTP."""
