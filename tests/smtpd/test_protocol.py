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
from tests.smtpd.raw import QUICK, RECIPIENT, SENDER, Raw, Recorder, Rig, babble, until


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


async def test_row_32_neither_banner_nor_help_names_a_product_and_ehlo_comes_in_one_piece() -> None:
    async with Rig() as rig:
        client = await rig.client()
        words = await client.reply()
        await client.send(b"EHLO x\r\n")
        first = await client.reader.read(65536)
        assert first.endswith(b"250 DSN\r\n")
        words += first.decode() + await client.say("HELP")
        assert not any(name in words.lower() for name in ("aiosmtpd", "python", "smsbridge", "1.4"))


async def test_helo_is_enough_for_old_devices() -> None:
    async with Rig() as rig:
        client = await rig.client()
        await client.reply()
        assert await client.say("HELO My Printer\u00e9") == "250 mx.example.com"
        assert await client.mail(b"Hi\r\n.\r\n") == "250 2.0.0 queued as 1"
    assert rig.policy.taken[0].peer.helo == "My Printer?"
    assert not rig.policy.taken[0].peer.esmtp


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


async def test_nothing_goes_before_a_greeting() -> None:
    async with Rig() as rig:
        client = await rig.client()
        await client.reply()
        for line in ("MAIL FROM:<a@example.org>", "RCPT TO:<a@example.org>", "DATA", "AUTH PLAIN"):
            assert (await client.say(line)).startswith("503 5.5.1 ")


async def test_rows_9_and_18_parameters_reach_the_policy_in_their_own_case() -> None:
    async with Rig() as rig:
        client = await rig.greeted()
        await client.say("MAIL FROM:<ä@example.org> SIZE=10 smtputf8 ret=HDRS EnvId=QqAa+2B AUTH=<>")
        await client.say("RCPT TO:<ö@example.org> NOTIFY=Failure ORCPT=rfc822;Anna+2Bx@Example.org")
        await client.say("DATA")
        await client.send("Grüße\r\n.\r\n".encode())
        assert (await client.reply()).startswith("250 ")
    (mail,) = rig.policy.taken
    assert mail.sender == "ä@example.org"
    assert mail.params == {"SIZE": "10", "SMTPUTF8": "", "RET": "HDRS", "ENVID": "QqAa+2B", "AUTH": "<>"}
    assert mail.recipients == [("ö@example.org", {"NOTIFY": "Failure", "ORCPT": "rfc822;Anna+2Bx@Example.org"})]


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
        assert (await client.say("DATA")).startswith("503 ")
        assert (await client.say("RCPT TO:<c@example.org>")).startswith("250 ")
        await client.say("DATA")
        assert (await client.say("Hi\r\n.")).startswith("250 ")
    assert [address for address, _ in policy.taken[0].recipients] == ["c@example.org"]


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


async def test_a_reply_is_one_ascii_line_whatever_its_text() -> None:
    policy = Recorder(mail_reply=Reply(550, "5.7.1", "nicht für\r\n250 dich" + "x" * 600))
    async with Rig(policy) as rig:
        client = await rig.greeted()
        answer = await client.say("MAIL FROM:<a@example.org>")
        assert answer.startswith("550 5.7.1 nicht f?r??250 dichxxx")
        assert len(answer) <= 510
        assert await client.say("NOOP") == "250 2.0.0 OK"


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


async def test_an_error_of_ours_at_the_door_closes_it() -> None:
    async with Rig(Recorder(broken={"connected"})) as rig:
        client = await rig.client()
        assert await client.rest() == b""


@pytest.mark.parametrize("command", ["RSET", "EHLO again", "HELO again"])
async def test_a_mail_can_be_forgotten(command: str) -> None:
    async with Rig() as rig:
        client = await rig.greeted()
        await client.envelope("x@example.org", "y@example.org")
        assert (await client.say(command)).startswith("250")
        assert (await client.say("RCPT TO:<z@example.org>")).startswith("503 ")
        assert await client.mail(b"Hi\r\n.\r\n") == "250 2.0.0 queued as 1"
    assert rig.policy.taken[0].recipients == [(RECIPIENT, {})]


