"""Mail to check+… is answered with what would become of it, and becomes no SMS."""

import email
import email.policy
from dataclasses import replace
from email.message import EmailMessage
from ipaddress import ip_network
from pathlib import Path

import pytest

from bridge.config import LimitsSettings, MailAuthenticationSettings, Rate, SmtpdSettings
from bridge.limits import QUESTIONS
from bridge.message import Channel, Delivery
from bridge.proof.mail import MailAuthentication
from bridge.recipients import asked_about
from bridge.routing import Allow
from bridge.smtpd.checking import MOST
from tests.given import ANNA, DOMAIN, configuration
from tests.proof import signing
from tests.proof.dns_stub import serving
from tests.smtpd.doorway import SENDER, mail, open_door

ASKED = f"check+anna@{DOMAIN}"


def read(delivery: Delivery) -> EmailMessage:
    made = email.message_from_bytes(delivery.payload, policy=email.policy.default)
    assert isinstance(made, EmailMessage)
    return made


@pytest.mark.parametrize(
    ("recipient", "about"),
    [
        (ASKED, f"anna@{DOMAIN}"),
        (f"Check+0660 0000001@{DOMAIN.upper()}", f"0660 0000001@{DOMAIN}"),
        (f"check+@{DOMAIN}", None),
        (f"anna@{DOMAIN}", None),
        ("check+anna@elsewhere.example", None),
        ("postmaster", None),
    ],
)
def test_what_is_asked_about(recipient: str, about: str | None) -> None:
    assert asked_about(configuration(), recipient) == about


async def test_the_answer_says_everything_and_nothing_is_sent(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        content = mail("Druck 0,4 bar", "Subject: Pumpe 3", "Message-ID: <q1@example.org>")
        assert (await door.send(content, ASKED)).startswith("250 2.0.0 queued as ")
        assert await door.kept() == []
        (answer,) = await door.kept(Channel.MAIL)
        assert (answer.recipient, answer.sender) == (SENDER, "")
        said = read(answer)
        assert said["Subject"] == "Re: Pumpe 3"
        assert said["In-Reply-To"] == "<q1@example.org>"
        assert said["Auto-Submitted"] == "auto-replied"
        text = said.get_content()
        assert "Druck 0,4 bar" in text
        assert "+43 660 0000001" in text
        assert "250 2.0.0 queued" in text


async def test_a_refusal_is_explained_and_not_made(tmp_path: Path) -> None:
    given = configuration(rows=(replace(ANNA, max_parts=1, too_long="refuse"),))
    async with open_door(tmp_path, given) as door:
        assert (await door.send(mail("lang " * 200), ASKED)).startswith("250 ")
        (answer,) = await door.kept(Channel.MAIL)
        assert "552 5.2.3 " in read(answer).get_content()


async def test_only_who_could_send_may_ask(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        assert (await door.rcpt(ASKED, "eve@example.net")).startswith("550 5.7.1")
        assert (await door.rcpt(ASKED, "")).startswith("550 5.7.1")
        assert (await door.rcpt(f"check+nobody@{DOMAIN}")).startswith("550 ")
        assert (await door.rcpt(f"check+postmaster@{DOMAIN}")).startswith("550 5.1.1")
        assert (await door.rcpt(f"check+check+anna@{DOMAIN}")).startswith("550 ")


async def test_who_is_no_more_than_an_address_cannot_be_answered(tmp_path: Path) -> None:
    by_address = replace(ANNA, allow=Allow(networks=(ip_network("127.0.0.0/8"),)))
    async with open_door(tmp_path, configuration(rows=(by_address,), smtpd=SmtpdSettings())) as door:
        assert (await door.rcpt(f"anna@{DOMAIN}", "anyone@example.net")).startswith("250 ")
        assert "log in" in await door.rcpt(ASKED, "anyone@example.net")


async def test_machines_that_answer_are_not_answered(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        assert (await door.send(mail("x", "Auto-Submitted: auto-replied"), ASKED)).startswith("550 5.7.1")
        assert await door.kept(Channel.MAIL) == []


async def test_beside_a_phone_both_happen(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        assert (await door.send(mail("Hallo"), f"anna@{DOMAIN}", ASKED)).startswith("250 ")
        assert await door.texts() == ["Hallo"]
        assert len(await door.kept(Channel.MAIL)) == 1


async def test_one_mail_asks_about_a_few_addresses_and_a_machine_not_for_ever(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        assert (await door.send(mail("x"), *[ASKED] * (MOST + 1))).startswith("554 5.5.3 ")
        assert await door.kept(Channel.MAIL) == []
        for number in range(QUESTIONS.count // MOST):
            assert (await door.send(mail(f"{number}"), *[ASKED] * MOST)).startswith("250 ")
        assert (await door.send(mail("x"), ASKED)).startswith("450 4.7.1 ")
        assert (await door.send(mail("x"), f"anna@{DOMAIN}")).startswith("250 ")


async def test_the_answer_says_what_is_left(tmp_path: Path) -> None:
    limits = LimitsSettings(sender=Rate(count=30, seconds=60), total=Rate(count=0))
    async with open_door(tmp_path, configuration(limits=limits)) as door:
        await door.send(mail("Hallo"), f"anna@{DOMAIN}")
        await door.send(mail("Und?"), ASKED)
        (answer,) = await door.kept(Channel.MAIL)
        assert "sender 29 (30/min)" in read(answer).get_content()


async def test_a_sender_proven_by_the_mail_itself(tmp_path: Path) -> None:
    given = configuration(smtpd=SmtpdSettings(), mail_authentication=MailAuthenticationSettings(check=True))
    async with serving() as stub:
        signing.publish(stub, signing.signer("example.org"))
        signing.publish(stub, signing.signer("example.net"))
        authentication = MailAuthentication(nameservers=[stub.address])
        async with open_door(tmp_path, given, authentication=authentication) as door:
            good = signing.signed(signing.mail(SENDER), signing.signer("example.org"))
            assert (await door.send(good, ASKED, sender="bounces@example.net")).startswith("250 ")
            (answer,) = await door.kept(Channel.MAIL)
            assert answer.recipient == SENDER  # the envelope is not proven, From is
            bad = signing.signed(signing.mail("eve@example.net"), signing.signer("example.net"))
            assert (await door.send(bad, ASKED, sender="eve@example.net")).startswith("550 5.7.1")
            assert len(await door.kept(Channel.MAIL)) == 1
