"""From deliveries to a sink: order, group commit, and what nobody can decode."""
