"""What a shipper remembers: the registry, and how far each stream is confirmed."""
