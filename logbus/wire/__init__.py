"""Version 1 of the wire format: what a batch is, and the headers and frames that carry it. Pure."""
