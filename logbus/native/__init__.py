"""What C libraries do for us, where the system or PyPI has them; everything works without."""
