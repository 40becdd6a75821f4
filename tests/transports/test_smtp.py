"""The smarthost transport against real servers: aiosmtpd where they behave, a scripted one where they do not."""

import asyncio
import socket

import pytest

from bridge.message import Receipt, Scope, Verdict
from bridge.transports import Transport
from bridge.transports.smtp import Smarthost
from tests.transports.servers import (
    MAIL,
    NOW,
    delivery,
    good,
    scripted,
    sent_to,
    smarthost,
)

# --- a mail and its envelope -----------------------------------------------------------------------------------------


async def test_it_is_a_transport() -> None:
    there: Transport = Smarthost(host="localhost")  # mypy is the test
    await there.close()


async def test_a_mail_arrives_as_it_was_written() -> None:
    async with good() as (box, port):
        found = await sent_to(port)
    (mail,) = box.mails
    assert mail.content == MAIL
    assert mail.mail_from == "bounce+m1@sms.example.com"
    assert mail.rcpt_tos == ["anna@example.com"]
    assert [option.upper() for option in mail.mail_options] == [f"SIZE={len(MAIL)}"]
    assert box.sessions[0].host_name == "sms.example.com"
    assert found == Receipt(verdict=Verdict.ACCEPTED, code="250", text="2.0.0 Ok: queued as 4T1X2Z", status="2.0.0")


async def test_row_113_bare_line_ends_cannot_smuggle_a_second_mail() -> None:
    async with scripted() as (script, port):
        payload = b"Subject: x\r\n\r\na\n.\nMAIL FROM:<x@example.com>\r.\r\nb"
        assert (await sent_to(port, changes={"payload": payload})).verdict is Verdict.ACCEPTED
    assert script.data == [b"Subject: x\r\n\r\na\r\n..\r\nMAIL FROM:<x@example.com>\r\n..\r\nb\r\n.\r\n"]


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("", "<>"),
        ('"an na"@example.com', '<"an na"@example.com>'),
        ('"a\\"b"@example.com', '<"a\\"b"@example.com>'),
        ("o'neil+x=y@example.com", "<o'neil+x=y@example.com>"),
        ("anna@[192.0.2.1]", "<anna@[192.0.2.1]>"),
        ("anna@müller.example", "<anna@xn--mller-kva.example>"),
    ],
)
async def test_the_envelope_sender(address: str, written: str) -> None:
    async with scripted() as (script, port):
        assert (await sent_to(port, changes={"sender": address})).verdict is Verdict.ACCEPTED
    assert f"MAIL FROM:{written}" in script.lines


@pytest.mark.parametrize(
    "address",
    [
        "anna",
        "a@b@example.com",
        "anna@example.com> SIZE=1",
        "anna@example.com\r\nRCPT TO:<eve@example.com>",
        "an na@example.com",
        '"anna@example.com',
        "größe@example.com",
        "\ud800@example.com",
        "anna@ü..example",
    ],
)
async def test_an_address_that_cannot_be_said_is_refused_here(address: str) -> None:
    async with scripted() as (script, port):
        found = await sent_to(port, changes={"recipient": address})
    assert (found.verdict, found.status) == (Verdict.PERMANENT, "5.1.3")
    assert not [line for line in script.lines if line.startswith(("MAIL", "RCPT", "DATA"))]


async def test_smtputf8_is_used_where_it_is_needed_and_offered() -> None:
    async with scripted() as (script, port):
        script.extensions = ["SMTPUTF8", "8BITMIME"]
        async with smarthost(port) as there:
            await there.send(delivery(recipient="größe@example.com"), NOW)
            await there.send(delivery(), NOW)
    mails = [line for line in script.lines if line.startswith("MAIL")]
    assert [line.endswith("SMTPUTF8") for line in mails] == [True, False]
    assert "RCPT TO:<größe@example.com>" in script.lines


