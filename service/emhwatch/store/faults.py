"""What a driver raises, as `StoreUnavailable` with a reason in words and without a value or a URL."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from emhwatch.errors import StoreUnavailable

_WORDS = (  # part of the driver's message -> what to say
    ("disk is full", "The disk of the data store is full."),
    ("no space left", "The disk of the data store is full."),
    ("database is locked", "Another process holds the data store."),
    ("readonly", "The data store cannot be written."),
    ("read-only", "The data store cannot be written."),
    ("disk i/o error", "The disk of the data store fails."),
    ("malformed", "The file of the data store is damaged."),
    ("unable to open", "The file of the data store cannot be opened."),
    ("authentication failed", "The data store refuses our credentials."),
)
_TRY_AGAIN = frozenset({"40001", "40P01"})  #: serialization failure, deadlock: nothing was done


def is_rolled_back(error: DBAPIError) -> bool:
    """Whether the database itself undid the transaction, so that it may simply run again."""
    return getattr(error.orig, "sqlstate", None) in _TRY_AGAIN


@contextmanager
def translated() -> Iterator[None]:
    """Raise `StoreUnavailable` for faults of the store; faults of a statement (a constraint) pass as they are."""
    try:
        yield
    except PoolTimeout:
        raise StoreUnavailable("All connections to the data store are in use.") from None
    except DBAPIError as error:
        reason = reason_of(error)
        if reason is None:
            raise
        raise StoreUnavailable(reason) from None


def reason_of(error: DBAPIError) -> str | None:
    """The fault in words, None when it is a fault of the statement."""
    message = str(error.orig).casefold()
    for part, words in _WORDS:
        if part in message:
            return words
    sqlstate = getattr(error.orig, "sqlstate", None) or ""
    if error.connection_invalidated or sqlstate.startswith(("08", "57P")):
        return "The connection to the data store was lost."
    if sqlstate.startswith("53"):
        return "The data store is out of resources."
    if type(error.orig).__name__ in ("OperationalError", "ConnectionTimeout"):
        return "The data store does not answer."
    return None
