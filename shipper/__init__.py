"""The shipper: bytes on disk become confirmed batches."""
