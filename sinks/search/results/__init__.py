"""What was found: put in order, shown, or counted."""
