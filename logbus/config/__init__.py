"""What operators write: strict YAML, broker addresses, secrets, and patterns."""
