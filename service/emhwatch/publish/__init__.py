"""What leaves: Observations, Provenance, alerts, audit; written once, corrected and withdrawn."""
