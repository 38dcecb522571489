"""Record boundaries, severities, and which parts of records leave the host. Pure."""
