"""Resources around the report to one `Chart`."""
