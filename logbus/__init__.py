"""The ground floor: only what both shores, `shipper` and `sinks`, must agree on."""

from importlib.metadata import version

VERSION = version("logbus")
