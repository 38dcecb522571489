"""Declares what a daemon uses of the topology, whatever of it exists already, is refused, or was made just now."""
