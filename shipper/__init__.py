"""Shore one: bytes on disk become confirmed batches."""
