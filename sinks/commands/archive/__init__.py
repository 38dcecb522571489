"""The commands about what file sinks wrote."""
