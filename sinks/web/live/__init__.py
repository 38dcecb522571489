"""What is shown to whom: filters, and a bounded ring for each browser. Pure, but for the lock of the hub."""
