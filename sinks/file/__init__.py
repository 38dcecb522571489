"""The sink type `file`: what other packages may import."""

from sinks.file.sink import FileSink, Settings, open_sink, outputs

__all__ = ["FileSink", "Settings", "open_sink", "outputs"]
