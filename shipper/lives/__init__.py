"""Which files are followed, under which names, from which byte to which."""
