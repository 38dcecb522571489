"""Version 1 of the wire format: the batch, and the headers and frames that carry it. Pure."""
