"""The sink type `file`, as third parties import it."""

from sinks.file.sink import FileSink, Settings, open_sink, outputs

__all__ = ["FileSink", "Settings", "open_sink", "outputs"]
