"""Which of several processes keeps the Subscriptions and searches; the others only listen and answer."""

import asyncio
import secrets
from dataclasses import dataclass, field

from emhwatch.errors import StoreUnavailable
from emhwatch.intake import ledger
from emhwatch.ports import Database

_FOR_S, _RENEW_S = 15.0, 5.0


@dataclass(slots=True)
class Duty:
    """The duty for one server, as one process may hold it."""

    database: Database
    server: str
    owner: str = field(default_factory=lambda: secrets.token_hex(8))
    _held: bool = False
    _asked: float = float("-inf")

    async def held(self) -> bool:
        """Whether it is ours; SQLite has one process only."""
        if self.database.dialect == "sqlite":
            return True
        now = asyncio.get_running_loop().time()
        if now - self._asked >= _RENEW_S:
            self._held = await self.database.write(lambda c: ledger.take_duty(c, self.server, self.owner, for_s=_FOR_S))
            self._asked = now
        return self._held

    async def release(self) -> None:
        """Let another have it at once."""
        if self._held:
            try:
                await self.database.write(lambda c: ledger.take_duty(c, self.server, self.owner, for_s=0.0))
            except StoreUnavailable:  # it lapses by itself
                return
