"""Senders on the Internet at the real door: proven by DNS or by a relay's word, or refused after DATA."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from bridge import threads
from bridge.config import MailAuthenticationSettings, SmtpdSettings
from bridge.message import Channel, State
from bridge.proof.mail import MailAuthentication
from bridge.spool import Step
from tests.given import ANNA, DOMAIN, GROUP, KEY, LINE, POSTMASTER, configuration
from tests.make import NOW, PHONE
from tests.proof.dns_stub import Stub, serving
from tests.proof.signing import mail, publish, signed, signer
from tests.smtpd.doorway import Doorway, open_door
from tests.smtpd.raw import Raw
from tests.wait import until

AUTHOR = "bernd@example.org"  # in Anna's `allow`
RELAY = "mx.example.com"
CHECKED = MailAuthenticationSettings(check=True)
RELAYED = MailAuthenticationSettings(relays=(ip_network("127.0.0.0/8"),), authserv_id=RELAY)
TO_ANNA = ANNA.address or ""


@asynccontextmanager
async def checking(place: Path, **settings: Any) -> AsyncIterator[tuple[Doorway, Stub]]:
    """A door on the open Internet: nobody's network is trusted, DNS is asked."""
    given = configuration(**{"smtpd": SmtpdSettings(), "mail_authentication": CHECKED, **settings})
    async with serving() as stub:
        publish(stub, signer("example.org"))
        publish(stub, signer("example.net"))
        stub.add("example.org", "A", "192.0.2.1")
        stub.add("example.net", "A", "192.0.2.2")
        async with open_door(place, given, authentication=MailAuthentication(nameservers=[stub.address])) as door:
            yield door, stub


@asynccontextmanager
async def relayed(place: Path, **settings: Any) -> AsyncIterator[Doorway]:
    given = configuration(**{"smtpd": SmtpdSettings(), "mail_authentication": RELAYED, **settings})
    async with open_door(place, given) as door:
        yield door


async def proofs(door: Doorway) -> list[str]:
    """How the senders of what is kept were proven, as it is stored with each mail."""
    return await door.spool.writer.run(lambda db: [row[0] for row in db.execute("SELECT proof FROM mails ORDER BY at")])


async def test_row_41_a_signature_of_the_author_s_domain_is_proof_and_is_stored(tmp_path: Path) -> None:
    async with checking(tmp_path) as (door, _):
        reply = await door.send(signed(mail(AUTHOR), signer("example.org")), sender="bounces@mailer.example.net")
        assert reply.startswith("250 2.0.0 queued as ")
        (kept,) = await door.kept()
        assert (kept.author, kept.sender) == (AUTHOR, "")  # the envelope is nobody's: no notice goes there
        assert await proofs(door) == ["dkim:example.org"]


async def test_row_18_what_dsn_asked_for_is_kept_until_the_author_is_proven(tmp_path: Path) -> None:
    content = signed(mail(AUTHOR), signer("example.org"))
    async with checking(tmp_path) as (door, _):
        said = await door.say(
            f"MAIL FROM:<{AUTHOR}> RET=HDRS ENVID=QqQ+2B1",
            f"RCPT TO:<{TO_ANNA}> NOTIFY=Success,Failure ORCPT=rfc822;Anna+2BOffice@Example.org",
            "DATA",
            content + b".",
        )
        assert said[-1].startswith("250 2.0.0 queued as ")
        (kept,) = await door.kept()
        assert (kept.notify, kept.orcpt) == ("success,failure", "rfc822;Anna+2BOffice@Example.org")
        arrival = await door.spool.arrival(kept.mail)
        assert arrival is not None
        assert (arrival.envid, arrival.ret, arrival.proof) == ("QqQ+2B1", "hdrs", "dkim:example.org")


async def test_row_41_spf_is_proof_and_its_envelope_may_be_told(tmp_path: Path) -> None:
    async with checking(tmp_path) as (door, stub):
        stub.add("example.org", "TXT", "v=spf1 ip4:127.0.0.1 -all")
        assert (await door.send(mail(AUTHOR), sender="Bounces+7@example.org")).startswith("250 ")
        (kept,) = await door.kept()
        assert (kept.author, kept.sender) == (AUTHOR, "Bounces+7@example.org")
        assert await proofs(door) == ["spf:example.org"]


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ("v=spf1 ip4:192.0.2.9 -all", "550 5.7.23"),
        ("v=spf1 ip4:not-an-address -all", "550 5.7.24"),
        (None, "550 5.7.20"),
        ("v=spf1 ip4:192.0.2.9 ?all", "550 5.7.20"),
    ],
    ids=["fail", "permerror", "none", "neutral"],
)
async def test_row_41_what_is_not_proven_is_refused_after_data(tmp_path: Path, record: str | None, code: str) -> None:
    async with checking(tmp_path) as (door, stub):
        if record:
            stub.add("example.org", "TXT", record)
        assert (await door.send(mail(AUTHOR), sender=AUTHOR)).startswith(code)
        assert await door.kept() == []
        assert await door.kept(Channel.MAIL) == []  # and no notice: who wrote it is not known


