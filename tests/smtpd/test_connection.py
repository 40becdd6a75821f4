"""The course of a connection: TLS, clients that leave, and an orderly end (reliability.md, 2.A 7-10, 27, 28)."""

import asyncio
import gc
import io

import pytest

from bridge.smtpd.contract import Limits, Reply
from tests.dialogs.stage import fresh_loggers
from tests.smtpd.conftest import Certificates
from tests.smtpd.login import BOTH, secured
from tests.smtpd.raw import Recorder, Rig
from tests.wait import until


async def test_row_7_state_from_before_tls_is_forgotten(certificates: Certificates) -> None:
    async with Rig(context=certificates.server) as rig:
        client = await rig.greeted()
        await client.envelope("evil@example.org")
        await client.start_tls(certificates.client)
        assert (await client.say("DATA")).startswith("503 ")
        await client.say("EHLO x")
        assert (await client.say("RCPT TO:<b@example.org>")).startswith("503 ")


@pytest.mark.parametrize("mode", BOTH)
async def test_row_10_a_handshake_that_stalls_is_cut_off(certificates: Certificates, mode: str) -> None:
    limits = Limits(handshake_timeout=0.2)
    async with Rig(context=certificates.server, modes=[mode], limits=limits) as rig:
        client = await rig.client()
        if mode == "starttls":
            await client.reply()
            assert (await client.say("STARTTLS")).startswith("220 ")
        assert await client.rest() == b""
        await until(lambda: not rig.listener.sessions)


@pytest.mark.parametrize("mode", BOTH)
async def test_a_handshake_that_is_none_ends_the_connection(certificates: Certificates, mode: str) -> None:
    async with Rig(context=certificates.server, modes=[mode]) as rig:
        client = await rig.client()
        if mode == "starttls":
            await client.reply()
            assert (await client.say("STARTTLS")).startswith("220 ")
        await client.send(b"EHLO plain\r\nMAIL FROM:<a@example.org>\r\n")
        assert b"250" not in await client.rest()
        await until(lambda: not rig.listener.sessions)
    assert not rig.policy.senders


async def test_implicit_tls_without_a_certificate_hangs_up() -> None:
    async with Rig(modes=["implicit"]) as rig:
        assert await (await rig.client()).rest() == b""
        await until(lambda: not rig.listener.sessions)


async def test_a_client_that_leaves_in_the_handshake_is_forgotten(certificates: Certificates) -> None:
    async with Rig(context=certificates.server, modes=["implicit"]) as rig:
        for abort in (True, False):
            client = await rig.client()
            await until(lambda: len(rig.listener.sessions) == 1)
            if abort:
                client.writer.transport.abort()
            else:
                client.writer.write_eof()
            await until(lambda: not rig.listener.sessions)


async def test_a_client_that_leaves_under_tls_does_not_undo_the_mail(certificates: Certificates) -> None:
    policy = Recorder(gate=asyncio.Event())
    async with Rig(policy, context=certificates.server) as rig:
        client = await secured(rig, certificates)
        await client.say("EHLO x")
        await client.envelope()
        await client.say("DATA")
        await client.send(b"Hi\r\n.\r\n")
        await policy.begun.wait()
        client.writer.transport.abort()
        await asyncio.sleep(0.05)
        assert policy.gate is not None
        policy.gate.set()
        await until(lambda: len(policy.taken) == 1)


async def test_a_big_mail_through_tls(certificates: Certificates) -> None:
    async with Rig(context=certificates.server, modes=["implicit"]) as rig:
        client = await rig.greeted(certificates.client)
        content = b"x" * 998 + b"\r\n"
        assert (await client.mail(content * 1000 + b".\r\n")).startswith("250 ")
    assert rig.policy.taken[0].content == content * 1000


async def test_a_new_certificate_is_shown_to_new_sessions(certificates: Certificates) -> None:
    async with Rig(context=certificates.server, modes=BOTH) as rig:

        async def shown() -> list[bytes | None]:
            starttls, implicit = await rig.greeted(), await rig.greeted(certificates.client, port=rig.listener.ports[1])
            await starttls.start_tls(certificates.client)
            return [c.writer.get_extra_info("ssl_object").getpeercert(True) for c in (starttls, implicit)]

        before = await shown()
        waiting = await rig.greeted()
        rig.listener.ssl_context = certificates.other_server
        after = await shown()
        assert before[0] == before[1] != after[0] == after[1]
        await waiting.start_tls(certificates.client)
        assert waiting.writer.get_extra_info("ssl_object").getpeercert(True) == before[0]


async def test_an_error_of_ours_at_the_door_closes_it() -> None:
    async with Rig(Recorder(broken={"connected"})) as rig:
        client = await rig.client()
        assert await client.rest() == b"421 4.3.0 temporary failure, try again later\r\n"


