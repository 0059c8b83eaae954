"""What arrives: notifications, polling, reconciliation."""
