"""What operators ask of sinks: audit, dead letters, topology."""
