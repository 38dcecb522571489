"""Fixtures: a shipper and a sink's runner that are stepped by hand."""

from support.shores import shore as shore  # noqa: PLC0414 - a fixture, for whoever is below
from support.stages import stage as stage  # noqa: PLC0414 - as above
