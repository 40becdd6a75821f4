"""One open connection: replies in the right order, groups of commands, and everything a server may do instead."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiosmtplib
import pytest

from bridge.message import Receipt, Scope, Verdict
from bridge.transports.session import Reply, Session, message
from tests.transports.servers import MAIL, NOW, delivery, smarthost
from tests.wait import PATIENCE


class Server:
    """Says what it is told to: `says` gives the answer to each read, in order; "" hangs up, "…+" after that."""

    def __init__(self, says: list[str]) -> None:
        self.says = says
        self.heard: list[bytes] = []
        self.sessions = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sessions += 1
        self._writers.append(writer)
        writer.write(b"220 mx.example.com\r\n")
        assert (await reader.readline()).startswith(b"EHLO")
        writer.write(b"250-mx.example.com\r\n250 PIPELINING\r\n")
        while said := await reader.read(65536):
            self.heard.append(said)
            answer = self.says.pop(0) if self.says else "250 Ok\r\n"
            if not answer:
                break
            writer.write(answer.removesuffix("+").encode())
            if answer.endswith("+"):  # and hangs up then
                break
        writer.close()

    def close(self) -> None:
        for writer in self._writers:
            writer.close()


@asynccontextmanager
async def serving(*says: str) -> AsyncIterator[tuple[Server, int]]:
    server = Server(list(says))
    listening = await asyncio.start_server(server.talk, "127.0.0.1", 0)
    try:
        yield server, listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        server.close()


@asynccontextmanager
async def opened(*says: str) -> AsyncIterator[Session]:
    async with serving(*says) as (_, port):
        smtp = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False, timeout=PATIENCE)
        await smtp.connect()
        await smtp.ehlo()
        session = Session(smtp)
        try:
            yield session
        finally:
            session.close()


async def sent(*says: str, **changes: Any) -> tuple[Receipt, Server]:
    async with serving(*says) as (server, port), smarthost(port, command_timeout=PATIENCE) as there:
        return await there.send(delivery(**changes), NOW), server


# --- replies


@pytest.mark.parametrize(
    "pieces",
    [
        ["250 a\r\n550-b\r\n550 c\r\n354 d\r\n"],
        ["250 a\r", "\n550-b\r\n55", "0 c\r\n354 d", "\r\n"],
        ["250 a\n550-b\n550  c \n354 d\n"],
    ],
)
async def test_replies_come_as_they_like(pieces: list[str]) -> None:
    async with opened() as session:
        waiting = asyncio.create_task(session.say(b"", 3, PATIENCE))
        await asyncio.sleep(0)
        for piece in pieces:
            session.data_received(piece.encode())
        assert await waiting == [Reply(250, "a"), Reply(550, "b\nc"), Reply(354, "d")]
        assert session.is_open


async def test_a_reply_without_words() -> None:
    async with opened("250\r\n") as session:
        assert await session.say(b"NOOP\r\n", 1, PATIENCE) == [Reply(250, "")]


@pytest.mark.parametrize(
    "answer",
    ["HTTP/1.1 400 Bad Request\r\n", "99 x\r\n", "2500 x\r\n", "\r\n", "250-" + "x" * 40_000, "250-x\r\n" * 20_000],
)
async def test_what_is_no_reply_ends_the_connection(answer: str) -> None:
    async with opened(answer) as session:
        with pytest.raises(ConnectionError):
            await session.say(b"NOOP\r\n", 1, PATIENCE)
        assert not session.is_open


async def test_more_than_was_asked_for_ends_the_connection() -> None:
    async with opened("250 a\r\n421 idle\r\n") as session:
        assert await session.say(b"NOOP\r\n", 1, PATIENCE) == [Reply(250, "a")]
        assert not session.is_open


async def test_what_comes_unasked_ends_the_connection() -> None:
    async with opened() as session:
        session.data_received(b"421 idle for too long\r\n")
        assert not session.is_open
        with pytest.raises(ConnectionError):
            await session.say(b"NOOP\r\n", 1, PATIENCE)


async def test_silence_ends_the_connection() -> None:
    async with opened("250-and\r\n") as session:
        with pytest.raises(TimeoutError):
            await session.say(b"NOOP\r\n", 1, 0.05)
        assert not session.is_open


async def test_where_it_hangs_up_after_some_those_count() -> None:
    async with opened("250 a\r\n550 b\r\n+") as session:
        assert [reply.code for reply in await session.say(b"NOOP\r\n", 3, PATIENCE)] == [250, 550]
        assert not session.is_open


async def test_a_closed_connection_cannot_be_taken_over() -> None:
    async with serving() as (_, port):
        smtp = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False, timeout=PATIENCE)
        await smtp.connect()
        smtp.close()
        with pytest.raises(ConnectionError):
            Session(smtp)


# --- groups

ENVELOPE = "250 sender\r\n250 recipient\r\n354 go on\r\n"


async def test_the_envelope_is_one_step() -> None:
    found, server = await sent(ENVELOPE, "250 2.0.0 taken\r\n")
    assert (found.verdict, found.text) == (Verdict.ACCEPTED, "2.0.0 taken")
    first, second, *_ = server.heard
    assert first == b"MAIL FROM:<bounce+m1@sms.example.com>\r\nRCPT TO:<anna@example.com>\r\nDATA\r\n"
    assert second == message(MAIL)


@pytest.mark.parametrize(
    ("replies", "verdict", "scope", "code"),
    [
        ("553 5.7.1 not you\r\n503 no\r\n503 no\r\n", Verdict.OURS, Scope.MESSAGE, "553"),
        ("250 ok\r\n550 5.1.1 nobody\r\n554 no recipients\r\n", Verdict.PERMANENT, Scope.MESSAGE, "550"),
        ("250 ok\r\n450 4.2.0 grey\r\n554 no recipients\r\n", Verdict.TEMPORARY, Scope.MESSAGE, "450"),
        ("250 ok\r\n250 ok\r\n451 4.3.0 later\r\n", Verdict.TEMPORARY, Scope.MESSAGE, "451"),
        ("250 ok\r\n250 ok\r\n250 what?\r\n", Verdict.TEMPORARY, Scope.MESSAGE, "250"),
    ],
)
async def test_each_refusal_keeps_its_meaning(replies: str, verdict: Verdict, scope: Scope, code: str) -> None:
    async with serving(replies) as (server, port), smarthost(port) as there:
        found = await there.send(delivery(), NOW)
        assert (found.verdict, found.scope, found.code) == (verdict, scope, code)
        assert server.heard[1] == b"RSET\r\n"
        server.says += [ENVELOPE, "250 taken\r\n"]
        assert (await there.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
        assert server.sessions == 1


async def test_a_server_that_waits_for_a_message_to_nobody_gets_an_empty_one() -> None:
    refused = "250 ok\r\n550 5.1.1 nobody\r\n354 go on\r\n"
    async with serving(refused, "554 no recipients\r\n") as (server, port), smarthost(port) as there:
        found = await there.send(delivery(), NOW)
        assert (found.verdict, found.status) == (Verdict.PERMANENT, "5.1.1")
        assert server.heard[1:] == [b".\r\n", b"RSET\r\n"]
        server.says += [ENVELOPE, "250 taken\r\n"]
        assert (await there.send(delivery(), NOW)).verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("late", ["354 go on\r\n", "554 no recipients\r\n"])
async def test_a_connection_out_of_step_is_not_used_again(late: str) -> None:
    """One reply too many came first: what answers RSET belongs to DATA, and the server may wait for a message."""
    async with serving("250 what?\r\n250 ok\r\n250 ok\r\n", late) as (server, port), smarthost(port) as there:
        assert (await there.send(delivery(), NOW)).verdict is Verdict.TEMPORARY
        server.says += [ENVELOPE, "250 taken\r\n"]
        assert (await there.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
        assert server.sessions == 2


async def test_a_refusal_before_it_hangs_up_counts() -> None:
    found, server = await sent("550 5.7.1 blocked\r\n+")
    assert (found.verdict, found.code) == (Verdict.OURS, "550")
    assert server.sessions == 1


async def test_a_lost_answer_after_the_message_is_one() -> None:
    found, server = await sent(ENVELOPE, "")
    assert (found.verdict, found.code) == (Verdict.TEMPORARY, "lost")
    assert "after the message was sent" in found.text
    assert server.sessions == 1


async def test_nothing_is_doubled_when_it_ends_before_the_message() -> None:
    async with serving(ENVELOPE, "250 taken\r\n", "250 ok\r\n250 ok\r\n+") as (server, port), smarthost(port) as there:
        assert (await there.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
        server.says += [ENVELOPE, "250 taken\r\n"]
        assert (await there.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
        assert server.sessions == 2
        assert sum(heard == message(MAIL) for heard in server.heard) == 2


# --- the message


@pytest.mark.parametrize(
    ("payload", "written"),
    [
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b"", b"\r\n.\r\n"),
        (b".\r\n..\r\na.\r\n", b"..\r\n...\r\na.\r\n.\r\n"),
        (b"a\n.\nb\r.\rc\r\n", b"a\r\n..\r\nb\r\n..\r\nc\r\n.\r\n"),
        (b"a\r\r\n\n", b"a\r\n\r\n\r\n.\r\n"),
        (b"a\r", b"a\r\n.\r\n"),
    ],
)
def test_the_message_as_data_wants_it(payload: bytes, written: bytes) -> None:
    assert message(payload) == written
