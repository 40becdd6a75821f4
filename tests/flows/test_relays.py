"""Mail that comes over real mail servers: once to the phone, or back in our words, or later if we cannot now."""

import asyncio
import email
import re
import secrets
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from email.message import EmailMessage, Message
from email.policy import SMTP, SMTPUTF8
from pathlib import Path

import pytest

from bridge.simulator import Simulator
from tests.flows import relays
from tests.flows.relay_files import RELAY, Onward
from tests.flows.relays import Relay
from tests.flows.rig import ADDRESS, ANNA, BERND, PHONE, ROUTES, Bridge, letter, running
from tests.flows.secured import MailDoor, Papers, User, change
from tests.transports.servers import Mailbox, good
from tests.wait import until, until_async

Server = Callable[..., AbstractAsyncContextManager[Relay]]
BOTH = pytest.mark.parametrize("server", [relays.postfix, relays.exim], ids=["postfix", "exim"])

ANY_PHONE = """\
[[route]]
address = "*@sms.example.com"
number = "{local}"
allow = ["*@example.org"]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A relay, the bridge behind it, the phones behind that, and the authors' mailbox."""

    bridge: Bridge
    simulator: Simulator
    relay: Relay
    sink: Mailbox

    async def arrived(self, *texts: str) -> None:
        """Wait until all is quiet; then exactly these have come to phones."""
        await self.relay.empty()
        await self.bridge.drained()
        assert sorted(message.text or "" for message in self.simulator.messages) == sorted(texts)

    async def bounced(self) -> Message:
        """The one mail that came to an author."""
        await until(lambda: self.sink.mails or None, "a mail to the author")
        await self.relay.empty()
        (envelope,) = self.sink.mails
        assert envelope.mail_from == "<>"
        assert isinstance(envelope.content, bytes)
        return email.message_from_bytes(envelope.content)

    def said(self, start: str) -> list[str]:
        """What the relay said to the bridge that begins so."""
        return [line[2:] for line in self.relay.dialogue if line.startswith(f"> {start}")]


@asynccontextmanager
async def relaying(
    bridge: Bridge, simulator: Simulator, server: Server, onward: Onward | None = None
) -> AsyncIterator[Scene]:
    """A relay before a bridge that runs."""
    async with (
        good(enable_SMTPUTF8=True) as (sink, port),
        server(onward or Onward(port=bridge.port("smtp")), sink=port) as relay,
    ):
        try:
            yield Scene(bridge=bridge, simulator=simulator, relay=relay, sink=sink)
        except BaseException:
            print(relay.log[-20_000:], bridge.log[-5_000:], sep="\n")  # shown with a failure
            raise


@asynccontextmanager
async def scene(place: Path, server: Server, *, routes: str = ROUTES) -> AsyncIterator[Scene]:
    """A relay before a bridge that believes it."""
    async with running(place, routes=routes) as (bridge, simulator), relaying(bridge, simulator, server) as found:
        yield found


def octets(mail: EmailMessage) -> bytes:
    """As it travels."""
    return mail.as_bytes(policy=SMTP)


def failures(bounce: Message) -> dict[str, str]:
    """What a bounce says of each recipient: its Status and our sentence."""
    assert bounce.get_content_type() == "multipart/report"
    (report,) = [part for part in bounce.walk() if part.get_content_type() == "message/delivery-status"]
    blocks = report.get_payload()
    assert isinstance(blocks, list)
    found = {}
    for block in blocks:
        assert isinstance(block, Message)
        if "Final-Recipient" in block:
            recipient = str(block["Final-Recipient"]).partition(";")[2].strip()
            assert block["Action"] == "failed"
            found[recipient] = " ".join(str(block["Diagnostic-Code"]).split())
    return found


@BOTH
async def test_a_local_users_mail_reaches_the_phone_once(tmp_path: Path, server: Server) -> None:
    async with scene(tmp_path, server) as here:
        await here.relay.sendmail(octets(letter("Grüße aus Mödling")), "-f", ANNA, ADDRESS)
        await here.arrived("Grüße aus Mödling")
        (message,) = here.simulator.messages
        assert message.recipients == (PHONE,)
        assert here.sink.mails == []


