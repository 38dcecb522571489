"""From deliveries to acknowledgements, or to the dead letters."""
