"""Commands for what file sinks have written."""
