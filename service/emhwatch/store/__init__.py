"""The data store: one schema, SQLite or PostgreSQL."""