@BOTH
async def test_many_at_once_come_once_each(tmp_path: Path, server: Server) -> None:
    texts = [f"Nummer {number}" for number in range(30)]
    async with scene(tmp_path, server) as here:
        await asyncio.gather(*(here.relay.submit(octets(letter(text)), ADDRESS) for text in texts))
        await here.arrived(*texts)
        assert here.sink.mails == []


@BOTH
async def test_a_refusal_comes_back_in_our_words(tmp_path: Path, server: Server) -> None:
    async with scene(tmp_path, server) as here:
        await here.relay.submit(octets(letter("nie")), ADDRESS, sender="eve@example.net")
        bounce = await here.bounced()
        assert failures(bounce) == {ADDRESS: "smtp; 550 5.7.1 this sender may not write to that address"}
        await here.arrived()


@BOTH
async def test_of_many_recipients_the_bounce_names_exactly_the_unknown(tmp_path: Path, server: Server) -> None:
    phones = [f"4366000000{number:02}" for number in range(10, 40)]
    wrong = ["nobody@sms.example.com", "4366@sms.example.com", "+1@sms.example.com"]
    everybody = [f"+{phone}@sms.example.com" for phone in phones]
    everybody[5:5], everybody[20:20] = wrong[:2], wrong[2:]
    async with scene(tmp_path, server, routes=ANY_PHONE) as here:
        await here.relay.submit(octets(letter("An alle", To="everybody@example.org")), *everybody)
        assert set(failures(await here.bounced())) == set(wrong)
        await here.arrived(*["An alle"] * len(phones))
        assert sorted(to for message in here.simulator.messages for to in message.recipients) == phones
        assert len(here.said(f"MAIL FROM:<{ANNA}>")) == 1


@BOTH
async def test_commands_come_in_one_go(tmp_path: Path, server: Server) -> None:
    async with scene(tmp_path, server, routes=ANY_PHONE) as here:
        await here.relay.submit(octets(letter("Hallo")), "+436600000001@sms.example.com", "06600000002@sms.example.com")
        await here.arrived("Hallo", "Hallo")
        spoken = here.relay.dialogue
        begun = next(place for place, line in enumerate(spoken) if line.startswith("> MAIL FROM:"))
        answered = next(place for place, line in enumerate(spoken) if line.startswith("< 250 2.1.0"))
        assert [line[2:6] for line in spoken[begun:answered]] == ["MAIL", "RCPT", "RCPT", "DATA"]


@BOTH
async def test_row_18_relays_pass_delivery_status_parameters(tmp_path: Path, server: Server) -> None:
    async with scene(tmp_path, server) as here:
        await here.relay.submit(
            octets(letter("mit Wünschen")),
            ADDRESS,
            options=["RET=HDRS", "ENVID=order+2B17"],
            recipient_options=["NOTIFY=SUCCESS,FAILURE,DELAY", f"ORCPT=rfc822;{BERND}"],
        )
        await here.arrived("mit Wünschen")
        (mail,), (recipient,) = here.said(f"MAIL FROM:<{ANNA}>"), here.said(f"RCPT TO:<{ADDRESS}>")
        assert {"RET=HDRS", "ENVID=order+2B17"} <= set(mail.split())
        assert {"NOTIFY=SUCCESS,FAILURE,DELAY", f"ORCPT=rfc822;{BERND}"} <= set(recipient.split())
        assert here.sink.mails == [], "who announces DSN reports himself: the relay leaves it to us"


async def test_row_18_a_local_user_asks_for_delivery_status(tmp_path: Path) -> None:
    async with scene(tmp_path, relays.postfix) as here:
        wishes = ["-N", "success,failure,delay", "-V", "order=17", "-R", "hdrs"]
        await here.relay.sendmail(octets(letter("mit Wünschen")), "-f", ANNA, *wishes, ADDRESS)
        await here.arrived("mit Wünschen")
        (mail,), (recipient,) = here.said("MAIL FROM"), here.said("RCPT TO")
        assert {"RET=HDRS", "ENVID=order+3D17"} <= set(mail.split())
        assert {"NOTIFY=SUCCESS,FAILURE,DELAY", f"ORCPT=rfc822;{ADDRESS}"} <= set(recipient.split())


