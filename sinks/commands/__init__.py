"""Commands for operators of sinks: audit, dead letters, topology."""
