"""The provider's way in by mail, through a real listener and the real spool: a secret address, and what comes there."""

import email
import email.policy
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from ipaddress import ip_network
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bridge.config import Configuration, Endpoint, WebsmsMailSettings
from bridge.daemon.front import front
from bridge.ids import mail_ids
from bridge.limits import Limits
from bridge.log import get_logger
from bridge.message import Channel, IncomingSms
from bridge.proof.logins import Logins
from bridge.providers.websms import notifications
from bridge.relay import take_in
from bridge.smtpd.contract import Terms
from bridge.smtpd.listener import Listener
from bridge.spool import sqlite
from bridge.spool.sqlite import SqliteSpool, open_spool
from tests.given import ANNA, ANY, DOMAIN, OWNED_LINE, configuration
from tests.make import NOW, PHONE
from tests.smtpd.raw import Raw

SECRET = f"sms-in-k3x8v5q2@{DOMAIN}"
PROVIDER = "bounces@provider.example.net"
HERE = WebsmsMailSettings(address=SECRET, networks=(ip_network("127.0.0.0/8"),))
ELSEWHERE = replace(HERE, networks=(ip_network("192.0.2.0/24"),))


def mail(body: str = "Bin gleich da", *headers: str, subject: str = f"SMS from +{PHONE} to 0660 0000099") -> bytes:
    head = [f"From: sms@provider.example.net\r\nTo: {SECRET}\r\nSubject: {subject}", *headers]
    return ("\r\n".join([*head, "Content-Type: text/plain; charset=utf-8", "", body]) + "\r\n").encode()


@dataclass
class Rig:
    spool: SqliteSpool
    listener: Listener
    configuration: Configuration = field(default_factory=lambda: configuration(websms_mail=HERE))
    woken: list[Channel] = field(default_factory=list)

    async def rcpt(self, recipient: str, sender: str = PROVIDER) -> str:
        return (await self.send(None, [recipient], sender))[-1]

    async def send(
        self, content: bytes | None, recipients: list[str] | None = None, sender: str = PROVIDER
    ) -> list[str]:
        """The reply to each RCPT and to the mail."""
        client = await Raw.greeted(self.listener.ports[0])
        try:
            assert (await client.say(f"MAIL FROM:<{sender}>")).startswith("250")
            replies = [await client.say(f"RCPT TO:<{recipient}>") for recipient in recipients or [SECRET]]
            if content is not None:
                assert (await client.say("DATA")).startswith("354")
                stuffed = content.replace(b"\r\n.", b"\r\n..")
                replies.append(await client.say(stuffed + b"."))
            return replies
        finally:
            await client.close()

    async def mails(self) -> list[tuple[str, EmailMessage]]:
        return [
            (item.recipient, email.message_from_bytes(item.payload, policy=email.policy.default))
            for item in await self.spool.listing(None, 99)
            if item.channel is Channel.MAIL
        ]

    async def letters(self) -> list[tuple[Any, ...]]:
        return await self.spool.writer.run(lambda db: db.execute("SELECT body, reason FROM dead_letters").fetchall())


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0.05)
    spool = await open_spool(tmp_path / "s.db")
    holder: list[Rig] = []
    woken: list[Channel] = []
    numbers = iter(range(1, 1000))
    door = front(
        spool=spool,
        configuration=lambda: holder[0].configuration,
        logins=Logins(users=lambda: holder[0].configuration.users, clock=lambda: NOW),
        mail_authentication=lambda: None,
        limits=Limits(),
        clock=lambda: NOW,
        new_id=mail_ids(lambda: NOW, lambda count: Random(next(numbers)).randbytes(count)),
        wake=woken.append,
        full=lambda: False,
    ).door
    listener = Listener(terms=Terms(policy=door, hostname="mx.example.com"))
    holder.append(Rig(spool, listener, woken=woken))
    await listener.open([Endpoint(host="127.0.0.1", port=0)])
    yield holder[0]
    await listener.drain(1.0)
    await spool.close()


async def test_a_mail_to_the_secret_address_is_an_sms(rig: Rig) -> None:
    taken = await rig.send(mail("Bin gleich da. Grüße\r\n> kein Zitat\r\n-- \r\nkeine Signatur"))
    assert taken[0].startswith("250")
    assert taken[1].startswith("250 2.0.0 queued as ")
    ((recipient, found),) = await rig.mails()
    assert recipient == "anna@example.com"
    assert found["X-SMS-Delivered-Because"] == "phone"
    assert found["X-SMS-From"] == "+43 660 0000001"
    assert found["X-SMS-To"] == "+43 660 0000099"
    words = found.get_content().replace("\r\n", "\n")
    assert words == "Bin gleich da. Grüße\n> kein Zitat\n-- \nkeine Signatur\n"
    assert rig.woken == [Channel.MAIL]


@pytest.mark.parametrize("sender", ["", PROVIDER, "anna@example.org"])
async def test_whoever_the_envelope_names(rig: Rig, sender: str) -> None:
    assert (await rig.send(mail(), sender=sender))[-1].startswith("250")
    assert len(await rig.mails()) == 1


