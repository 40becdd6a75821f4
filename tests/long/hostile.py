"""Who brings the damaged dialogues and mails to the daemon, and counts the answers.

How many answers there must be is known beforehand: one for each line, one for each mail with an end. Where damage turns
commands into content or content into commands, the count follows.
"""

import random
import re
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.flows.rig import ADDRESS, ANNA, PHONE, POSTMASTER, SILENT, SILENT_ADDRESS
from tests.long import dialogues, mangled
from tests.long.books import Books
from tests.long.dialogues import LINE
from tests.long.doors import DENIED_ADDRESS, Doors
from tests.long.talk import Broken, Heard, Talk

START_MAIL, GO_TLS, TAKEN = 354, 220, 250
FLOOD = 4 * 1024 * 1024
"""Octets of one mail after which the daemon may hang up without a word."""

LONGEST_LOGIN_DELAY = 8.0
"""Seconds for which the answer to a wrong login is held back by intention."""

_ENOUGH = 9  # errors after which a connection mostly ends: from then on the daemon makes it wait
_END = re.compile(rb"(?:^|\r\n)\.\r\n")
_RECIPIENTS = {ADDRESS: PHONE, SILENT_ADDRESS: SILENT, DENIED_ADDRESS: None, "postmaster@sms.example.com": POSTMASTER}


@dataclass(slots=True)
class Tally:
    """What all of them saw."""

    commands: int = 0  # answered
    dialogues: int = 0
    mails: int = 0  # whole ones, answered
    refused: int = 0
    slowest: float = 0.0  # seconds
    wrong: list[str] = field(default_factory=list)


