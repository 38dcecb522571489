"""Shore two: deliveries go somewhere."""
