"""The shipper's memory: the registry, and the progress of each stream."""
