"""`python -m emhwatch`."""

from emhwatch.cli import main

raise SystemExit(main())
