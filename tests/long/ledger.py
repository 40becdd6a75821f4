"""What a script asked of a spool and what it was answered, held against what is on the disk after the power went.

Of every delivery it knows the state and the history that were acknowledged, and those that the one question still
open would bring. Nothing else may be found: not less, not more, not half of an intake.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bridge.message import Channel, Delivery, State
from bridge.spool import FINAL, MOVES, Intake
from bridge.spool.sqlite import SqliteSpool

NEVER = float("-inf")


class Fact(NamedTuple):
    """Where a delivery stands and how it came there: the words of its history."""

    state: State
    history: tuple[str, ...]

    def then(self, state: State, *words: str) -> "Fact":
        """The fact after one more transaction."""
        return Fact(state, self.history + words)


@dataclass(slots=True, kw_only=True)
class Entry:
    """One delivery."""

    delivery: Delivery
    intake: Intake
    known: Fact | None = None  # acknowledged; None: not even its intake
    asked: Fact | None = None  # what the question under way will make of it
    changed: float = 0.0


class Horizon(NamedTuple):
    """What a purge takes: texts and histories of what was done before."""

    text: float = NEVER
    history: float = NEVER


@dataclass(slots=True)
class Ledger:
    """Everything a script knows of one spool, through all its lives."""

    entries: dict[str, Entry] = field(default_factory=dict)
    # When it was acknowledged, `NEVER` while it is asked for.
    orphans: dict[str, float] = field(default_factory=dict)  # transfer ids of reports whose message is not known
    alerts: dict[str, float] = field(default_factory=dict)
    buried: dict[str, float] = field(default_factory=dict)
    purged: Horizon = field(default_factory=Horizon)
    purging: Horizon = field(default_factory=Horizon)  # asked for; the same once it was done
    starting: int = 0  # questions under way for what is due: whatever waits may have become SENDING
    lost: int = 0  # acknowledged, and not there
    damaged: int = 0  # there, and not as it was given
    wrong: list[str] = field(default_factory=list)

    def open(self, intake: Intake, at: float) -> None:
        """An intake is given to the spool."""
        for delivery in intake.deliveries:
            asked = Fact(State.QUEUED, ("queued",))
            self.entries[delivery.id] = Entry(delivery=delivery, intake=intake, asked=asked, changed=at)

    def forget(self, intake: Intake) -> None:
        """Its sender comes again with a new one."""
        for delivery in intake.deliveries:
            self.entries.pop(delivery.id, None)

    def under_way(self) -> list[Intake]:
        """Intakes nobody said 250 to, in the order in which they came."""
        return list({entry.intake.id: entry.intake for entry in self.entries.values() if entry.known is None}.values())

    def acknowledged(self) -> list[Intake]:
        """All others of which something is left."""
        return list({entry.intake.id: entry.intake for entry in self.entries.values() if entry.known}.values())

    async def compare(self, spool: SqliteSpool, now: float) -> None:
        """Read the whole spool; then what was open is settled as it was found, and counts as acknowledged at `now`."""
        answer = (await _look(spool, "PRAGMA integrity_check"))[0]  # one row for each thing that is wrong
        if answer != ("ok",):
            self.damaged += 1
            self.wrong.append(f"integrity_check says {answer}")
        rows = await _look(spool, "SELECT id, state, payload, mail FROM deliveries")
        words: dict[str, list[str]] = {}
        for delivery, event in await _look(spool, "SELECT delivery, event FROM events ORDER BY rowid"):
            words.setdefault(delivery, []).append(event)
        found = {row[0]: (Fact(State(row[1]), tuple(words.pop(row[0], ()))), bytes(row[2])) for row in rows}
        self._expect(not words, f"histories without a delivery: {list(words)[:3]}")
        self._expect(found.keys() <= self.entries.keys(), "deliveries that nobody asked for")
        mails = {row[0] for row in await _look(spool, "SELECT id FROM mails")}
        self._expect(mails == {row[3] for row in rows}, "mails and deliveries do not match")
        self._whole(found)
        for entry in list(self.entries.values()):
            self._one(entry, *found.get(entry.delivery.id, (None, b"")))
        self.starting = 0
        await self._beside(spool, now)

    def _whole(self, found: dict[str, tuple[Fact, bytes]]) -> None:
        for intake in self.under_way():
            there = sum(delivery.id in found for delivery in intake.deliveries)
            self._expect(there in {0, len(intake.deliveries)}, f"{intake.id} was kept by half")

    def _one(self, entry: Entry, fact: Fact | None, payload: bytes) -> None:
        name, done = entry.delivery.id, entry.known is not None and entry.known.state in FINAL
        if fact is None:
            if entry.known is not None and not (done and entry.changed < self.purging.history):
                self.lost += 1
                self.wrong.append(f"{name} was acknowledged as {entry.known.state} and is gone")
            if entry.known is not None:
                del self.entries[name]
            return
        self._expect(not (done and entry.changed < self.purged.history), f"{name} came back after it was purged")
        if done and payload == b"" and entry.changed < self.purging.text:
            pass
        elif payload != entry.delivery.payload:
            self.damaged += 1
            self.wrong.append(f"the text of {name} is not what it was")
        else:
            self._expect(not (done and entry.changed < self.purged.text), f"the text of {name} came back")
        allowed = [one for one in (entry.known, entry.asked) if one is not None]
        if self.starting:
            allowed += [one.then(State.SENDING, "sending") for one in allowed if one.state is State.QUEUED]
        if fact not in allowed:
            self.lost += 1
            was = entry.known
            self.wrong.append(f"{name} was acknowledged as {was}, asked to become {entry.asked}, and is {fact}")
        elif entry.known is not None and fact != entry.known:
            before, after = entry.known.state, fact.state
            self._expect(after in MOVES[before] | {before}, f"{name} went from {before} to {after}")
        entry.known, entry.asked = fact, None

    async def _beside(self, spool: SqliteSpool, now: float) -> None:
        for what, sql, noted in (
            ("report", "SELECT transfer_id FROM orphans", self.orphans),
            ("alert", "SELECT text FROM alerts", self.alerts),
            ("dead letter", "SELECT notification FROM dead_letters", self.buried),
        ):
            there = [str(row[0]) for row in await _look(spool, sql)]
            gone = {one for one, at in noted.items() if at > self.purging.history} - set(there)
            self.lost += len(gone)
            self._expect(not gone, f"a {what} was acknowledged and is gone: {gone}")
            self._expect(len(there) == len(set(there)), f"a {what} is there twice")
            strange = set(there) - noted.keys()
            self._expect(not strange, f"a {what} that nobody gave, or that was used up: {strange}")
            settled = {one: noted.get(one, NEVER) for one in there}
            noted.clear()
            noted.update({one: now if at == NEVER else at for one, at in settled.items()})

    def _expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.wrong.append(otherwise)


def crashed(entry: Entry) -> Fact:
    """What the next start makes of a delivery that is being sent."""
    assert entry.known is not None
    if entry.delivery.channel is Channel.SMS:
        return entry.known.then(State.UNKNOWN, "unknown")
    return entry.known.then(State.QUEUED, "deferred")


async def _look(spool: SqliteSpool, sql: str) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = await spool._read(lambda db: db.execute(sql).fetchall())
    return found