async def test_pipelined_commands_are_answered_in_order_and_together() -> None:
    async with Rig(Recorder(refused={"no@example.org": Reply(550, "5.1.1", "no")})) as rig:
        client = await rig.greeted()
        for number in range(1, 4):
            await client.send(
                b"MAIL FROM:<a@example.org>\r\nRCPT TO:<no@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n"
            )
            assert [(await client.reply())[:3] for _ in range(4)] == ["250", "550", "250", "354"]
            # The end of one mail and the beginning of the next in one piece.
            await client.send(b"Hi\r\n.\r\nRSET\r\nNOOP\r\n")
            answers = b""
            while answers.count(b"\r\n") < 3:
                answers += await client.reader.read(1000)
            assert answers == b"250 2.0.0 queued as %d\r\n250 2.0.0 OK\r\n250 2.0.0 OK\r\n" % number
        await client.send(b"NOOP\r\nQUIT\r\nNOOP\r\n")
        assert await client.rest() == b"250 2.0.0 OK\r\n221 2.0.0 Bye\r\n"
    assert len(rig.policy.taken) == 3


async def test_a_whole_conversation_byte_by_byte() -> None:
    async with Rig() as rig:
        client = await rig.client()
        client.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await client.reply()
        script = [b"EHLO x\r\n", b"MAIL FROM:<a@example.org>\r\n", b"RCPT TO:<b@example.org>\r\n", b"DATA\r\n"]
        script += [b"Hi\r\n..\r\n.\r\n", b"QUIT\r\n"]
        for words in script:
            for octet in words:
                await client.send(bytes([octet]))
                await asyncio.sleep(0)
            last = await client.reply()
        assert last == "221 2.0.0 Bye"
    assert rig.policy.taken[0].content == b"Hi\r\n.\r\n"


async def test_lf_alone_ends_a_command_but_not_a_mail() -> None:
    async with Rig() as rig:
        client = await rig.greeted()
        await client.send(b"NOOP\n")
        assert await client.reply() == "250 2.0.0 OK"


ENDINGS = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r.\r\n",
    b"\r\n.\r",
    b"\r\n.\r\r\n",
    b"\n.\r",
    b"\r.\n",
    b"\n\n.\r\n",
    b"\r\n\n.\r\n",
    b"\r\r\n.\r\n",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
    b"\r\n..\r\n",
    b"\r\n. \r\n",
]
SMUGGLED = b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<+436600000002@sms.example.com>\r\nDATA\r\nSmuggled\r\n.\r\n"


@pytest.mark.parametrize("ending", ENDINGS)
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


async def test_row_15_too_many_errors_end_a_connection() -> None:
    async with Rig() as rig:
        client = await rig.greeted()
        answers = [await client.say(f"NONSENSE {number}") for number in range(20)]
        assert answers[:19] == ["500 5.5.1 command not recognized"] * 19
        assert answers[19].startswith("421 4.7.0 ")
        assert await client.rest() == b""


async def test_a_mail_that_is_taken_clears_the_account_of_errors() -> None:
    async with Rig(limits=Limits(error_delay=0, max_idle_commands=5)) as rig:
        client = await rig.greeted()
        for _ in range(3):
            for _ in range(15):
                assert (await client.say("NONSENSE")).startswith("500 ")
            for _ in range(4):
                assert await client.say("NOOP") == "250 2.0.0 OK"
            assert (await client.mail(b"Hi\r\n.\r\n")).startswith("250 ")


async def test_a_slow_answer_is_the_price_of_many_errors() -> None:
    async with Rig(limits=Limits(slow_errors=2, error_delay=0.05)) as rig:
        client = await rig.greeted()
        await client.send(b"X\r\nX\r\nX\r\nX\r\nNOOP\r\n")
        assert [(await client.reply())[:3] for _ in range(5)] == ["500"] * 4 + ["250"]


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


