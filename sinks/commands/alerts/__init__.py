"""`logbus-sinks alert`: what the alert sinks of a configuration would send."""
