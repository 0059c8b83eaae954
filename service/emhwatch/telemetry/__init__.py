"""Logs, metrics and traces without PHI."""
