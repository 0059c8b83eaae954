"""What the endpoint heard through each Subscription since it was last written down; in memory, a few seconds long."""

from dataclasses import dataclass, field

from emhwatch.intake.notification import Notification

_MOST_NUMBERS = 100_000
#: States of a Subscription in which the server does not tell us everything.
_BROKEN = frozenset({"error", "off"})


@dataclass(slots=True)
class Hearing:
    """What one Subscription told."""

    heartbeat: bool = False
    handshake: bool = False
    broken: bool = False  #: the server says that this Subscription is in error or off
    numbers: set[int] = field(default_factory=set)
    total: int | None = None


class Heard:
    """Collects what arrives; `take` hands it over."""

    def __init__(self) -> None:
        self._slots: dict[str, Hearing] = {}

    def note(self, slot: str, said: Notification) -> None:
        """A notification that was accepted."""
        hearing = self._slots.setdefault(slot, Hearing())
        hearing.heartbeat |= said.kind == "heartbeat"
        hearing.broken |= said.status in _BROKEN
        if said.kind == "handshake":
            hearing.handshake, hearing.total = True, said.total
            hearing.numbers.clear()
        elif said.total is not None:
            hearing.total = max(hearing.total or 0, said.total)
        if len(hearing.numbers) < _MOST_NUMBERS:
            hearing.numbers.update(said.numbers)

    def take(self) -> dict[str, Hearing]:
        """Everything since the last call."""
        taken, self._slots = self._slots, {}
        return taken
