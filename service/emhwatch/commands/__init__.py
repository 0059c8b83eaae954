"""One module a command; each has `add(subparsers)` and is imported only when it is called."""
