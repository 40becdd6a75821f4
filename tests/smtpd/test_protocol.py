"""The conversation: what a client can say, in and out of order, and what it is answered (reliability.md, 2.A)."""

import asyncio
import io
import logging
import os
import socket
from ipaddress import ip_network
from pathlib import Path

import pytest

from bridge.smtpd.contract import Limits, Reply
from tests.long.endings import TRICKS
from tests.smtpd.conftest import Certificates
from tests.smtpd.login import PLAIN, users
from tests.smtpd.raw import RECIPIENT, SENDER, Recorder, Rig, babble
from tests.wait import until

LOOPBACK = (ip_network("127.0.0.0/8"),)


async def test_a_mail_from_greeting_to_goodbye() -> None:
    async with Rig() as rig:
        client = await rig.client()
        assert await client.reply() == "220 mx.example.com ESMTP"
        assert await client.say("EHLO client.example.com") == (
            "250-mx.example.com\n250-SIZE 1048576\n250-8BITMIME\n250-SMTPUTF8\n250-PIPELINING\n"
            "250-ENHANCEDSTATUSCODES\n250 DSN"
        )
        assert await client.mail(b"Subject: Hi\r\n\r\n..dot\r\n.\r\n") == "250 2.0.0 queued as 1"
        assert await client.say("QUIT") == "221 2.0.0 Bye"
        assert await client.rest() == b""
    (mail,) = rig.policy.taken
    assert (mail.sender, mail.recipients, mail.params) == (SENDER, [(RECIPIENT, {})], {})
    assert mail.content == b"Subject: Hi\r\n\r\n.dot\r\n"
    assert (mail.peer.host, mail.peer.helo, mail.peer.esmtp, mail.peer.tls) == (
        "127.0.0.1",
        "client.example.com",
        True,
        False,
    )


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("EHLO", "501 5.5.2"),
        ("HELO", "501 5.5.2"),
        ("MAIL", "501 5.5.2"),
        ("MAIL FROM:", "501 5.5.2"),
        ("MAIL TO:<a@example.org>", "501 5.5.2"),
        ("MAIL FROM:<a@example.org", "553 5.1.7"),
        ("MAIL FROM:<ä@example.org>", "553 5.6.7"),
        (b"MAIL FROM:<\xff@example.org> SMTPUTF8", "553 5.1.3"),
        ("MAIL FROM:<a@example.org> SIZE=1048577", "552 5.3.4"),
        ("MAIL FROM:<a@example.org> SIZE=99999999999999999999", "552 5.3.4"),
        ("MAIL FROM:<a@example.org> SIZE=1048576", "250 2.1.0"),
        ("MAIL FROM:<a@example.org> SIZE", "501 5.5.4"),
        ("MAIL FROM:<a@example.org> SIZE=x", "501 5.5.4"),
        ("MAIL FROM:<a@example.org> BODY=8bitmime", "250 2.1.0"),
        ("MAIL FROM:<a@example.org> BODY=BINARYMIME", "501 5.5.4"),
        ("MAIL FROM:<a@example.org> SMTPUTF8=1", "501 5.5.4"),
        ("MAIL FROM:<a@example.org> AUTH=<>", "250 2.1.0"),
        ("MAIL FROM:<a@example.org> RET=FULL ENVID=Qq123", "250 2.1.0"),
        ("MAIL FROM:<a@example.org> RET=SOME", "501 5.5.4"),
        ("MAIL FROM:<a@example.org> ENVID=" + "x" * 101, "501 5.5.4"),
        ("MAIL FROM:<a@example.org> NOTIFY=NEVER", "555 5.5.4"),
        ("MAIL FROM:<a@example.org> HOLDFOR=5", "555 5.5.4"),
        ("mail from: <a@example.org>", "250 2.1.0"),
        ("Mail From:a@example.org size=5", "250 2.1.0"),
        ("MAIL FROM:<>", "250 2.1.0"),
        ("RCPT TO:<a@example.org>", "503 5.5.1"),
        ("DATA", "503 5.5.1"),
        ("VRFY anna", "252 2.5.0"),
        ("VRFY", "252 2.5.0"),
        ("EXPN list", "502 5.5.1"),
        ("HELP", "214 2.0.0"),
        ("NOOP", "250 2.0.0"),
        ("NOOP anything", "250 2.0.0"),
        ("RSET", "250 2.0.0"),
        ("BDAT 5 LAST", "500 5.5.1"),
        ("", "500 5.5.1"),
        ("SMTP_MAIL", "500 5.5.1"),
        ("__CLASS__", "500 5.5.1"),
        (b"R\xc5\xbfET", "500 5.5.1"),
        (b"NO\x00OP", "501 5.5.2"),
        (b"MAIL FROM:<a\x00@example.org>", "501 5.5.2"),
        ("STARTTLS", "454 4.7.0"),
        ("STARTTLS now", "501 5.5.2"),
        ("AUTH PLAIN", "538 5.7.11"),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 1 25", "421 4.7.0"),
        ("NOOP " + "x" * 505, "250 2.0.0"),
        ("NOOP " + "x" * 506, "500 5.5.2"),
        ("NOOP " + "x" * 200_000, "500 5.5.2"),
        ("MAIL FROM:<a@example.org> AUTH=" + "x" * 500, "250 2.1.0"),
    ],
)
async def test_one_command_after_ehlo(line: str | bytes, answer: str) -> None:
    async with Rig() as rig:
        client = await rig.greeted()
        assert (await client.say(line)).startswith(answer + " ")
        if not answer.startswith("421"):
            assert await client.say("NOOP") == "250 2.0.0 OK"


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("RCPT", "501 5.5.2"),
        ("RCPT TO:", "501 5.5.2"),
        ("RCPT FROM:<a@example.org>", "501 5.5.2"),
        ("RCPT TO:<>", "553 5.1.3"),
        ("RCPT TO:<@a.example:b@example.org>", "553 5.1.3"),
        ("RCPT TO:<=?utf-8?q?=2B43?=@sms.example.com>", "553 5.1.3"),
        ("RCPT TO:<ä@example.org>", "553 5.6.7"),
        (b"RCPT TO:<\xff@example.org>", "553 5.1.3"),
        ("RCPT TO:<postmaster>", "250 2.1.5"),
        ("RCPT TO: +436600000001@sms.example.com", "250 2.1.5"),
        ("RCPT TO:<a@example.org> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;A@example.org", "250 2.1.5"),
        ("RCPT TO:<a@example.org> NOTIFY=NEVER,DELAY", "501 5.5.4"),
        ("RCPT TO:<a@example.org> ORCPT=a@example.org", "501 5.5.4"),
        ("RCPT TO:<a@example.org> SIZE=5", "555 5.5.4"),
        ("MAIL FROM:<b@example.org>", "503 5.5.1"),
        ("DATA", "503 5.5.1"),
        ("AUTH PLAIN", "503 5.5.1"),
    ],
)
async def test_one_command_inside_a_mail(line: str | bytes, answer: str) -> None:
    async with Rig() as rig:
        client = await rig.greeted()
        await client.say("MAIL FROM:<a@example.org>")
        assert (await client.say(line)).startswith(answer + " ")


