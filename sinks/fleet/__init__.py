"""The fleet, seen from the centre: which shippers and sinks there are, and how each of them is."""
