"""What leaves: Observations, Provenance, alerts."""
