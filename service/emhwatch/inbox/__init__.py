"""The durable inbox and its workers."""