@pytest.mark.parametrize("said", [b"", b"NOO", b"EHLO x\r\n"])
async def test_row_11_a_silent_client_is_told_to_go(said: bytes) -> None:
    async with Rig(limits=Limits(command_timeout=0.2, linger=0.1)) as rig:
        client = await rig.client()
        await client.reply()
        await client.send(said)
        assert (await client.rest()).endswith(b"421 4.4.2 timeout, closing connection\r\n")


async def test_row_11_octets_do_not_prolong_a_command_and_only_a_little_a_mail() -> None:
    async with Rig(limits=Limits(command_timeout=0.3, data_timeout=0.3, linger=0.1, write_timeout=0.5)) as rig:
        commands, mail = await rig.greeted(), await rig.greeted()
        await mail.envelope()
        await mail.say("DATA")

        async def trickle(client: Raw) -> None:
            async def slowly(octets: bytes) -> None:
                await client.send(octets)
                await asyncio.sleep(0.02)

            with pytest.raises(ConnectionError):
                await babble(slowly, b"x")

        tasks = [asyncio.create_task(trickle(client)) for client in (commands, mail)]
        for client in (commands, mail):
            assert (await client.reply()).startswith("421 4.4.2 ")
        await asyncio.wait_for(asyncio.gather(*tasks), 20)


async def test_a_mail_that_moves_may_take_longer_than_the_timeout() -> None:
    async with Rig(limits=Limits(data_timeout=0.2, data_rate=10.0)) as rig:
        client = await rig.greeted()
        await client.envelope()
        await client.say("DATA")
        for _ in range(20):
            await client.send(b"a line\r\n")  # worth 0.8 seconds each
            await asyncio.sleep(0.03)
        assert (await client.say(".")).startswith("250 ")


async def test_the_policy_may_take_longer_than_any_timeout() -> None:
    policy = Recorder(gate=asyncio.Event())
    async with Rig(policy, limits=Limits(command_timeout=0.1, data_timeout=0.1, write_timeout=0.1)) as rig:
        client = await rig.greeted()
        asyncio.get_running_loop().call_later(0.5, policy.gate.set if policy.gate else print)
        assert (await client.mail(b"Hi\r\n.\r\n")).startswith("250 ")


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


async def test_row_12_a_client_that_does_not_read_is_cut_off() -> None:
    async with Rig(limits=Limits(write_timeout=0.3, max_idle_commands=10**9), modes=()) as rig:
        small = socket.create_server(("127.0.0.1", 0))
        small.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        await rig.listener.adopt(small, "starttls")
        deaf = socket.socket()
        with deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            deaf.connect(small.getsockname())
            deaf.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_recv(deaf, 100)

            babbling = asyncio.create_task(babble(lambda octets: loop.sock_sendall(deaf, octets)))
            await until(lambda: len(rig.listener.sessions) == 1)
            await until(lambda: not rig.listener.sessions)
            with pytest.raises(ConnectionError):
                await asyncio.wait_for(babbling, 20)


async def test_row_11_slow_clients_do_not_hinder_others() -> None:
    async with Rig(per_address=1000, total=1000) as rig:
        for number in range(200):
            slow = await rig.client()
            await slow.reply()
            await slow.send(b"EHLO slow\r\nMAIL FR"[: number % 15])
        client = await rig.greeted()
        assert (await client.mail(b"Hi\r\n.\r\n")).startswith("250 ")


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


async def test_legacy_normalizes_lf_for_trusted_peers_only() -> None:
    for trusted, answer in (((ip_network("127.0.0.0/8"),), "250 "), ((), "550 5.5.2 ")):
        async with Rig(modes=["legacy"], trusted=trusted, limits=QUICK) as rig:
            client = await rig.greeted()
            assert (await client.mail(b"Hi\nyou\r\n.\r\n")).startswith(answer)
        if trusted:
            assert rig.policy.taken[0].content == b"Hi\r\nyou\r\n"
