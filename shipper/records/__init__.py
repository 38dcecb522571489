"""Where records end, how severe they are, and what of them leaves the host. Pure."""
