"""Finding files, deciding which may be opened, and identifying them."""
