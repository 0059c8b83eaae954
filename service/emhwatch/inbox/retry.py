"""When a failed event is tried again. Pure: the same failure of the same event gives the same delay."""

import hashlib

from emhwatch.errors import EmhError, RetryClass

MAX_ATTEMPTS = 12
_FOREIGN_ATTEMPTS = 3
_FIRST_MS, _LONGEST_MS = 1_000, 15 * 60 * 1_000
_AGAIN = frozenset({RetryClass.TRANSIENT, RetryClass.UNKNOWN_OUTCOME})


def delay_ms(error: BaseException, *, event_id: int, attempt: int) -> int | None:
    """Milliseconds until the next attempt; None: a dead letter for a person to look at.

    Args:
        error: what ended the attempt. Anything but an `EmhError` is a fault of ours and worth no more than a few tries.
        event_id: of the inbox; spreads the attempts of many events that failed together.
        attempt: 1 for the first.
    """
    if isinstance(error, EmhError):
        if error.retry not in _AGAIN or attempt >= MAX_ATTEMPTS:
            return None
    elif attempt >= _FOREIGN_ATTEMPTS:
        return None
    longest = min(_LONGEST_MS, _FIRST_MS << min(attempt - 1, 20))
    digest = hashlib.blake2b(f"{event_id}:{attempt}".encode(), digest_size=4).digest()
    jittered = longest // 2 + int.from_bytes(digest) * (longest // 2) // (1 << 32)
    wished = getattr(error, "retry_after_s", None)
    return max(jittered, int(wished * 1000)) if wished else jittered