async def test_the_policy_may_refuse_or_end_a_connection() -> None:
    policy = Recorder(refusal=Reply(421, "4.3.2", "overloaded"))
    async with Rig(policy) as rig:
        client = await rig.client()
        assert await client.rest() == b"421 4.3.2 overloaded\r\n"
        policy.refusal = None
        policy.mail_reply = Reply(421, "4.7.0", "go away")
        client = await rig.greeted()
        assert await client.say("MAIL FROM:<a@example.org>") == "421 4.7.0 go away"
        assert await client.rest() == b""


async def test_row_27_a_client_that_leaves_does_not_undo_the_mail() -> None:
    policy = Recorder(gate=asyncio.Event())
    async with Rig(policy) as rig:
        client = await rig.greeted()
        await client.envelope()
        await client.say("DATA")
        await client.send(b"Hi\r\n.\r\n")
        await policy.begun.wait()
        client.writer.transport.abort()
        await asyncio.sleep(0.05)
        assert policy.gate is not None
        policy.gate.set()
        await until(lambda: len(policy.taken) == 1)
        await until(lambda: not rig.listener.sessions)


async def test_row_27_often() -> None:
    async with Rig(per_address=1000) as rig:
        for _ in range(100):
            client = await rig.greeted()
            await client.send(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n")
            assert [(await client.reply())[:3] for _ in range(3)] == ["250", "250", "354"]
            await client.send(b"Hi\r\n.\r\n")
            await client.close()
        await until(lambda: not rig.listener.sessions)
    assert len(rig.policy.taken) == 100


async def test_row_28_a_half_closed_connection_still_gets_its_answers() -> None:
    policy = Recorder(gate=asyncio.Event())
    async with Rig(policy) as rig:
        client = await rig.greeted()
        await client.envelope()
        await client.say("DATA")
        client.writer.write(b"Hi\r\n.\r\nQUIT\r\n")
        client.writer.write_eof()
        await policy.begun.wait()
        assert policy.gate is not None
        policy.gate.set()
        assert await client.rest() == b"250 2.0.0 queued as 1\r\n221 2.0.0 Bye\r\n"


async def test_a_mail_without_its_end_is_no_mail() -> None:
    async with Rig() as rig:
        client = await rig.greeted()
        await client.envelope()
        await client.say("DATA")
        await client.send(b"Hi\r\n.\r")
        client.writer.write_eof()
        assert await client.rest() == b""
    assert not rig.policy.taken


BEGIN = b"EHLO x\r\nMAIL FROM:<anna@example.org>\r\nRCPT TO:<b@sms.example.com>\r\n"


@pytest.mark.parametrize(
    ("said", "logged"),
    [
        ([b"PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\n"], "421 4.7.0"),
        ([b"BLAH\r\n" * 20], "421 4.7.0"),
        ([BEGIN, b"DATA\r\n", b"a\nb\r\n.\r\n"], "550 5.5.2"),
        ([BEGIN, b"DATA\r\nHi\r\n.\r\n"], "554 5.5.0"),
        ([BEGIN, b"DATA\r\n", b"a\0b\r\n.\r\n", b"QUIT\r\n"], "550 5.6.0"),
        ([BEGIN, b"DATA\r\n", b"x" * 17000 + b"\r\n.\r\n", b"QUIT\r\n"], "554 5.6.0"),
        ([BEGIN, b"DATA\r\n", b"Hi"], "421 4.4.2"),
        ([BEGIN, b"DATA\r\n", b"Hi\r\n.\r\n", b"QUIT\r\n"], ""),
        ([b"NOOP\r\n"], ""),
    ],
)
async def test_what_a_client_is_refused_for_stands_in_the_log(
    said: list[bytes], logged: str, stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device whose mails never come is looked for there; that it was idle or left is nothing to look at."""
    fresh_loggers(monkeypatch)
    async with Rig(limits=Limits(data_timeout=0.3, command_timeout=2, error_delay=0)) as rig:
        client = await rig.greeted()
        for octets in said:
            await client.send(octets)
            if octets.startswith(b"DATA"):
                while not (await client.reply()).startswith(("354 ", "554 ")):
                    pass
        await client.rest()
    lines = [line for line in stream.getvalue().splitlines() if "reject" in line]
    assert [logged in line and "127.0.0.1" in line for line in lines] == [True] * bool(logged)
    assert "BLAH" not in stream.getvalue()


async def test_a_client_that_is_gone_when_it_is_sent_away_breaks_nothing() -> None:
    broken: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: broken.append(str(context)))
    async with Rig() as rig:
        for _ in range(20):
            client = await rig.client()
            await client.reply()
            # Before the server looks all of it is there: what it is sent away for, more input, and nobody to be told.
            client.writer.write(b"EHLO x\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nx\r\n")
            client.writer.transport.abort()
            await until(lambda: not rig.listener.sessions)
        gc.collect()
        await asyncio.sleep(0)
    assert broken == []
