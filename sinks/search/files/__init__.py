"""The files that are searched: which there are, and how they are opened and read."""
