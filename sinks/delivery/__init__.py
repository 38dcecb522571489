"""From deliveries to a sink: order, group commit, and quarantine for what cannot be decoded."""
