"""The smarthost in trouble, through everything: away, grey, refusing, cut off, without extensions, not itself."""

import asyncio
import email
import email.policy
import io
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from bridge.delivery.decide import LONGEST_DELAY, backoff
from bridge.message import Channel, Delivery, State, Verdict
from bridge.relay import MAIL_LIFETIME
from bridge.simulator import Simulator
from bridge.spool.sqlite import open_spool
from tests.flows.rig import ANNA, LINE, PHONE, POSTMASTER, ROUTES, Bridge
from tests.flows.test_time import Clock, turning
from tests.transports.servers import Certificates, Script, scripted, sent_to
from tests.wait import until, until_async

BERNDS = (
    ROUTES
    + f'\n[[route]]\naddress = "bernd@sms.example.com"\nnumber = "{PHONE[:-1]}2"\nmailbox = "bernd@example.org"\n'
)
BERNDS += 'allow = ["*@example.org"]\n'
DAY = 86400.0


async def mails(bridge: Bridge) -> list[Delivery]:
    """All mails that are not over, and those that failed."""
    spool = await open_spool(bridge.place / "smsbridge.db", command=True)
    found = [*await spool.listing(None, 999), *await spool.listing(State.FAILED, 999)]
    await spool.close()
    return [item for item in found if item.channel is Channel.MAIL]


async def hear(simulator: Simulator, text: str, phone: str = PHONE) -> None:
    """An SMS comes in and is answered 2000."""
    await simulator.incoming(phone=phone, line=LINE, text=text)
    await simulator.idle()