async def test_row_41_a_proof_of_another_domain_is_none(tmp_path: Path) -> None:
    async with checking(tmp_path) as (door, stub):
        stub.add("example.net", "TXT", "v=spf1 ip4:127.0.0.1 -all")
        content = signed(mail(AUTHOR), signer("example.net"))
        assert (await door.send(content, sender="eve@example.net")).startswith("550 5.7.1")
        assert await door.kept() == []


@pytest.mark.parametrize(
    ("name", "code"), [("example.org", "451 4.7.24"), ("s1._domainkey.example.org", "451 4.4.3")], ids=["spf", "dkim"]
)
async def test_row_41_trouble_with_dns_is_temporary_and_never_a_pass(tmp_path: Path, name: str, code: str) -> None:
    async with checking(tmp_path) as (door, stub):
        stub.fail(name)
        content = mail(AUTHOR) if name == "example.org" else signed(mail(AUTHOR), signer("example.org"))
        assert (await door.send(content, sender=AUTHOR)).startswith(code)
        assert await door.kept() == []


async def test_row_40_a_proven_stranger_is_still_a_stranger(tmp_path: Path) -> None:
    async with checking(tmp_path) as (door, _):
        content = signed(mail("eve@example.net"), signer("example.net"))
        reply = await door.send(content, sender=AUTHOR)  # the envelope claims to be somebody who may
        assert reply == "550 5.7.1 this sender may not write to that address"
        assert await door.kept() == []


async def test_all_recipients_or_none(tmp_path: Path) -> None:
    async with checking(tmp_path) as (door, _):
        content = signed(mail(AUTHOR), signer("example.org"))
        reply = await door.send(content, TO_ANNA, GROUP.address or "", sender=AUTHOR)
        assert reply.startswith("550 5.7.1 ")
        assert str(GROUP.address) in reply
        assert "nothing was sent" in reply
        assert await door.kept() == []
        assert (await door.send(content, TO_ANNA, f"436600000002@{DOMAIN}", sender=AUTHOR)).startswith("250 ")
        assert len(await door.kept()) == 2


@pytest.mark.parametrize(
    "froms",
    [[f"From: {AUTHOR}", "From: eve@example.net"], [f"From: {AUTHOR}, eve@example.net"], [], ["From: nobody"]],
    ids=["two fields", "two addresses", "none", "no address"],
)
async def test_row_42_from_must_be_one(tmp_path: Path, froms: list[str]) -> None:
    async with checking(tmp_path) as (door, _):
        content = "\r\n".join([*froms, "Subject: x", "", "text", ""]).encode()
        assert (await door.send(content, sender=AUTHOR)).startswith("554 5.6.0")
        assert await door.kept() == []


async def test_row_42_where_from_decides_nothing_it_may_be_anything(tmp_path: Path) -> None:
    trusted = SmtpdSettings(networks=(ip_network("127.0.0.0/8"),))
    async with checking(tmp_path, smtpd=trusted) as (door, stub):
        assert (await door.send(b"Subject: x\r\n\r\ntext\r\n", sender=AUTHOR)).startswith("250 ")
        assert stub.asked == []


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([f"{RELAY}; dkim=pass header.d=example.org"], "250"),
        ([f"{RELAY}; dmarc=pass header.from=example.org"], "250"),
        ([f"{RELAY}; dkim=pass header.d=example.net"], "550"),
        ([f"{RELAY}; dkim=fail header.d=example.org"], "550"),
        (["mx.example.net; dkim=pass header.d=example.org"], "550"),
        ([f"{RELAY}; none", f"{RELAY}; dkim=pass header.d=example.org"], "550"),
        (["mx.example.net; none", f"{RELAY}; dkim=pass header.d=example.org"], "550"),
        ([f"{RELAY}; dkim=temperror header.d=example.org"], "451"),
        ([], "550"),
    ],
)
async def test_row_43_only_the_relay_s_own_word_on_top_counts(tmp_path: Path, results: list[str], code: str) -> None:
    head = b"".join(f"Authentication-Results: {one}\r\n".encode() for one in results)
    async with relayed(tmp_path) as door:
        reply = await door.send(head + mail(AUTHOR), sender=AUTHOR)
        assert reply.startswith(code)
        assert len(await door.kept()) == (code == "250")
        if code == "250":
            ((proof,),) = [await proofs(door)]
            assert proof.startswith("relay:")


