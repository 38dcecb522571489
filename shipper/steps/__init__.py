"""What the agent does in each turn, one part a module."""