class Hostile:
    """Both kinds; `number` is all they know."""

    def __init__(self, doors: Doors, books: Books, tally: Tally, *, seed: int, patience: float) -> None:
        self._doors, self._books, self._tally = doors, books, tally
        self._seed, self._patience = seed, patience

    async def talk(self, number: int) -> None:
        """One dialogue on a connection of its own."""
        chance = random.Random(f"{self._seed}/talk/{number}")
        tls = chance.random() < 0.12
        plan = dialogues.compose(chance, f"talk{number}.{self._seed}", tls=tls)
        connection = await self._connect(chance, tls=tls)
        course = _Course(connection, chance, self._doors.context, self._books, self._tally)
        try:
            await course.run(plan)
        except Broken as broken:
            self._tally.wrong.append(f"dialogue {number} of seed {self._seed}: {broken}; after {course.said[-300:]!r}")
        finally:
            connection.drop()
            self._tally.dialogues += 1
            self._tally.slowest = max(self._tally.slowest, connection.slowest)

    async def write(self, numbers: Iterator[int], until: int) -> None:
        """Mails over one connection after the other, until so many have been answered in all."""
        connection: Talk | None = None
        while self._tally.mails < until:
            number = next(numbers)
            chance = random.Random(f"{self._seed}/mail/{number}")
            try:
                connection = connection or await self._introduced(chance)
                goes_on = await self._mail(connection, chance, f"mail{number}.{self._seed}")
            except Broken as broken:
                self._tally.wrong.append(f"mail {number} of seed {self._seed}: {broken}")
                goes_on = False
            if connection is not None:
                self._tally.slowest = max(self._tally.slowest, connection.slowest)
                if not goes_on:
                    connection.drop()
                    connection = None
        if connection is not None:
            connection.drop()

    async def _connect(self, chance: random.Random, *, tls: bool = False) -> Talk:
        kind = "7" if chance.random() < 0.1 else "0"  # from the Internet, or trusted
        host = f"127.{kind}.{chance.randrange(256)}.{chance.randrange(1, 255)}"
        port, context = (self._doors.implicit, self._doors.context) if tls else (self._doors.plain, None)
        return await Talk.connect(port, self._patience, host=host, context=context)

    async def _introduced(self, chance: random.Random) -> Talk:
        connection = await Talk.connect(self._doors.plain, self._patience, host=f"127.0.0.{chance.randrange(1, 255)}")
        await _heard(connection, 220)
        await connection.say(b"EHLO client.example.org\r\n")
        await _heard(connection, 250)
        return connection

    async def _mail(self, connection: Talk, chance: random.Random, mark: str) -> bool:
        """One mail; whether the connection is still good."""
        to = chance.sample(list(_RECIPIENTS), k=chance.choice((1, 1, 2, 4)))
        words = "".join(
            chance.sample((" SMTPUTF8", " BODY=8BITMIME", " RET=HDRS", " AUTH=<>"), k=chance.choice((0, 2)))
        )
        lines = [f"MAIL FROM:<{ANNA}>{words}", *(f"RCPT TO:<{address}>" for address in to), "DATA"]
        await connection.say("".join(f"{line}\r\n" for line in lines).encode())
        await _heard(connection, 250)
        gets: set[str] = set()
        for address in to:
            number = _RECIPIENTS[address]
            await _heard(connection, 250 if number else 550)
            gets |= {number} if number else set()
        if not gets:
            await _heard(connection, 554)
            await connection.say(b"RSET\r\n")
            await _heard(connection, 250)
            return chance.random() < 0.7  # it counts as nonsense
        await _heard(connection, START_MAIL)
        content = mangled.compose(chance, mark)
        if chance.random() < 0.0005:
            content += b"flood " * (FLOOD // 6)
        # Only a mail unlike all others is sure to go to everybody: who got it before does not get it again.
        return await self._content(connection, chance, content, frozenset(gets) if mark.encode() in content else None)

    async def _content(
        self, connection: Talk, chance: random.Random, content: bytes, gets: frozenset[str] | None
    ) -> bool:
        octets = re.sub(rb"(\A|\r\n)\.", rb"\1..", content) + b".\r\n"
        if chance.random() < 0.01:  # it goes in the middle
            await connection.say(octets[: chance.randrange(len(octets) - 3)])
            return False
        for piece in _pieces(chance, octets):
            await connection.say(piece)
        if chance.random() < 0.01:  # it does not wait for the answer
            self._books.unanswered += 1
            return False
        reply = await connection.reply()
        if reply is None:
            if len(octets) < FLOOD:
                raise Broken("hung up instead of answering")
            return False
        self._tally.mails += 1
        if reply.code == TAKEN:
            self._books.note(reply.text, gets)
            return True
        if reply.status == "4.3.0":
            raise Broken(f"an error of ours: {reply}")
        self._tally.refused += 1
        return not reply.is_farewell


class _Course:
    """One dialogue, as it goes."""

    def __init__(
        self, connection: Talk, chance: random.Random, context: ssl.SSLContext, books: Books, tally: Tally
    ) -> None:
        self.said = b""
        self._connection, self._chance, self._context = connection, chance, context
        self._books, self._tally = books, tally
        self._errors = 0
        self._logs_in = False
        self._over = False

    async def run(self, plan: dialogues.Dialogue) -> None:
        """Says it all, or as much as is listened to."""
        if plan.early:
            await self._connection.say(plan.batches[0].octets)
            await self._next()  # 554, or the greeting was faster
            return
        await _heard(self._connection, 220)
        for batch in plan.batches:
            await self._batch(batch)
            if self._over or (self._errors > _ENOUGH and self._chance.random() < 0.9):
                break
        if not self._over:
            await self._leave()

    async def _batch(self, batch: dialogues.Batch) -> None:
        lines = LINE.findall(batch.octets)
        if not self._logs_in and b"AUTH" in batch.octets.upper():
            self._logs_in = True
            self._connection.patience += LONGEST_LOGIN_DELAY
        await self._say(batch.octets)
        for number, line in enumerate(lines):
            if not line.endswith(b"\n"):
                return
            reply = await self._next()
            if self._over or reply is None:
                return
            rest = b"".join(lines[number + 1 :])
            if reply.code == START_MAIL:
                await self._content(rest, batch.content)
                return
            if (reply.code, reply.status) == (GO_TLS, "2.0.0"):
                await self._secure()
                return

    async def _content(self, already: bytes, more: bytes) -> None:
        """What follows a 354: what was sent too early belongs to it."""
        if not already and self._chance.random() < 0.03:
            self._over = True
            return
        content = already + b"\r\n.\r\n" if already else more
        await self._say(content[len(already) :])
        end = _END.search(content)
        if end is None:
            if b"\n" in content.replace(b"\r\n", b"") or b"\r" in content.replace(b"\r\n", b"")[:-1]:
                await self._next()  # 550, or nothing yet: a CR may be the last octet
            self._over = True
            if self._chance.random() < 0.5:
                await self._connection.finish(10.0)
            return
        reply = await self._next()
        if reply is not None and reply.code == TAKEN:
            self._books.note(reply.text, None)
            self._errors = 0
        for _ in range(content.count(b"\n", end.end())):
            if not self._over:
                await self._next()

    async def _secure(self) -> None:
        if self._chance.random() < 0.5:
            try:
                await self._connection.start_tls(self._context)
            except ConnectionResetError:
                self._over = True  # in a full house who is in a handshake gives way, and there no 421 can be said
            return
        await self._say(b"MAIL FROM:<anna@example.org>\r\n" * 20)
        await self._connection.quiet(15.0)
        self._over = True

    async def _leave(self) -> None:
        way = self._chance.randrange(4)
        if way == 0:
            await self._say(b"QUIT\r\n")
            await self._next()
        elif way == 1:
            await self._say(b"NOOP\r\nQUI")
            await self._connection.finish(10.0)
        elif way == 2:
            await self._connection.close()

    async def _say(self, octets: bytes) -> None:
        self.said += octets[:1000]
        for piece in _pieces(self._chance, octets):
            await self._connection.say(piece)

    async def _next(self) -> Heard | None:
        reply = await self._connection.reply()
        if reply is None:
            last, self._over = self._connection.last, True
            if last is None or not last.is_farewell:
                raise Broken(f"hung up without a word, the last was {last}")
            return None
        self._tally.commands += 1
        self._errors += reply.code >= 500
        if reply.status == "4.3.0":
            raise Broken(f"an error of ours: {reply}")
        if reply.is_farewell:
            self._over = True
        return reply


async def _heard(connection: Talk, code: int) -> Heard:
    reply = await connection.reply()
    if reply is None or reply.code != code:
        raise Broken(f"{reply} instead of {code}")
    return reply


def _pieces(chance: random.Random, octets: bytes) -> Sequence[bytes]:
    """Mostly all at once."""
    if chance.random() < 0.9 or len(octets) < 2:
        return [octets]
    cuts = sorted(chance.randrange(1, len(octets)) for _ in range(chance.choice((1, 1, 3))))
    return [octets[start:end] for start, end in zip([0, *cuts], [*cuts, len(octets)], strict=True)]
