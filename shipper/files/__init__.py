"""Which files there are, which of them may be opened, and which file is which."""
