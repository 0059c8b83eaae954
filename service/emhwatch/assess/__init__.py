"""Chart and findings to one `Assessment`; pure."""