@BOTH
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_a_relay_logs_in_over_tls(tmp_path: Path, server: Server, tls: str) -> None:
    papers = Papers(tmp_path)
    relay = User(name="relay", password=secrets.token_hex(12), addresses=(ANNA,))
    door = MailDoor(mode=tls, papers=papers, users=(relay,), settings={"require_tls": True})
    async with running(tmp_path, start=False) as (bridge, simulator):
        door.of(bridge)
        bridge.start()
        await bridge.ready()
        onward = Onward(
            port=bridge.port("smtp"), tls=tls, authority=papers.authority, login=(relay.name, relay.password)
        )
        async with relaying(bridge, simulator, server, onward) as here:
            await here.relay.submit(octets(letter("unter uns")), ADDRESS)
            await here.arrived("unter uns")
            (said,) = here.said("MAIL FROM")
            assert re.search(r" AUTH=(<>|anna@example\.org)$", said), said

            # Proven is only what belongs to the login.
            await here.relay.submit(octets(letter("nie", From=BERND)), ADDRESS, sender=BERND)
            bounce = await here.bounced()
            assert failures(bounce) == {ADDRESS: "smtp; 553 5.7.1 this login may not use that sender address"}
            assert here.sink.mails[0].rcpt_tos == [BERND]
            await here.arrived("unter uns")


@BOTH
async def test_a_relay_is_known_by_its_certificate(tmp_path: Path, server: Server) -> None:
    papers = Papers(tmp_path)
    door = MailDoor(
        papers=papers,
        users=(User(name=RELAY, addresses=(ANNA,)),),
        listener={"client_ca": str(papers.authority)},
    )
    async with running(tmp_path, start=False) as (bridge, simulator):
        door.of(bridge)
        bridge.start()
        await bridge.ready()
        onward = Onward(
            port=bridge.port("smtp"), tls="starttls", authority=papers.authority, identity=papers.issue(RELAY)
        )
        async with relaying(bridge, simulator, server, onward) as here:
            await here.relay.submit(octets(letter("unter uns")), ADDRESS)
            await here.arrived("unter uns")
            await here.relay.submit(octets(letter("nie", From=BERND)), ADDRESS, sender=BERND)
            (sentence,) = failures(await here.bounced()).values()
            assert sentence.startswith("smtp; 553 5.7.1 ")
            await here.arrived("unter uns")


@BOTH
async def test_over_the_limit_it_comes_later_and_once(tmp_path: Path, server: Server) -> None:
    async with running(tmp_path, start=False) as (bridge, simulator):
        change(bridge, 'recipient = "0"', 'recipient = "1/d"')
        bridge.start()
        await bridge.ready()
        async with relaying(bridge, simulator, server) as here:
            await here.relay.submit(octets(letter("eins")), ADDRESS)
            await here.arrived("eins")
            await here.relay.submit(octets(letter("zwei")), ADDRESS)
            await until(lambda: "450 4.7.1 too many SMS for now" in here.relay.log, "it is deferred")
            change(bridge, 'recipient = "1/d"', 'recipient = "0"')
            bridge.signal(signal.SIGHUP)
            await here.arrived("eins", "zwei")
            assert here.sink.mails == []


async def test_row_31_while_the_queue_is_full_it_waits_at_the_relay(tmp_path: Path) -> None:
    async with running(tmp_path, start=False) as (bridge, simulator):
        right = bridge.token
        bridge.write_token("not-the-right-one")
        with bridge.config.open("a", encoding="utf-8") as config:
            config.write("\n[spool]\nmax_queued = 1\n")
        bridge.start()
        await bridge.ready()
        async with relaying(bridge, simulator, relays.postfix) as here:
            await bridge.post(letter("eins"))
            await until_async(lambda: _paused(bridge), "nothing is sent")
            await here.relay.submit(octets(letter("zwei")), ADDRESS)
            await until(lambda: "452 4.3.1 the queue is full, try again later" in here.relay.log, "it is deferred")
            bridge.write_token(right)
            bridge.signal(signal.SIGHUP)
            await here.arrived("eins", "zwei")
            assert here.sink.mails == []


async def _paused(bridge: Bridge) -> bool:
    return bool((await bridge.readiness())["paused"])