@pytest.mark.parametrize("recipient", [SECRET, SECRET.upper(), f'"{SECRET.partition("@")[0]}"@{DOMAIN}'])
async def test_who_is_not_the_provider_does_not_learn_that_it_exists(rig: Rig, recipient: str) -> None:
    assert (await rig.rcpt(recipient)).startswith("250")
    for settings, rows in ((ELSEWHERE, (ANNA, OWNED_LINE)), (ELSEWHERE, (ANY,)), (WebsmsMailSettings(), (ANNA,))):
        rig.configuration = configuration(websms_mail=settings, rows=rows)
        reply = await rig.rcpt(recipient)
        assert reply == "550 5.1.1 no such address here"
    assert reply == await rig.rcpt(f"nobody@{DOMAIN}")


@pytest.mark.parametrize("recipient", [f"x{SECRET}", SECRET[1:], f"sms-in@{DOMAIN}", SECRET.replace("@", "@x.")])
async def test_only_the_exact_address(rig: Rig, recipient: str) -> None:
    rig.configuration = configuration(websms_mail=HERE, rows=(ANNA,))
    assert (await rig.rcpt(recipient)).startswith("550")


LAYOUTS = {
    "the phone in the subject": mail("Ja", subject=f"Neue SMS von +{PHONE} an +436600000099"),
    "the phone as the author": mail("Ja", subject="Neue SMS").replace(b"sms@provider", f"{PHONE}@provider".encode()),
    "fields in the body": mail(f"From: {PHONE}\r\nTo: 06600000099\r\nID: 03a1b2c6\r\nText: Ja", subject="SMS"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_three_plausible_layouts(rig: Rig, layout: str) -> None:
    assert (await rig.send(LAYOUTS[layout]))[-1].startswith("250")
    ((recipient, found),) = await rig.mails()
    assert (recipient, found["X-SMS-From"]) == ("anna@example.com", "+43 660 0000001")
    assert found.get_content().strip() == "Ja"


async def test_a_repeat_makes_no_second_mail(rig: Rig) -> None:
    first = (await rig.send(mail("x", "Message-ID: <1@provider.example.net>")))[-1]
    again = (await rig.send(mail("x", "Message-ID: <1@provider.example.net>", "X-Retry: 1")))[-1]
    assert again == first.replace("queued", "already queued")
    await rig.send(mail("x", "Message-ID: <2@provider.example.net>"))
    assert len(await rig.mails()) == 2
    for _ in range(2):  # without an id of any kind the octets decide
        await rig.send(mail("y"))
    assert len(await rig.mails()) == 3
    assert await rig.letters() == []


async def test_row_98_the_same_id_with_other_content(rig: Rig) -> None:
    other = mail("anders", "Message-ID: <1@provider.example.net>")
    await rig.send(mail("x", "Message-ID: <1@provider.example.net>"))
    assert (await rig.send(other))[-1].startswith("250")
    assert len(await rig.mails()) == 1
    ((body, reason),) = await rig.letters()
    assert (body, "other contents" in reason) == (other, True)
    assert len(await rig.spool.alerts(9)) == 1


async def test_an_sms_that_came_by_http_already_is_a_repeat(rig: Rig) -> None:
    body = (
        '{"messageType":"text","notificationId":"03a1b2c6","textMessageContent":"Ja ","messageFlashSms":true,'
        f'"senderAddress":"{PHONE}"}}'
    ).encode()
    sms = notifications.read(body, country="AT")
    assert isinstance(sms, IncomingSms)
    await take_in(
        sms,
        body,
        spool=rig.spool,
        configuration=rig.configuration,
        mail_id="W1",
        door="webhook",
        now=NOW,
        heard=lambda _phone, _at: None,
        log=get_logger("test"),
    )
    assert (await rig.send(LAYOUTS["fields in the body"]))[-1] == "250 2.0.0 already queued as W1"
    assert len(await rig.mails()) == 1
    assert await rig.letters() == []


@pytest.mark.parametrize(
    "content",
    [
        mail(subject="Ihre Rechnung"),
        mail("", subject=""),
        b"no header\r\n",
        b"Content-Type: multipart/encrypted\r\n\r\nx\r\n",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n" * 20_000,
        b"X: " + b"x" * 10_000 + b"\r\n\r\nx\r\n",
    ],
    ids=lambda content: str(content[-20:]),
)
async def test_what_cannot_be_read_is_kept_told_once_and_answered_250(rig: Rig, content: bytes) -> None:
    for _ in range(2):
        assert (await rig.send(content))[-1] == "250 2.0.0 kept for the operator"
    assert [letter[0] for letter in await rig.letters()] == [content]
    assert len(await rig.spool.alerts(9)) == 1
    assert await rig.mails() == []


async def test_a_mistake_of_ours_is_kept_too(rig: Rig) -> None:
    rig.configuration = replace(rig.configuration, keys=())  # cannot be: made so that our code raises
    assert (await rig.send(mail()))[-1] == "250 2.0.0 kept for the operator"
    assert [reason for _, reason in await rig.letters()] == ["internal error: IndexError"]


async def test_without_a_store_it_comes_again(rig: Rig) -> None:
    await rig.spool.close()
    assert (await rig.send(mail()))[-1].startswith("451 4.3.0")


async def test_beside_other_recipients(rig: Rig) -> None:
    replies = await rig.send(mail(), [SECRET, f"anna@{DOMAIN}", SECRET, f"postmaster@{DOMAIN}"], "bernd@example.org")
    assert all(reply.startswith("250") for reply in replies)
    found = await rig.spool.listing(None, 9)
    assert sorted((item.channel, item.recipient) for item in found) == [
        (Channel.MAIL, "bernd@example.org"),  # whose mail opened a conversation with that phone
        (Channel.MAIL, "postmaster@example.com"),
        (Channel.SMS, PHONE),
    ]
