"""Makes a process ready before its first call: tables parsed, and kept out of the garbage collector's way."""

import gc

from emhwatch.tables.load import DOMAINS, TableSet

#: Objects of one call are few and die at once; looking for cycles after every 700 of them costs a tenth of the time.
_THRESHOLD = 20_000


def warm(tables: TableSet) -> None:
    """Parse all tables now and freeze them: a collection that walks them would hold up a call for 0.1 s and more."""
    for domain in DOMAINS:
        getattr(tables, domain)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_THRESHOLD, 20, 50)
