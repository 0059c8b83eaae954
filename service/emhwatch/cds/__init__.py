"""The CDS Hooks service."""
