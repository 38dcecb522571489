"""The sink type `alert`: tells people when records of a kind appear, come too often, or stay away.

Rules say which records count, and when they are an incident; an incident is one message, to webhooks, mail servers or
commands. State and messages that are not sent yet survive a restart. docs/alerts.md has examples.
"""

from sinks.alert.settings import Settings
from sinks.alert.sink import Alert, bindings, check, open_sink

__all__ = ["Alert", "Settings", "bindings", "check", "open_sink"]
