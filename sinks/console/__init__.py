"""The sink type `console`: shows records on standard output, as text lines or as JSON objects, one each.

    11:04:05.123 err     web-1 app  the text
    11:04:05.125 info    web-1 shop order stored order=7 customer="Jo D"

Whatever a record contains, no control character reaches the terminal, and one record cannot look like two: its further
lines are indented. A console keeps no state, and shows only new records. When nobody can read its output any more
(`| head -1`, a closed terminal) it ends, even if nothing arrives; what was not shown is not acknowledged.
"""

from sinks.console.settings import Settings
from sinks.console.sink import Console, durable, open_sink

__all__ = ["Console", "Settings", "durable", "open_sink"]