async def test_row_25_the_null_sender_is_the_empty_string() -> None:
    async with Rig() as rig:
        client = await rig.greeted()
        await client.envelope(sender="")
        await client.say("DATA")
        assert (await client.say("Hi\r\n.")).startswith("250 ")
    assert rig.policy.taken[0].sender == ""


async def test_the_policy_decides_on_senders_and_recipients() -> None:
    policy = Recorder(refused={"b@example.org": Reply(550, "5.1.1", "no such user")})
    async with Rig(policy) as rig:
        client = await rig.greeted()
        policy.mail_reply = Reply(452, "4.3.1", "the queue is full")
        assert await client.say("MAIL FROM:<a@example.org>") == "452 4.3.1 the queue is full"
        assert (await client.say("RCPT TO:<a@example.org>")).startswith("503 ")
        policy.mail_is_slow = True
        assert await client.say("MAIL FROM:<a@example.org>") == "452 4.3.1 the queue is full"
        policy.mail_reply = None
        assert (await client.say("MAIL FROM:<a@example.org>")).startswith("250 ")
        assert await client.say("RCPT TO:<b@example.org>") == "550 5.1.1 no such user"
        assert (await client.say("DATA")).startswith("554 5.5.1 ")
        assert (await client.say("RCPT TO:<c@example.org>")).startswith("250 ")
        await client.say("DATA")
        assert (await client.say("Hi\r\n.")).startswith("250 ")
    assert [address for address, _ in policy.taken[0].recipients] == ["c@example.org"]


