"""Fixtures: a sink's runner that is stepped by hand."""

from support.stages import stage as stage  # noqa: PLC0414 - a fixture, for whoever is below
