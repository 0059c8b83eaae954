"""Looks after the Subscriptions while the service runs, and says whether the server can be trusted to notify us.

A Subscription counts only while it is active and nothing speaks against it: a server may activate one whose topic is
not live yet, and never says when a delivery is lost. Whatever is in doubt, the search runs at the pace of polling.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from emhwatch.errors import EmhError
from emhwatch.intake import ledger
from emhwatch.intake.duty import Duty
from emhwatch.intake.gaps import Gaps
from emhwatch.intake.heard import Heard
from emhwatch.intake.ledger import Line
from emhwatch.intake.report import Report, report
from emhwatch.intake.resources import TOPIC
from emhwatch.intake.subscriptions import REFUSED, Standing, Subscriptions
from emhwatch.pause import backoff_s, pause
from emhwatch.ports import Database
from emhwatch.telemetry.log import log

POLL, PUSH, AUTO = "poll", "push", "auto"
_LISTEN_S = 2.0  #: between two looks at what was heard
_MOST_S = 60.0  #: between two tries while something is wrong
_GAP_S = 5.0  #: numbers may arrive so much out of order


@dataclass(slots=True, kw_only=True)
class Keeper:
    """The Subscriptions of one server, as one process sees them."""

    server: str
    mode: str  #: as set: auto, rest-hook, topic, poll or push
    subscriptions: Subscriptions
    heard: Heard
    gaps: Gaps
    duty: Duty
    database: Database
    every_s: float
    look: Callable[[], None]  #: asks for a search soon
    on_fault: Callable[[BaseException], None]
    way: str = ""  #: how changes reach us: rest-hook, topic, poll or push; empty: not known yet
    standing: list[Standing] = field(default_factory=list)
    lines: dict[str, Line] = field(default_factory=dict)
    _mute: dict[str, float] = field(default_factory=dict)  #: slots that kept something from us, and since when
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def notified(self) -> bool:
        """Whether the server notifies us of everything, as far as can be known."""
        if self.way in (POLL, PUSH, ""):
            return self.way == PUSH
        return bool(self.standing) and not any(r.problem for r in self.report())

    def report(self) -> list[Report]:
        """Each Subscription with what is wrong with it."""
        now = asyncio.get_running_loop().time()
        mute = {slot: now - since for slot, since in self._mute.items()}
        return report(self.standing, self.lines, mute, heartbeat_s=self.subscriptions.heartbeat_s)

    def names(self, slot: str, ident: str) -> bool:
        """Whether a Subscription of this id may notify under this name; while we do not know its id, any may."""
        known = {one.slot: one.id for one in self.standing}.get(slot, ident)
        if known != ident:
            self._wake.set()  # another process may have made it anew
        return known == ident

    async def run(self, stop: asyncio.Event) -> None:
        """Keep the Subscriptions until `stop` is set; while something is wrong, try again with back-off."""
        if self.mode in (POLL, PUSH):
            self._goes(self.mode)
            return
        tries = 0
        while not stop.is_set():
            self._wake.clear()
            try:
                await self._ensure()
                settled = self.way == POLL or self.notified()
            except EmhError as error:
                self.on_fault(error)
                self._goes(POLL)
                settled = False
            tries = 0 if settled else tries + 1
            wait_s = backoff_s(tries, most_s=min(self.every_s, _MOST_S)) if tries else self.every_s
            await pause(wait_s, self._wake, stop)

    async def listen(self, stop: asyncio.Event) -> None:
        """Write down what was heard and act on it, until `stop` is set."""
        sound = False
        while not stop.is_set():
            try:
                await self._hear()
            except EmhError as error:
                self.on_fault(error)
            if sound != self.notified():
                sound = not sound
                log("notifications are complete" if sound else "notifications are in doubt", mode=self.way)
                self._wake.set()
                self.look()
            await pause(_LISTEN_S, stop)
        await self.duty.release()

    async def missed(self, numbers: Mapping[str, int]) -> None:
        """The search found what no notification told, by type."""
        now = asyncio.get_running_loop().time()
        for one in self.standing:
            if number := numbers.get(one.resource_type):
                self._mute.setdefault(one.slot, now)
                log("changes found that no notification told", resource_type=one.resource_type)
                add = partial(ledger.add_missed, server=self.server, slot=one.slot, number=number)
                await self.database.write(add)

    async def _ensure(self) -> None:
        before = self.standing
        if self.mode == AUTO and not await self.subscriptions.supported():
            self.standing = []
            self._goes(POLL)
            return
        if not await self.duty.held():
            self.standing = await self.subscriptions.standing()
        else:
            try:
                self.standing = await self.subscriptions.ensure()
            except REFUSED:
                if self.mode != AUTO or self.subscriptions.kind == TOPIC or not await self.subscriptions.has_topics():
                    raise
                self.subscriptions.kind = TOPIC
                self.standing = await self.subscriptions.ensure()
            made = [one.slot for one in self.standing if one.made]
            if made:
                await self.database.write(lambda c: ledger.forget(c, self.server, made))
        self._goes(self.subscriptions.kind)
        if self.standing != before:
            self.look()  # what happened before they stood was told to nobody

    async def _hear(self) -> None:
        heard = self.heard.take()
        if heard:
            await self.database.write(lambda c: ledger.write_heard(c, self.server, heard))
        if heard or self.standing:
            self.lines = await self.database.read(lambda c: ledger.lines(c, self.server))
        now = asyncio.get_running_loop().time()
        for slot, since in list(self._mute.items()):
            line = self.lines.get(slot)
            if line is not None and line.heard_s is not None and line.heard_s < now - since:
                del self._mute[slot]
        if any(hearing.handshake or hearing.broken for hearing in heard.values()):
            self._wake.set()
            self.look()
        behind = [line for line in self.lines.values() if (line.behind_s or 0.0) > _GAP_S and line.count.missing]
        if behind and await self.duty.held():
            known = {one.slot: one.id for one in self.standing}
            for line in behind:
                await self.gaps.fill(line.slot, known.get(line.slot), line.count)

    def _goes(self, way: str) -> None:
        if way != self.way:
            self.way = way
            log("changes arrive another way", mode=way)