@pytest.mark.parametrize("method", ["mail", "rcpt", "data"])
async def test_rows_26_and_29_an_error_of_ours_is_451_and_leaves_nothing_behind(method: str) -> None:
    async with Rig() as rig:
        client = await rig.greeted()
        rig.policy.broken = {method}
        answers = [await client.say("MAIL FROM:<x@example.org> SMTPUTF8")]
        if method != "mail":
            answers.append(await client.say("RCPT TO:<x@example.org>"))
        if method == "data":
            await client.say("DATA")
            answers.append(await client.say("Hi\r\n."))
        assert answers[-1].startswith("451 4.3.0 ")
        assert "secret" not in answers[-1]
        rig.policy.broken = set()
        assert await client.mail(b"Hi\r\n.\r\n") == "250 2.0.0 queued as 1"
    (mail,) = rig.policy.taken
    assert (mail.sender, mail.recipients, mail.params) == (SENDER, [(RECIPIENT, {})], {})


@pytest.mark.parametrize("command", ["RSET", "EHLO again", "HELO again"])
async def test_a_mail_can_be_forgotten(command: str) -> None:
    async with Rig() as rig:
        client = await rig.greeted()
        await client.envelope("x@example.org", "y@example.org")
        assert (await client.say(command)).startswith("250")
        assert (await client.say("RCPT TO:<z@example.org>")).startswith("503 ")
        assert await client.mail(b"Hi\r\n.\r\n") == "250 2.0.0 queued as 1"
    assert rig.policy.taken[0].recipients == [(RECIPIENT, {})]


SMUGGLED = b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<+436600000002@sms.example.com>\r\nDATA\r\nSmuggled\r\n.\r\n"


@pytest.mark.parametrize("ending", TRICKS)
@pytest.mark.parametrize("piecewise", [False, True])
async def test_row_4_no_ending_but_the_right_one_ends_a_mail(ending: bytes, piecewise: bool) -> None:
    async with Rig(limits=Limits(linger=0.05, error_delay=0)) as rig:
        client = await rig.greeted()
        await client.envelope()
        await client.say("DATA")
        octets = b"First" + ending + SMUGGLED
        for piece in [octets[i : i + 1] for i in range(len(octets))] if piecewise else [octets]:
            client.writer.write(piece)
        answers = [await client.reply()]
        client.writer.write(b"QUIT\r\n")
        answers += (await client.rest()).decode().splitlines()
    assert [mail.sender for mail in rig.policy.taken] in ([], [SENDER])
    assert sum(answer.startswith("250") for answer in answers) == len(rig.policy.taken)
    if b"\n" in ending.replace(b"\r\n", b"") or b"\r" in ending.replace(b"\r\n", b""):
        assert answers[0] == "550 5.5.2 bare CR or LF in message"
        assert len(answers) == 1, "the connection is closed"
        assert not rig.policy.taken
    elif b"\0" in ending:
        assert answers[0].startswith("550 5.6.0 ")


