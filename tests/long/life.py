"""One life of a spool, from power-on to the next cut: everything that a bridge asks of it, at once.

Senders that come again when nobody answered them, an agent, carriers, phones whose reports come late, twice or before
the answer, a purge. The ledger is told of every question before it is put and of every answer.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import apsw

from bridge.message import Channel, Delivery, Report, ReportState, State, StoreUnavailable
from bridge.spool import Intake, Step, writer
from bridge.spool.retention import BURIED
from bridge.spool.sqlite import open_spool
from bridge.spool.writer import CHECKPOINT_AT
from tests.long.disk import Disk
from tests.long.ledger import NEVER, Entry, Fact, Horizon, Ledger, crashed
from tests.make import NOW, delivery, intake

T = TypeVar("T")

LASTS = 3600.0
"""Seconds from one power-on to the next, for the spool; within a life no time passes."""

KEEP_TEXT, KEEP_HISTORY = 2.5 * LASTS, 5.5 * LASTS
SENDERS, CARRIED = 6, 12
_LIMIT = 500


class _Gone(Exception):
    """The power."""


class Life:
    """From one power-on to the next cut."""

    def __init__(self, disk: Disk, ledger: Ledger, chance: random.Random, number: int, waiting: list[Intake]) -> None:
        """`waiting` are mails and SMS that nobody said 250 or 2000 to."""
        self.acknowledged = 0  # mails and SMS
        self.other_commits = 0
        self.opened = False
        self.finished = False  # all was done, and closed in good order
        self._disk = disk
        self._ledger = ledger
        self._chance = random.Random(chance.random())
        self._now = NOW + number * LASTS
        self._waiting = waiting
        self._count = 0
        self._ends_after = self._chance.choice((5, 30, 10**6, 10**6, 10**6))  # mails, then it is stopped in good order
        self._carried = asyncio.Semaphore(CARRIED)
        self._tasks = set[asyncio.Task[None]]()

    async def live(self, path: Path, synchronous: str) -> None:
        """Until the power is gone."""
        try:
            self._spool = await open_spool(path)
        except StoreUnavailable:
            assert self._disk.survivors is not None
            return
        self.opened = True
        try:
            writer.CHECKPOINT_AT = self._chance.choice((10, 100, CHECKPOINT_AT))  # what is seldom is often here
            self._spool._db.execute(f"PRAGMA synchronous = {synchronous}")
            await self._work()
            self.finished = True
        except (_Gone, apsw.IOError):
            assert self._disk.survivors is not None
        finally:
            writer.CHECKPOINT_AT = CHECKPOINT_AT
            with contextlib.suppress(apsw.IOError):
                await self._spool.close()

    async def _work(self) -> None:
        await self._start()
        work = [self._send() for _ in range(SENDERS)]
        ended = await asyncio.gather(*work, self._settle(), self._note(), self._deliver(), return_exceptions=True)
        ended += await asyncio.gather(*self._tasks, return_exceptions=True)
        for error in ended:
            if error is not None and not isinstance(error, _Gone):
                raise error
        if any(ended):
            raise _Gone

    async def _start(self) -> None:
        """As the daemon does; then mails without an answer come again, and some that had theirs."""
        sending = [entry for entry in self._ledger.entries.values() if _state(entry) is State.SENDING]
        for entry in sending:
            entry.asked, entry.changed = crashed(entry), self._now
        empty = not any(entry.known for entry in self._ledger.entries.values())
        held = await self._ask(self._spool.begin(self._now))
        self._expect(held is None or (empty and held == 0), f"it takes itself for an older copy and held {held}")
        await self._ask(self._spool.recover(self._now))
        for entry in sending:
            entry.known, entry.asked = entry.asked, None
        again = self._ledger.acknowledged()
        for first in [*self._waiting, *self._chance.sample(again, min(3, len(again)))]:
            await self._again(first)

    async def _again(self, first: Intake) -> None:
        entries = [self._ledger.entries.get(one.id) for one in first.deliveries]
        kept = [entry for entry in entries if entry is not None and entry.known is not None]
        if len(kept) < len(first.deliveries) and kept:
            return  # of some the history is purged
        if any(_state(entry) in {State.FAILED, State.DROPPED} for entry in kept) and first.notification_id is None:
            return  # then it may go once more
        second = self._renamed(first)
        if not kept:
            self._ledger.forget(first)
            await self._accept(second)
            return
        answer = await self._ask(self._spool.accept(second))
        self._expect(answer.repeated and answer.id == first.id, f"{first.id} came again and was not recognised")
        self._expect(not answer.differs, f"{first.id} came again and was another")

    async def _accept(self, new: Intake) -> None:
        self._ledger.open(new, self._now)
        answer = await self._ask(self._spool.accept(new))
        self._expect(answer.id == new.id and not answer.repeated, f"{new.id} was taken for {answer.id}")
        for one in new.deliveries:
            entry = self._ledger.entries[one.id]
            if entry.known is None:
                entry.known, entry.asked = Fact(State.QUEUED, ("queued",)), None
        self.acknowledged += 1
        self.other_commits -= 1

    async def _send(self) -> None:
        while self._count < self._ends_after:
            new = self._compose()
            await self._accept(new)
            if self._chance.random() < 0.2 and self._states(new) == {
                State.QUEUED
            }:  # else it may fail before it is asked
                answer = await self._ask(self._spool.accept(self._renamed(new)))
                if not self._states(new) & {State.FAILED, State.SENDING}:
                    self._expect(answer.repeated and answer.id == new.id, f"{new.id} came at once and was taken twice")
            async with self._carried:  # no faster than it is carried away
                pass

    def _states(self, new: Intake) -> set[State | None]:
        return {_state(self._ledger.entries[one.id]) for one in new.deliveries}

    def _compose(self) -> Intake:
        name, dice = self._name(), self._chance
        if dice.random() < 0.3:
            mail = delivery(mail=name, channel=Channel.MAIL, recipient="anna@example.org", payload=self._payload())
            digest = dice.randbytes(32)
            return intake(self._dated(mail), kind="sms", at=self._now, notification_id=f"n-{name}", digest=digest)
        phones = [
            delivery(number + 1, mail=name, payload=self._payload()) for number in range(dice.choice((1, 1, 1, 3)))
        ]
        keys = tuple(dice.randbytes(32) for _ in phones)
        return intake(*map(self._dated, phones), at=self._now, seen=keys, original=self._payload())

    def _dated(self, one: Delivery) -> Delivery:
        return replace(one, created_at=self._now, changed_at=self._now, next_at=self._now, expires_at=self._now + 1e6)

    def _payload(self) -> bytes:
        return self._chance.randbytes(self._chance.choice((1, *[150] * 12, *[600] * 4, 5000)))

    def _name(self) -> str:
        self._count += 1
        return f"m{self._now - NOW:.0f}-{self._count}"

    def _renamed(self, first: Intake) -> Intake:
        """The same mail, as a door would take it in once more."""
        name = self._name()
        again = [replace(one, id=f"{name}-{place}", mail=name) for place, one in enumerate(first.deliveries, 1)]
        return replace(first, id=name, deliveries=tuple(map(self._dated, again)), at=self._now)

    async def _deliver(self) -> None:
        """As an agent does: what is due is put into SENDING, then called."""
        while True:
            begun = 0
            for channel in Channel:
                found = await self._begin(channel, CARRIED)
                begun += len(found)
                for entry in found:
                    await self._carried.acquire()
                    task = asyncio.create_task(self._carry(entry))
                    self._tasks.add(task)
                    task.add_done_callback(lambda _: self._carried.release())
            if begun == 0 and self._count >= self._ends_after:
                return
            await asyncio.sleep(0)

    async def _begin(self, channel: Channel, limit: int, *after: Step) -> list[Entry]:
        self._ledger.starting += 1
        found = await self._ask(self._spool.start(channel, limit, self._now, self._now + 300.0, (), after))
        self._ledger.starting -= 1
        strange = [one.id for one in found if one.id not in self._ledger.entries]
        self._expect(not strange, f"{strange} were begun and never handed in")  # a disk that lies can do that
        entries = [self._ledger.entries[one.id] for one in found if one.id not in strange]
        for entry in entries:  # the answer to its sender may still be on its way
            queued = entry.known or Fact(State.QUEUED, ("queued",))
            self._expect(queued.state is State.QUEUED, f"{entry.delivery.id} was begun as {queued}")
            entry.known, entry.asked, entry.changed = queued.then(State.SENDING, "sending"), None, self._now
        return entries

    async def _carry(self, entry: Entry) -> None:
        """One attempt after the other: where an answer and the next attempt go together, one carrier makes both."""
        following: list[Entry] = [entry]
        while following:
            following = await self._attempt(following[0])

    async def _attempt(self, entry: Entry) -> list[Entry]:
        """The answer to a call, and what the phone says; what was begun with it."""
        name, dice = entry.delivery.id, self._chance
        is_sms = entry.delivery.channel is Channel.SMS
        following: list[Entry] = []
        fate = dice.random()
        if fate < 0.05:
            pass  # the answer does not come before the power goes
        elif fate < 0.15:
            step = Step(id=name, to=State.QUEUED, event="deferred", code="5003", text="later", next_at=self._now + 60)
            await self._move(entry, step, "deferred")
        elif fate < 0.25:
            await self._move(
                entry, Step(id=name, to=State.FAILED, event="bounced", code="4002", told="failed"), "bounced"
            )
        elif fate < 0.35 and is_sms:
            await self._move(entry, Step(id=name, to=State.UNKNOWN, event="unknown"), "unknown")
        elif fate < 0.5 and is_sms:
            await self._overtaken(entry)
        else:
            sent = Step(id=name, to=State.SENT, event="sent", code="2000", transfer_id=f"t-{name}")
            if dice.random() < 0.5:
                asked = self._begin(entry.delivery.channel, 1, sent)
                following = await self._change(entry, State.SENT, ("sent",), asked)
            else:
                await self._move(entry, sent, "sent")
            if is_sms and dice.random() < 0.7:
                await self._report(entry, ReportState.DELIVERED, State.DELIVERED, "delivered")
        return following

    async def _overtaken(self, entry: Entry) -> None:
        """The report is there before the answer that says what it is about."""
        name = entry.delivery.id
        transfer = f"t-{name}-{len(entry.known.history) if entry.known else 0}"
        self._ledger.orphans[transfer] = NEVER
        report = Report(notification_id=f"r-{transfer}", state=ReportState.DELIVERED, transfer_id=transfer)
        known = await self._ask(self._spool.report(report, self._now))
        self._expect(not known, f"{transfer} was known before the answer")
        if self._chance.random() < 0.3:
            self._ledger.orphans[transfer] = self._now
            return  # that answer does not come before the power goes
        step = Step(id=name, to=State.SENT, event="sent", code="2000", transfer_id=transfer)
        await self._move(entry, step, "sent", "report", "delivered", state=State.DELIVERED)
        del self._ledger.orphans[transfer]

    async def _settle(self) -> None:
        """Reports come of what was unknown since the last cut."""
        for entry in [one for one in self._ledger.entries.values() if _state(one) is State.UNKNOWN]:
            if self._chance.random() < 0.5:
                await self._report(entry, ReportState.ACCEPTED, State.SENT, "sent")

    async def _note(self) -> None:
        """What is kept beside the deliveries, and what is thrown away."""
        name = self._name()
        self._ledger.alerts[name] = NEVER
        await self._ask(self._spool.alert(name, self._now))
        self._ledger.alerts[name] = self._now
        alert = BURIED.format(reason=name)
        self._ledger.buried[name] = self._ledger.alerts[alert] = NEVER
        await self._ask(self._spool.bury(name, b"{", name, self._now))
        await self._ask(self._spool.bury(name, b"{", name, self._now))
        self._ledger.buried[name] = self._ledger.alerts[alert] = self._now
        if self._chance.random() < 0.5:
            horizon = Horizon(self._now - KEEP_TEXT, self._now - KEEP_HISTORY)
            self._ledger.purging = horizon
            while await self._ask(self._spool.purge(self._now, KEEP_TEXT, KEEP_HISTORY, _LIMIT)) >= _LIMIT:
                pass
            self._ledger.purged = horizon

    async def _move(self, entry: Entry, step: Step, *words: str, state: State | None = None) -> None:
        moved = await self._change(entry, state or step.to, words, self._spool.move([step], self._now))
        self._expect(moved == [True], f"{step.id} could not become {step.to}")

    async def _report(self, entry: Entry, said: ReportState, state: State, word: str) -> None:
        name = entry.delivery.id
        report = Report(notification_id=f"r-{name}-{said}", state=said, client_message_id=name)
        known = await self._change(entry, state, ("report", word), self._spool.report(report, self._now))
        self._expect(known, f"a report of {name} found nothing")

    async def _change(self, entry: Entry, state: State, words: tuple[str, ...], asked: Awaitable[T]) -> T:
        assert entry.known is not None
        entry.asked, entry.changed = entry.known.then(state, *words), self._now
        answer = await self._ask(asked)
        entry.known, entry.asked = entry.asked, None
        return answer

    async def _ask(self, asked: Awaitable[T]) -> T:
        try:
            answer = await asked
        except StoreUnavailable as error:
            if self._disk.survivors is None:
                raise  # not for want of power
            raise _Gone from error
        self.other_commits += 1
        return answer

    def _expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self._ledger.wrong.append(otherwise)


def _state(entry: Entry) -> State | None:
    return None if entry.known is None else entry.known.state
