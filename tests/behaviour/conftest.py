"""Fixtures: a shipper that is stepped by hand."""

from support.shores import shore as shore  # noqa: PLC0414 - a fixture, for whoever is below
