"""Keeps what a file sink has written in order: what is rotated, what is settled, and what is deleted."""
