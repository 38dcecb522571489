"""What a durable sink remembers: which bytes of which stream are written."""