async def test_row_43_results_from_anybody_else_are_nothing(tmp_path: Path) -> None:
    elsewhere = replace(RELAYED, relays=(ip_network("192.0.2.0/24"),))
    async with relayed(tmp_path, mail_authentication=elsewhere) as door:
        assert (await door.rcpt(TO_ANNA, AUTHOR)).startswith("550 5.7.1")
        forged = f"Authentication-Results: {RELAY}; dkim=pass header.d=example.org\r\n".encode()
        assert (await door.send(forged + mail(AUTHOR), f"postmaster@{DOMAIN}", sender=AUTHOR)).startswith("250 ")
        (forwarded,) = await door.kept(Channel.MAIL)
        assert forwarded.recipient == POSTMASTER
        assert b"Authentication-Results" not in forwarded.payload
        assert b"Subject: Pump 3" in forwarded.payload


async def test_row_43_where_dns_is_asked_too_a_stranger_has_no_word_of_the_relay(tmp_path: Path) -> None:
    both = replace(RELAYED, check=True, relays=(ip_network("192.0.2.0/24"),))
    async with checking(tmp_path, mail_authentication=both) as (door, _):
        forged = f"Authentication-Results: {RELAY}; dmarc=pass header.from=example.org\r\n".encode() + mail(AUTHOR)
        assert (await door.send(forged, sender=AUTHOR)).startswith("550 5.7.20")
        assert await door.kept() == []


@pytest.mark.parametrize(
    "content", [b"\r\n", b" leading space\r\nFrom: x\r\n\r\nx\r\n", b"Subject: no from\r\n\r\nx\r\n"]
)
async def test_row_44_bad_mail_is_not_authenticated_and_nothing_breaks(tmp_path: Path, content: bytes) -> None:
    async with checking(tmp_path) as (door, _):
        assert (await door.send(content, sender=AUTHOR))[:3] in {"550", "554"}
        assert await door.kept() == []


async def test_a_token_opens_for_its_mailbox_once_the_mail_has_proven_it(tmp_path: Path) -> None:
    token = threads.token(KEY, threads.Answer(phone=PHONE, line=LINE), AUTHOR, NOW)
    async with checking(tmp_path) as (door, _):
        good = signed(mail(AUTHOR), signer("example.org"))
        assert (await door.send(good, f"r+{token}@{DOMAIN}", sender=AUTHOR)).startswith("250 ")
        forged = signed(mail("eve@example.net"), signer("example.net"))
        assert (await door.send(forged, f"r+{token}@{DOMAIN}", sender=AUTHOR)).startswith("550 5.1.1")
        assert len(await door.kept()) == 1


async def test_nobody_s_envelope_is_told_of_a_failure_but_the_operator_is(tmp_path: Path) -> None:
    async with checking(tmp_path) as (door, stub):
        stub.add("example.org", "TXT", "v=spf1 ip4:127.0.0.1 -all")
        signed_only = signed(mail(AUTHOR, subject="one"), signer("example.org"))
        assert (await door.send(signed_only, sender="list@example.net")).startswith("250 ")
        assert (await door.send(mail(AUTHOR, subject="two"), sender=AUTHOR)).startswith("250 ")
        steps = [Step(id=one.id, to=State.FAILED, event="bounced", told="failed") for one in await door.kept()]
        await door.spool.move(steps, NOW)
        door.now += 60
        await door.notices().once()
        assert sorted(one.recipient for one in await door.kept(Channel.MAIL)) == sorted([POSTMASTER, AUTHOR])


async def from_place(door: Doorway, place: str, content: bytes, sender: str) -> str:
    """The reply to a mail from another address of this machine."""
    port = door.listener.ports[0]
    client = Raw(*await asyncio.open_connection("127.0.0.1", port, local_addr=(place, 0)))
    await client.reply()
    await client.say("EHLO client.example.com")
    await client.envelope(sender, TO_ANNA)
    await client.say("DATA")
    reply = await client.say(content.removesuffix(b"\r\n") + b"\r\n.")
    await client.close()
    return reply


async def test_a_stranger_whose_name_server_is_slow_keeps_nobody_else_out(tmp_path: Path) -> None:
    async with checking(tmp_path) as (door, stub):
        stub.delays["slow.example.net"] = 1.0
        stuck = [
            asyncio.create_task(from_place(door, "127.0.0.1", mail("x@slow.example.net"), "x@slow.example.net"))
            for _ in range(door.listener.per_address)
        ]
        await until(lambda: len(stub.asked) >= 5, "they are being checked")
        good = signed(mail(AUTHOR), signer("example.org"))
        assert (await from_place(door, "127.0.0.2", good, AUTHOR)).startswith("250 ")
        assert not any(reply.startswith("250") for reply in await asyncio.gather(*stuck))


async def test_row_27_a_replayed_signature_is_a_repeat_whatever_its_envelope_says(tmp_path: Path) -> None:
    async with checking(tmp_path) as (door, _):
        content = signed(mail(AUTHOR), signer("example.org"))
        assert (await door.send(content, sender=AUTHOR)).startswith("250 2.0.0 queued")
        for sender in ("eve@example.net", "eve+2@example.net", AUTHOR.upper()):
            assert (await door.send(content, sender=sender)).startswith("250 2.0.0 already queued")
        assert len(await door.kept()) == 1
