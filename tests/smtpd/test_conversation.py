"""Lines and what becomes of them: what is answered at once, what takes time, and that neither loses its place."""

import asyncio
import gc
import random
from itertools import pairwise
from typing import Any

import pytest

from bridge.smtpd.contract import Limits, Peer, Reply
from tests.smtpd.raw import Recorder, Rig, babble
from tests.wait import until

ENVELOPE = b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\n"


async def test_what_stands_behind_a_slow_command_waits_for_it() -> None:
    async with Rig(Recorder(mail_is_slow=True)) as rig:
        client = await rig.greeted()
        await client.send(ENVELOPE + b"NOOP\r\nEXPN x\r\n")
        assert [await client.reply() for _ in range(4)] == [
            "250 2.1.0 OK",
            "250 2.1.5 OK",
            "250 2.0.0 OK",
            "502 5.5.1 command not implemented",
        ]


async def test_what_comes_while_a_mail_is_taken_is_answered_after_it() -> None:
    policy = Recorder(gate=asyncio.Event())
    async with Rig(policy) as rig:
        client = await rig.greeted()
        await client.envelope()
        await client.say("DATA")
        await client.send(b"Hi\r\n.\r\nNO")
        await policy.begun.wait()
        await client.send(b"OP\r\nMAIL FROM:<c@example.org>\r\nRCP")
        assert policy.gate is not None
        policy.gate.set()
        assert [await client.reply() for _ in range(3)] == ["250 2.0.0 queued as 1", "250 2.0.0 OK", "250 2.1.0 OK"]
        assert await client.say("T TO:<d@example.org>") == "250 2.1.5 OK"


async def test_what_breaks_between_pipelined_commands_is_answered_in_its_place() -> None:
    policy = Recorder(broken={"rcpt"})
    async with Rig(policy) as rig:
        client = await rig.greeted()
        await client.send(b"NOOP\r\n" + ENVELOPE + b"RCPT TO:<c@example.org>\r\nNOOP\r\n")
        assert [(await client.reply())[:3] for _ in range(5)] == ["250", "250", "451", "503", "250"]
        await until(lambda: len(policy.broke_for) == 1)


async def test_mistakes_take_time_wherever_they_stand_and_keep_their_order() -> None:
    limits = Limits(slow_errors=1, error_delay=0.05, max_errors=5)
    async with Rig(limits=limits) as rig:
        client = await rig.greeted()
        await client.send(b"X\r\nNOOP\r\nX\r\nNOOP\r\nX\r\nX\r\nX\r\nNOOP\r\n")
        said = await client.rest()
        assert [line[:3] for line in said.splitlines()] == [b"500", b"250", b"500", b"250", b"500", b"500", b"421"]


async def test_a_client_that_is_told_to_go_hears_what_it_asked_before() -> None:
    async with Rig(Recorder(refused={"no@example.org": Reply(421, "4.7.0", "go away")})) as rig:
        client = await rig.greeted()
        await client.send(ENVELOPE + b"RCPT TO:<no@example.org>\r\nNOOP\r\n")
        said = await client.rest()
        assert said == b"250 2.1.0 OK\r\n250 2.1.5 OK\r\n421 4.7.0 go away\r\n"


async def test_whoever_does_not_read_is_not_answered_for_ever() -> None:
    async with Rig(limits=Limits(write_timeout=0.3, max_idle_commands=10**9)) as rig:
        client = await rig.greeted()
        with pytest.raises(ConnectionError):
            await babble(client.send, b"HELP\r\n" * 1000)
        await until(lambda: not rig.listener.sessions)


@pytest.mark.parametrize("last", [b"QUIT\r\n", b"PROXY x\r\n"])
async def test_a_session_leaves_no_circles_behind(last: bytes) -> None:
    """They would stay until garbage is collected, which is seldom, and looking for them costs more than the session."""
    async with Rig() as rig:
        for _ in range(2):  # what is made only once is there after the first
            client = await rig.greeted()
            await client.mail(b"Hi\r\n.\r\n")
            gc.collect()
            gc.disable()
            try:
                await client.send(last)
                await client.rest()
                await client.close()
                await until(lambda: not rig.listener.sessions)
                await asyncio.sleep(0)
                gc.set_debug(gc.DEBUG_SAVEALL)
                gc.collect()
                left = {type(one).__name__ for one in gc.garbage}
            finally:
                gc.set_debug(0)
                gc.garbage.clear()
                gc.enable()
    assert not left & {"Session", "Farewell", "Alarm", "DataReader"}


class _Known(Recorder):
    """Knows whoever comes, so that all may be said at once; says the same to all mails."""

    def connected(self, peer: Peer) -> Reply | None:
        peer.user = "panel"
        return None

    async def data(self, *mail: Any) -> Reply:
        await super().data(*mail)
        return Reply(250, "2.0.0", "queued")


_LINES = [
    *[b"MAIL FROM:<a@example.org>\r\n", b"RCPT TO:<b@example.org>\r\n"] * 3,
    *[b"DATA\r\nHi\r\n..\r\n.\r\n", ENVELOPE + b"DATA\r\nMAIL FROM:<c@example.org>\r\n.\r\nRSET\r\n"] * 2,
    ENVELOPE + b"DATA\r\n\0\r\n.\r\n",
    b"RCPT TO:<no@example.org>\r\n",
    *(
        b"EHLO x\r\n",
        b"RSET\r\n",
        b"NOOP\n",
        b"AUTH PLAIN AAA\r\n",
        b"\0\r\n",
        b"\r\n",
        b"X\r\n",
        b"X" * 13000 + b"\r\n",
    ),
]


@pytest.mark.parametrize("slow", [False, True])
async def test_the_cuts_make_no_difference(slow: bool) -> None:
    policy = _Known(mail_is_slow=slow, refused={"no@example.org": Reply(550, "5.1.1", "no")})
    chance = random.Random(9)
    async with Rig(
        policy, limits=Limits(slow_errors=2, error_delay=0.001, max_errors=10**6, max_message_size=1000)
    ) as rig:
        for _ in range(8):
            said = b"EHLO x\r\n" + b"".join(chance.choices(_LINES, k=chance.randrange(1, 25)))
            places = sorted(chance.sample(range(1, len(said)), min(12, len(said) - 1)))
            heard, taken = [], []
            for cuts in ([], places, range(1, len(said) if len(said) < 3000 else 1000)):
                client = await rig.client()
                await client.reply()
                for begin, end in pairwise((0, *cuts, len(said))):
                    await client.send(said[begin:end])
                    await asyncio.sleep(0)  # or they would leave as one
                client.writer.write_eof()
                heard.append(await client.rest())
                taken.append([mail.content for mail in policy.taken])
                policy.taken.clear()
            assert heard == [heard[0]] * 3
            assert taken == [taken[0]] * 3
