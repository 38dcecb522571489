"""Which files are followed, by which paths, and how far each is read."""
