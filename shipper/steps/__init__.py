"""The parts of the agent's step, one per module."""