async def test_a_lone_lf_is_refused_at_once_and_a_client_in_full_flow_can_read_why() -> None:
    async with Rig(limits=Limits(linger=1.0)) as rig:
        client = await rig.greeted()
        await client.envelope()
        await client.say("DATA")
        for _ in range(50):
            await client.send(b"a line\n" * 1000)
        await client.send(b"\r\n.\r\n")
        assert await client.reply() == "550 5.5.2 bare CR or LF in message"
        assert await client.rest() == b""
    assert not rig.policy.taken


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        (b".\r\n", "250 2.0.0"),
        (b"\xff\x80\r\n.\r\n", "250 2.0.0"),
        (b"x" * 16384 + b"\r\n.\r\n", "250 2.0.0"),
        (b"x" * 16385 + b"\r\n.\r\n", "554 5.6.0"),
        (b"a\0b\r\n.\r\n", "550 5.6.0"),
        (b"0123456789\r\n" * 4167 + b".\r\n", "552 5.3.4"),
        (b"0123456789\r\n" * 4166 + b"xxxxxx\r\n.\r\n", "250 2.0.0"),
    ],
)
async def test_rows_1_3_and_5_content_is_judged_after_its_end_and_the_connection_goes_on(
    content: bytes, answer: str
) -> None:
    async with Rig(limits=Limits(max_message_size=50_000)) as rig:
        client = await rig.greeted()
        assert (await client.mail(content)).startswith(answer + " ")
        assert (await client.mail(b"Next\r\n.\r\n")).startswith("250 ")
    assert rig.policy.taken[-1].content == b"Next\r\n"
    assert len(rig.policy.taken) == (2 if answer.startswith("250") else 1)


