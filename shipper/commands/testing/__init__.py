"""What `logbus-shipper test` finds out: how records are handled, and how that differs from what is expected."""