def read(script: Script) -> list[email.message.EmailMessage]:
    """The mails the smarthost was given, taken or not."""
    mails = [data.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.") for data in script.data]
    return [email.message_from_bytes(mail, policy=email.policy.default) for mail in mails]


async def _deferred(bridge: Bridge, code: str) -> bool:
    return any(item.state is State.QUEUED and item.code == code for item in await mails(bridge))


async def _passes(clock: Clock, script: Script, count: int) -> None:
    """Time passes until the smarthost was given so many mails."""

    def given() -> bool:
        clock.turn(30.0)
        return len(script.data) >= count

    await until(given, f"{count} mails were given")


async def test_row_108_greylisting_is_waited_out(tmp_path: Path) -> None:
    async with scripted() as (script, port), turning(tmp_path, smarthost=port) as (bridge, simulator, clock):
        script.on["RCPT"] = "451 4.7.1 greylisted, come back later\r\n"
        await hear(simulator, "etwas später")
        await until_async(lambda: _deferred(bridge, "451"), "it is put off")
        assert (await bridge.readiness())["ready"]
        del script.on["RCPT"]
        await _passes(clock, script, 1)
        await bridge.drained()
        assert "etwas später" in read(script)[0].get_content()


def test_row_108_the_waits_are_those_of_the_list() -> None:
    waits = [backoff(tries, LONGEST_DELAY[Channel.MAIL], 0.5) for tries in range(1, 20)]
    assert waits == sorted(waits)
    assert (waits[4], waits[-1]) == (80.0, 3600.0)  # quick at first: an SMS has somebody who waits
    assert MAIL_LIFETIME == 5 * DAY


async def test_row_108_after_five_days_it_fails_and_the_operator_is_told(tmp_path: Path) -> None:
    async with scripted() as (script, port), turning(tmp_path, smarthost=port) as (bridge, simulator, clock):
        script.on["RCPT"] = "451 4.7.1 never\r\n"
        await hear(simulator, "kommt nie an")
        await until_async(lambda: _deferred(bridge, "451"), "it is put off")
        clock.turn(5 * DAY + 60)
        await until_async(lambda: _failed(bridge), "it failed")
        del script.on["RCPT"]
        await _passes(clock, script, 1)
        await until(lambda: any("kommt nie an" in str(mail) for mail in read(script)), "with what it said")
        assert all(mail["To"] == POSTMASTER for mail in read(script))


async def _failed(bridge: Bridge) -> bool:
    return any(item.state is State.FAILED for item in await mails(bridge))


async def test_row_109_what_a_mailbox_refuses_comes_to_the_operator_and_is_kept(tmp_path: Path) -> None:
    async with scripted() as (script, port), turning(tmp_path, smarthost=port) as (bridge, simulator, clock):
        script.on["RCPT"] = "550 5.1.1 no such mailbox\r\n"
        await hear(simulator, "wer bekommt das?")
        await until_async(lambda: _failed(bridge), "it failed")
        del script.on["RCPT"]
        await _passes(clock, script, 1)
        (failed,) = [item for item in await mails(bridge) if item.state is State.FAILED]
        assert (failed.code, failed.status, failed.recipient) == ("550", "5.1.1", ANNA)
        assert failed.payload, "never discarded: it can be tried again with `queue retry --yes`"
        (notice,) = read(script)
        assert notice["To"] == POSTMASTER
        assert "wer bekommt das?" in str(notice)


async def test_row_109_an_operator_who_cannot_be_reached_is_a_line_in_the_log(
    tmp_path: Path, stream: io.StringIO
) -> None:
    async with scripted() as (script, port), turning(tmp_path, smarthost=port) as (bridge, simulator, _):
        script.on["RCPT"] = "550 5.1.1 nobody is here\r\n"
        await hear(simulator, "niemand")
        await until(lambda: "postmaster unreachable" in stream.getvalue(), "it is said")
        (line,) = [line for line in stream.getvalue().splitlines() if "postmaster unreachable" in line]
        assert "critical" in line
        assert {item.state for item in await mails(bridge)} == {State.FAILED}
        await asyncio.sleep(1.0)
        assert stream.getvalue().count("postmaster unreachable") == 1, "and does not go round"


async def test_row_110_after_a_lost_answer_it_goes_again_as_the_same_mail(tmp_path: Path) -> None:
    async with scripted() as (script, port), turning(tmp_path, smarthost=port) as (bridge, simulator, clock):
        script.on["dot"] = ""  # takes it, and hangs up
        await hear(simulator, "zweimal dasselbe")
        await until(lambda: script.data or None, "it was given")
        del script.on["dot"]
        await _passes(clock, script, 2)
        await bridge.drained()
        first, second = read(script)
        assert first["Message-ID"] == second["Message-ID"]
        assert script.data[0] == script.data[1]


async def test_row_111_each_recipient_has_a_fate_of_its_own(tmp_path: Path) -> None:
    rows = {"routes": BERNDS}
    async with scripted() as (script, port), turning(tmp_path, smarthost=port, **rows) as (bridge, simulator, clock):
        script.refused = "bernd@example.org"
        await hear(simulator, "an Anna")
        await hear(simulator, "an Bernd", f"{PHONE[:-1]}2")
        await _passes(clock, script, 2)
        await until_async(lambda: _failed(bridge), "one is refused")
        assert Counter(str(mail["To"]) for mail in read(script)) == {ANNA: 1, POSTMASTER: 1}
        assert all(line.count("@") == 1 for line in script.lines if line.startswith("RCPT"))


@pytest.mark.parametrize("injected", ["", "250-mx.example.com\r\n250 AUTH PLAIN\r\n"])
async def test_row_114_an_answer_smuggled_in_before_the_handshake_is_not_believed(injected: str) -> None:
    """CVE-2026-55558: what stands behind the 220 in clear text is thrown away, or the connection is."""
    certificates, heard = Certificates(), []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx.example.com ESMTP\r\n")
        with suppress(OSError, EOFError):
            while True:
                heard.append((await reader.readuntil(b"\r\n")).decode("ascii", "replace").split()[0])
                if heard[-1] == "EHLO":
                    writer.write(b"250-mx.example.com\r\n250 STARTTLS\r\n")
                elif heard[-1] == "STARTTLS":
                    writer.write(b"220 go\r\n" + injected.encode())
                    await writer.start_tls(certificates.server)
                else:
                    writer.write(b"250 Ok\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    found = await sent_to(port, tls="required", ssl_context=certificates.client, username="a", password="b")
    server.close()
    await server.wait_closed()
    assert found.verdict in {Verdict.TEMPORARY, Verdict.OURS}
    assert heard[:2] == ["EHLO", "STARTTLS"]
    assert not {"AUTH", "MAIL"} & set(heard)


@pytest.mark.parametrize("text", ["Grüße aus Österreich €", "日本語", "\U0001f600", "plain"])
async def test_row_115_without_8bitmime_and_smtputf8_everything_arrives(tmp_path: Path, text: str) -> None:
    async with scripted() as (script, port), turning(tmp_path, smarthost=port) as (bridge, simulator, _):
        await hear(simulator, text)
        await bridge.drained()
        (octets,) = script.data
        assert octets.isascii()
        assert all(len(line) <= 998 for line in octets.split(b"\r\n"))
        (mail,) = read(script)
        assert mail.get_content().strip() == text
        assert not any("SMTPUTF8" in line or "8BITMIME" in line for line in script.lines)


async def test_row_115_an_address_that_needs_smtputf8_goes_to_the_operator(tmp_path: Path) -> None:
    rows = {"routes": ROUTES.replace('mailbox = "anna@example.org"', 'mailbox = "änne@example.org"')}
    async with scripted() as (script, port), turning(tmp_path, smarthost=port, **rows) as (bridge, simulator, clock):
        await hear(simulator, "Umlaut")
        await until_async(lambda: _failed(bridge), "it cannot go")
        await _passes(clock, script, 1)
        assert {str(mail["To"]) for mail in read(script)} == {POSTMASTER}
