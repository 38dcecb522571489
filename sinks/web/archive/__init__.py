"""Searches for the page: the same as `logbus-sinks search`, within bounds, and ended when nobody waits any more."""
