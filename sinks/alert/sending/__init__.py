"""Sending a message: its shape, each kind of destination, and a thread that tries again."""
