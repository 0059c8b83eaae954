"""Report text to findings; pure."""