@pytest.mark.parametrize("offered", [True, False])
async def test_8bit_bytes_go_unchanged(offered: bool) -> None:
    payload = b"Subject: x\r\n\r\n\xc3\xa4\xff\r\n"
    async with scripted() as (script, port):
        script.extensions = ["8BITMIME"] if offered else []
        assert (await sent_to(port, changes={"payload": payload})).verdict is Verdict.ACCEPTED
    assert script.data == [payload + b".\r\n"]
    (mail,) = [line for line in script.lines if line.startswith("MAIL")]
    assert mail.endswith("BODY=8BITMIME") is offered


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "reply", "verdict", "scope", "status"),
    [
        ("MAIL", "553 5.7.1 not your address", Verdict.OURS, Scope.MESSAGE, "4.3.5"),
        ("RCPT", "550 5.1.1 no such user", Verdict.PERMANENT, Scope.MESSAGE, "5.1.1"),
        ("DATA", "554 5.5.1 no valid recipients", Verdict.PERMANENT, Scope.MESSAGE, "5.5.1"),
        ("dot", "452 4.3.1 disk full", Verdict.TEMPORARY, Scope.MESSAGE, "4.3.1"),
    ],
)
async def test_a_refusal(verb: str, reply: str, verdict: Verdict, scope: Scope, status: str) -> None:
    async with scripted() as (script, port), smarthost(port) as there:
        script.on[verb] = reply + "\r\n"
        found = await there.send(delivery(), NOW)
        assert (found.verdict, found.scope, found.status) == (verdict, scope, status)
        assert (found.code, found.text) == (reply[:3], reply[4:])
        assert found.alert is (verdict is Verdict.OURS)
        script.on.clear()
        assert (await there.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
    assert script.sessions == 1


async def test_the_same_from_aiosmtpd() -> None:
    async with good() as (box, port), smarthost(port) as there:
        box.to_rcpt = "550 5.1.1 no such user"
        assert (await there.send(delivery(), NOW)).verdict is Verdict.PERMANENT
        box.to_rcpt, box.to_data = "", "451 4.3.0 later"
        assert (await there.send(delivery(), NOW)).verdict is Verdict.TEMPORARY
        box.to_data = "250 Ok"
        assert (await there.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
        assert len(box.sessions) == 1


async def test_a_reply_of_many_odd_lines_becomes_one_line() -> None:
    async with scripted() as (script, port):
        script.on["RCPT"] = "550-5.1.1 no\x1b[31m\r\n550 5.1.1 such \udcff user\r\n"
        found = await sent_to(port)
    assert found.text == "5.1.1 no [31m 5.1.1 such \ufffd user"


@pytest.mark.parametrize(
    ("verb", "reply", "status"),
    [
        ("banner", "554 5.3.2 not today", "4.3.2"),
        ("banner", "421 4.7.0 too many of you", "4.7.0"),
        ("EHLO", "421 4.3.2 going down", "4.3.2"),
    ],
)
async def test_row_108_a_smarthost_that_takes_nobody_is_tried_later(verb: str, reply: str, status: str) -> None:
    async with scripted() as (script, port):
        script.on[verb] = reply + "\r\n"
        found = await sent_to(port)
    assert (found.verdict, found.status, found.code) == (Verdict.TEMPORARY, status, reply[:3])


# --- connections that end --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reply", ["", "421 4.4.2 idle for too long\r\n"])
async def test_a_kept_connection_that_ends_with_the_next_mail_is_replaced(reply: str) -> None:
    async with scripted() as (script, port), smarthost(port) as there:
        assert (await there.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
        script.on["MAIL"] = reply
        found = await there.send(delivery(), NOW)
        assert (found.verdict, found.status) == (Verdict.TEMPORARY, "4.4.2")
        assert script.sessions == 2
        assert len(script.data) == 1
        script.on.clear()
        assert (await there.send(delivery(), NOW)).verdict is Verdict.ACCEPTED


async def test_row_108_nobody_there() -> None:
    async with scripted() as (_, port):
        pass
    found = await sent_to(port)
    assert (found.verdict, found.status, found.alert) == (Verdict.TEMPORARY, "4.4.1", False)


async def test_row_108_no_such_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)  # asking a real resolver takes as long as it likes
    there = Smarthost(host="nowhere.invalid", tls="none")
    found = await there.send(delivery(), NOW)
    assert (found.verdict, found.status) == (Verdict.TEMPORARY, "4.4.1")


@pytest.mark.parametrize("verb", ["EHLO", "MAIL", "RCPT", "DATA", "dot"])
@pytest.mark.parametrize("how", ["", None], ids=["hangs up", "silent"])
async def test_row_110_a_lost_connection_means_again_later(verb: str, how: str | None) -> None:
    async with scripted() as (script, port), smarthost(port, command_timeout=0.2, data_timeout=0.2) as there:
        script.on[verb] = how
        found = await there.send(delivery(), NOW)
        assert (found.verdict, found.alert) == (Verdict.TEMPORARY, False)
        assert found.status in ("4.4.1", "4.4.2")
        script.on.clear()
        assert (await there.send(delivery(), NOW)).verdict is Verdict.ACCEPTED


async def test_a_smarthost_that_speaks_no_smtp() -> None:
    async with scripted() as (script, port):
        script.on["banner"] = "HTTP/1.1 400 Bad Request\r\n\r\n"
        found = await sent_to(port)
    assert found.verdict is Verdict.TEMPORARY


async def test_a_message_that_breaks_the_library_waits_for_somebody_to_look() -> None:
    async with scripted() as (script, port), smarthost(port) as there:
        found = await there.send(delivery(payload=None), NOW)
        assert (found.verdict, found.alert) == (Verdict.TEMPORARY, True)
        assert (await there.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
        assert len(script.data) == 1


async def test_cancelling_drops_the_connection() -> None:
    async with scripted() as (script, port), smarthost(port, connections=1) as there:
        script.on["dot"] = None
        sending = asyncio.create_task(there.send(delivery(), NOW))
        async with asyncio.timeout(10):
            while not script.data:
                await asyncio.sleep(0.01)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        script.on.clear()
        async with asyncio.timeout(10):  # over the old connection it would wait for a minute
            assert (await there.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
        assert script.sessions == 2