def resident() -> int:
    """Memory of this process in octets."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("piece", [b"x" * 65536, b"x" * 70 + b"\r\n"])
async def test_row_1_a_flood_is_cut_off_and_does_not_fill_the_memory(piece: bytes) -> None:
    async with Rig() as rig:
        client = await rig.greeted()
        await client.envelope()
        await client.say("DATA")
        before = resident()
        with pytest.raises(ConnectionError):
            await babble(client.send, piece)
        assert resident() - before < 5 * 1024 * 1024
        await until(lambda: not rig.listener.sessions)
    assert not rig.policy.taken


async def test_row_6_what_is_said_before_the_greeting_is_refused() -> None:
    async with Rig() as rig:
        early = socket.create_connection(("127.0.0.1", rig.port))
        with early:
            early.sendall(b"EHLO x\r\nMAIL FROM:<a@example.org>\r\n")  # before the loop can accept
            early.setblocking(False)
            reader, writer = await asyncio.open_connection(sock=early)
            assert await reader.read() == b"554 5.5.0 protocol synchronization error\r\n"
            writer.close()
    assert not rig.policy.senders


async def test_row_30_a_proxy_header_from_anybody_is_refused() -> None:
    async with Rig() as rig:
        early = socket.create_connection(("127.0.0.1", rig.port))
        with early:
            early.sendall(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\n")
            early.setblocking(False)
            reader, writer = await asyncio.open_connection(sock=early)
            assert (await reader.read()).startswith(b"421 4.7.0 ")
            writer.close()


async def test_row_6_a_mail_sent_before_it_was_asked_for_is_refused() -> None:
    async with Rig() as rig:
        client = await rig.greeted()
        await client.envelope()
        await client.send(b"DATA\r\nHi\r\n.\r\n")
        assert await client.rest() == b"554 5.5.0 protocol synchronization error\r\n"
    assert not rig.policy.taken


@pytest.mark.parametrize("command", ["NOOP", "RSET", "VRFY x", "HELP", "EHLO x"])
async def test_row_16_commands_without_a_mail_are_counted(command: str) -> None:
    async with Rig() as rig:
        client = await rig.client()
        await client.reply()
        await client.send(f"{command}\r\n".encode() * 101)
        answers = [await client.reply() for _ in range(101)]
        assert all(answer.startswith("2") for answer in answers[:100])
        assert answers[100].startswith("421 4.7.0 ")
        assert await client.rest() == b""


async def test_row_17_recipients_beyond_the_limit_wait_for_the_next_mail() -> None:
    async with Rig() as rig:
        client = await rig.greeted()
        await client.say("MAIL FROM:<a@example.org>")
        await client.send(b"".join(b"RCPT TO:<b%d@example.org>\r\n" % number for number in range(1100)))
        answers = [await client.reply() for _ in range(1100)]
        assert answers == ["250 2.1.5 OK"] * 1000 + ["452 4.5.3 too many recipients"] * 100
        await client.say("DATA")
        assert (await client.say("Hi\r\n.")).startswith("250 ")
    assert len(rig.policy.taken[0].recipients) == 1000


async def test_commands_are_never_logged(caplog: pytest.LogCaptureFixture, stream: io.StringIO) -> None:
    with caplog.at_level(logging.DEBUG):
        async with Rig() as rig:
            client = await rig.greeted()
            await client.say("AUTH login")
            await client.say("aHVudGVyMg==")
            await client.say("AUTH PLAIN aHVudGVyMg==")
    logged = caplog.text + stream.getvalue()
    assert "aHVudGVyMg" not in logged
    assert "hunter2" not in logged


async def test_row_18_of_the_defects_line_limits_do_not_grow_from_session_to_session() -> None:
    async with Rig() as rig:
        for _ in range(5):
            client = await rig.greeted()
            for _ in range(5):
                await client.say("EHLO x")
            assert (await client.say("MAIL FROM:<a@example.org> AUTH=" + "x" * 1400)).startswith("500 5.5.2")


async def test_row_4_legacy_normalizes_a_bare_lf_and_refuses_a_bare_cr() -> None:
    async with Rig(modes=["legacy"], trusted=LOOPBACK) as rig:
        client = await rig.greeted()
        assert (await client.mail(b"Hi\nyou\n.\nthere\r\n.\r\n")).startswith("250 ")
        assert (await client.mail(b"Hi\ryou\r\n.\r\n")).startswith("550 5.5.2 ")
        assert await client.rest() == b"", "the connection is closed"
    (mail,) = rig.policy.taken
    assert mail.content == b"Hi\r\nyou\r\n\r\nthere\r\n"


@pytest.mark.parametrize("ending", TRICKS)
async def test_row_4_legacy_makes_no_second_mail_either(ending: bytes) -> None:
    async with Rig(modes=["legacy"], trusted=LOOPBACK, limits=Limits(linger=0.05, error_delay=0)) as rig:
        client = await rig.greeted()
        await client.envelope()
        await client.say("DATA")
        await client.send(b"First" + ending + SMUGGLED)
        answers = [await client.reply()]
        client.writer.write(b"QUIT\r\n")
        await client.rest()
    assert [mail.sender for mail in rig.policy.taken] in ([], [SENDER])
    assert answers[0].startswith("250 ") is (len(rig.policy.taken) == 1)


async def test_row_9_required_tls(certificates: Certificates) -> None:
    async with Rig(context=certificates.server, require_tls=True) as rig:
        client = await rig.greeted()
        assert (await client.say("MAIL FROM:<a@example.org>")).startswith("530 5.7.0 ")
        await client.start_tls(certificates.client)
        await client.say("EHLO x")
        assert (await client.mail(b"Hi\r\n.\r\n")).startswith("250 ")


async def test_who_has_logged_in_may_send_ahead(certificates: Certificates) -> None:
    async with Rig(users(), context=certificates.server, modes=["implicit"]) as rig:
        client = await rig.greeted(certificates.client)
        await client.say("AUTH PLAIN " + PLAIN)
        await client.envelope()
        await client.send(b"DATA\r\nHi\r\n.\r\nNOOP\r\n")
        assert [(await client.reply())[:3] for _ in range(3)] == ["354", "250", "250"]
