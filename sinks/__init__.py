"""The sinks: they write what shippers publish."""
