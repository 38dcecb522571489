"""The ground floor: only what both shores, `shipper` and `sinks`, must agree on."""

VERSION = "0.1.0"
