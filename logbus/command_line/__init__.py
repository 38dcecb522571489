"""What all commands share: their log and its options."""
