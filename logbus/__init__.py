"""The shared core: only what `shipper` and `sinks` must agree on."""

VERSION = "0.1.0"