@pytest.mark.parametrize("address", [ANNA, "jürgen@example.org"], ids=["8bitmime", "smtputf8"])
async def test_octets_beyond_ascii_come_as_they_are(tmp_path: Path, address: str) -> None:
    mail = letter("Größe 中文 😀", From=address, Subject="Straße")
    mail.replace_header("Content-Transfer-Encoding", "8bit")
    mail.set_payload("Größe 中文 😀\n", "utf-8")
    options = ["BODY=8BITMIME"] + ["SMTPUTF8"] * (not address.isascii())
    async with scene(tmp_path, relays.postfix) as here:
        content = mail.as_bytes(policy=SMTPUTF8.clone(cte_type="8bit"))
        assert "Größe".encode() in content
        await here.relay.submit(content, ADDRESS, sender=address, options=options)
        await here.arrived("Straße\nGröße 中文 😀")
        (said,) = here.said("MAIL FROM")
        assert "BODY=8BITMIME" in said
        assert ("SMTPUTF8" in said) != address.isascii()


def with_attachment(size: int) -> bytes:
    """A short text and a long attachment."""
    mail = letter("siehe Anhang")
    mail.add_attachment(secrets.token_bytes(size), maintype="application", subtype="pdf", filename="Plan.pdf")
    return octets(mail)


@BOTH
async def test_a_big_mail_is_taken(tmp_path: Path, server: Server) -> None:
    mail = with_attachment(900 * 1024 * 3 // 4)
    assert 900 * 1024 < len(mail) < 1024 * 1024
    async with scene(tmp_path, server) as here:
        await here.relay.submit(mail, ADDRESS)
        await until(lambda: here.simulator.messages or None, "the SMS")
        (text,) = [message.text or "" for message in here.simulator.messages]
        assert text.startswith("siehe Anhang")
        await here.arrived(text)


async def test_row_2_exim_hears_at_once_that_a_mail_is_too_big(tmp_path: Path) -> None:
    async with scene(tmp_path, relays.exim) as here:
        await here.relay.submit(with_attachment(1024 * 1024), ADDRESS)
        assert failures(await here.bounced()) == {ADDRESS: "smtp; 552 5.3.4 message too big"}
        (said,) = here.said(f"MAIL FROM:<{ANNA}>")
        assert " SIZE=" in said
        assert "< 552 5.3.4 message too big" in here.relay.dialogue
        await here.arrived()


async def test_postfix_knows_by_our_ehlo_that_a_mail_is_too_big(tmp_path: Path) -> None:
    async with scene(tmp_path, relays.postfix) as here:
        await here.relay.submit(with_attachment(1024 * 1024), ADDRESS)
        (sentence,) = failures(await here.bounced()).values()
        assert "exceeds size limit 1048576 of server" in sentence
        assert here.said("MAIL FROM") == []
        await here.arrived()


class Wire:
    """Between relay and bridge; when the first mail is acknowledged it keeps that for itself and kills the bridge."""

    def __init__(self, bridge: Bridge, after: bytes = b" queued as ") -> None:
        """`after` stands in the reply that it keeps."""
        self._bridge = bridge
        self._after = after
        self.cut = False

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            there = await asyncio.open_connection("127.0.0.1", self._bridge.port("smtp"))
        except OSError:
            writer.close()
            return
        towards = asyncio.create_task(self._pump(reader, there[1]))
        await self._pump(there[0], writer, watched=True)
        await towards

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, watched: bool = False) -> None:
        try:
            while heard := await reader.read(65536):
                if watched and not self.cut and self._after in heard:
                    self.cut = True
                    self._bridge.kill()
                    break
                writer.write(heard)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


@BOTH
async def test_row_27_a_reply_lost_in_a_crash_costs_no_second_sms(tmp_path: Path, server: Server) -> None:
    async with running(tmp_path, start=False) as (bridge, simulator):
        # While the account is paused nothing is on its way to the provider when the bridge is killed.
        right = bridge.token
        bridge.write_token("not-the-right-one")
        bridge.start()
        await bridge.ready()
        await bridge.post(letter("vorher"))
        await until_async(lambda: _paused(bridge), "nothing is sent")
        wire = Wire(bridge)
        async with await asyncio.start_server(wire.carry, "127.0.0.1", 0) as between:
            onward = Onward(port=between.sockets[0].getsockname()[1])
            async with relaying(bridge, simulator, server, onward) as here:
                await here.relay.submit(octets(letter("nur einmal")), ADDRESS)
                await until(lambda: wire.cut, "the bridge is killed")
                assert here.relay.waiting(), "to the relay it is not delivered"
                bridge.write_token(right)
                bridge.start()
                await bridge.ready()
                await here.arrived("vorher", "nur einmal")
                assert "250 2.0.0 already queued as " in here.relay.log
                assert here.sink.mails == []
