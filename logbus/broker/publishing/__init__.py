"""From batches to confirms."""
