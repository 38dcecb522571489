"""What a durable sink remembers: the written bytes of each stream."""
