"""The front door for mail, with a real listener and the real spool: every reply of the contract."""

import asyncio
import json
import secrets
import smtplib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from email import policy
from email.message import EmailMessage
from ipaddress import ip_network
from pathlib import Path
from types import MappingProxyType

import argon2
import pytest

from bridge import threads
from bridge.config import Configuration, Endpoint, LimitsSettings, Rate, SmtpdSettings, User
from bridge.daemon.front import front
from bridge.ids import mail_ids
from bridge.limits import Limits
from bridge.message import Channel, Delivery, Reports, State, decode_sms
from bridge.proof.logins import Logins
from bridge.routing import Allow, Route
from bridge.smtpd.contract import Peer, Terms
from bridge.smtpd.listener import Listener
from bridge.spool import Step, sqlite
from bridge.spool.sqlite import SqliteSpool, open_spool
from tests.given import ANNA, DOMAIN, GROUP, KEY, LINE, NO_LIMITS, POSTMASTER, configuration
from tests.make import NOW, PHONE
from tests.smtpd.conftest import Certificates
from tests.smtpd.raw import Raw

ANYONE = "bernd@example.org"
OUTSIDER = "eve@example.net"
UNTRUSTED = SmtpdSettings(networks=())


def mail(body: str = "Bitte um Rückruf. 250 €", *headers: str, subject: str = "") -> bytes:
    head = [*headers, "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"]
    if subject:
        head.append(f"Subject: {subject}")
    return ("\r\n".join(head) + "\r\n\r\n" + body + "\r\n").encode()


IDENTITY = ("Message-ID: <m1@example.org>", "Date: Sat, 21 Nov 2026 10:00:00 +0100")


@dataclass
class Rig:
    spool: SqliteSpool
    listener: Listener
    now: float = NOW
    configuration: Configuration = field(default_factory=configuration)
    woken: list[Channel] = field(default_factory=list)
    full: bool = False

    async def say(self, *lines: str | bytes) -> list[str]:
        """A raw session: EHLO, then each line; the reply to each, without the EHLO's."""
        client = await Raw.greeted(self.listener.ports[0])
        try:
            return [await client.say(line) for line in lines]
        finally:
            await client.close()

    async def rcpt(self, recipient: str, sender: str = ANYONE) -> str:
        _, reply = await self.say(f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>")
        return reply

    async def send(
        self, content: bytes, recipients: Sequence[str] = (ANNA.address or "",), sender: str = ANYONE
    ) -> tuple[int, str]:
        """By smtplib, as an ordinary program would; the last reply."""

        def sending() -> tuple[int, str]:
            with smtplib.SMTP("127.0.0.1", self.listener.ports[0], timeout=20) as client:
                client.ehlo("client.example.com")
                client.mail(sender, ["BODY=8BITMIME"])
                for recipient in recipients:
                    code, words = client.rcpt(recipient)
                    if code != 250:
                        return code, words.decode()
                code, words = client.data(content)
                return code, words.decode()

        return await asyncio.to_thread(sending)

    async def kept(self) -> list[Delivery]:
        return await self.spool.listing(None, 999)

    async def texts(self) -> list[tuple[str, str]]:
        return [
            (item.recipient, decode_sms(item.payload).text) for item in await self.kept() if item.channel is Channel.SMS
        ]


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0.05)
    spool = await open_spool(tmp_path / "s.db")
    holder: list[Rig] = []
    woken: list[Channel] = []
    door = front(
        spool=spool,
        configuration=lambda: holder[0].configuration,
        logins=Logins(users=lambda: holder[0].configuration.users, clock=lambda: holder[0].now),
        mail_authentication=lambda: None,
        limits=Limits(),
        clock=lambda: holder[0].now,
        new_id=mail_ids(lambda: holder[0].now, secrets.token_bytes),
        wake=woken.append,
        full=lambda: holder[0].full,
    ).door
    listener = Listener(terms=Terms(policy=door, hostname="mx.example.com"))
    holder.append(Rig(spool, listener, woken=woken))
    await listener.open([Endpoint(host="127.0.0.1", port=0)])
    yield holder[0]
    await listener.drain(1.0)
    await spool.close()


@pytest.mark.parametrize(
    ("recipient", "sender", "code"),
    [
        ("nobody@other.example.com", ANYONE, "550 5.7.1"),  # a foreign domain
        (f"user%other.example.com@{DOMAIN}", ANYONE, "550 5.7.1"),
        (f"other.example.com!user@{DOMAIN}", ANYONE, "550 5.7.1"),
        (f"anna@{DOMAIN}", OUTSIDER, "550 5.7.1"),  # not allowed
        (f"team@{DOMAIN}", ANYONE, "550 5.7.1"),
        (f"team@{DOMAIN}", "chief@example.org", "250"),
        (f"anna@{DOMAIN}", ANYONE, "250"),
        (f"ANNA@{DOMAIN.upper()}", ANYONE.upper(), "250"),
        (f'"anna"@{DOMAIN}', ANYONE, "250"),
        (f"nonsense@{DOMAIN}", ANYONE, "550 5.1.3"),  # not a number, under *@
        (f"+4366000000a1@{DOMAIN}", ANYONE, "550 5.1.3"),
        (f"123@{DOMAIN}", ANYONE, "550 5.1.3"),
        (f"+436600000001@{DOMAIN}", ANYONE, "250"),
        (f"00436600000001@{DOMAIN}", ANYONE, "250"),
        (f"06600000001@{DOMAIN}", ANYONE, "250"),
        (f"436600000001@{DOMAIN}", ANYONE, "250"),
        (f"0660.000-0001@{DOMAIN}", ANYONE, "250"),
        (f"0660/0000001@{DOMAIN}", ANYONE, "250"),
        (f'"0660 000 00 01"@{DOMAIN}', ANYONE, "250"),
        (f'"0660 hello"@{DOMAIN}', ANYONE, "550 5.1.3"),
        (f"+4915112345678@{DOMAIN}", ANYONE, "550 5.7.1"),  # a country the route does not send to
        (f"nonsense@{DOMAIN}", OUTSIDER, "550 5.7.1"),  # who may not send learns nothing of numbers
        (f"r+abcdefgh@{DOMAIN}", ANYONE, "550 5.1.1"),
        (f"r+@{DOMAIN}", ANYONE, "550 5.1.1"),
        (f"anna@{DOMAIN}", "", "550 5.7.1"),  # the null sender: a bounce is no SMS
        (f"postmaster@{DOMAIN}", "", "250"),
        (f"Abuse@{DOMAIN}", OUTSIDER, "250"),
        ("postmaster", OUTSIDER, "250"),
        (f"bounce+xyz-1@{DOMAIN}", "", "550 5.1.1"),
        (f"check+1@{DOMAIN}", ANYONE, "550 5.1.3"),  # reserved: no pattern takes it
        (f"check+436600000001@{DOMAIN}", ANYONE, "250"),
        (f'"a@b"@{DOMAIN}', ANYONE, "550 5.7.1"),
        (f'"anna@other.example.com"@{DOMAIN}', ANYONE, "550 5.7.1"),
        (f'"anna%other.example.com"@{DOMAIN}', ANYONE, "550 5.7.1"),
    ],
)
async def test_at_rcpt(rig: Rig, recipient: str, sender: str, code: str) -> None:
    assert (await rig.rcpt(recipient, sender)).startswith(code)


async def test_an_address_without_a_row_is_unknown(rig: Rig) -> None:
    rig.configuration = configuration(rows=[ANNA])
    assert (await rig.rcpt(f"nobody@{DOMAIN}")).startswith("550 5.1.1")
    assert (await rig.rcpt(f"436600000001@{DOMAIN}")).startswith("550 5.1.1")


async def test_what_is_not_proven_is_not_believed(rig: Rig) -> None:
    rig.configuration = configuration(smtpd=UNTRUSTED)
    assert (await rig.rcpt(f"anna@{DOMAIN}")).startswith("550 5.7.1")
    assert (await rig.rcpt(f"+436600000001@{DOMAIN}")).startswith("550 5.7.1")
    assert await rig.kept() == []


async def test_the_peers_address_is_proof_itself(rig: Rig) -> None:
    row = replace(ANNA, allow=Allow(networks=(ip_network("127.0.0.0/8"),)))
    rig.configuration = configuration(rows=[row], smtpd=UNTRUSTED)
    assert (await rig.send(mail(), sender=OUTSIDER))[0] == 250
    (item,) = await rig.kept()
    assert item.author is None  # the envelope sender is still not proven: nobody there is told anything
    conversation = await rig.spool.conversation(PHONE, LINE, NOW)
    assert conversation is None


async def test_250_names_the_id_and_comes_after_the_commit(rig: Rig) -> None:
    code, words = await rig.send(mail())
    assert (code, words.split()[:3]) == (250, ["2.0.0", "queued", "as"])
    (item,) = await rig.kept()
    assert (item.mail, item.id) == (words.split()[3], f"{words.split()[3]}-1")
    assert await rig.texts() == [(PHONE, "Bitte um Rückruf. 250 €")]
    assert (item.author, item.route, item.state) == (ANYONE, ANNA.name, State.QUEUED)
    assert rig.woken == [Channel.SMS]


async def test_a_closed_store_is_451_without_detail(rig: Rig) -> None:
    await rig.spool.close()
    code, words = await rig.send(mail())
    assert (code, words.split()[0]) == (451, "4.3.0")
    assert "closed" not in words


async def test_a_surprise_is_451_without_detail(rig: Rig) -> None:
    rig.configuration = replace(rig.configuration, settings=None)  # type: ignore[arg-type] # made so that our code raises
    client = await Raw.greeted(rig.listener.ports[0])
    reply = await client.say(f"MAIL FROM:<{ANYONE}>")
    await client.close()
    assert reply.startswith("451 4.3.0")
    assert "None" not in reply


async def test_a_full_queue_is_said_at_mail(rig: Rig) -> None:
    rig.full = True
    (reply,) = await rig.say(f"MAIL FROM:<{ANYONE}>")
    assert reply.startswith("452 4.3.1")


async def test_row_63_a_number_named_twice_gets_one_sms(rig: Rig) -> None:
    recipients = [f"anna@{DOMAIN}", f"+436600000001@{DOMAIN}", f"0660-0000001@{DOMAIN}", f"team@{DOMAIN}"]
    assert (await rig.send(mail("x"), recipients, "chief@example.org"))[0] == 250
    kept = await rig.kept()
    assert [item.recipient for item in kept] == ["436600000001", "436600000002", "436600000003"]
    assert [item.id.rpartition("-")[2] for item in kept] == ["1", "2", "3"]
    assert len({item.mail for item in kept}) == 1


async def test_each_member_of_a_group_is_a_delivery(rig: Rig) -> None:
    await rig.send(mail("x"), [f"team@{DOMAIN}"], "chief@example.org")
    assert await rig.texts() == [(number, "x") for number in GROUP.numbers]


async def test_a_group_larger_than_a_limit_goes_in_the_end(rig: Rig) -> None:
    numbers = tuple(f"4366000001{number:02}" for number in range(70))
    rig.configuration = configuration(
        rows=[replace(GROUP, numbers=numbers)], limits=replace(NO_LIMITS, sender=Rate(count=60, seconds=60))
    )
    replies = []
    for _ in range(5):
        replies.append(await rig.rcpt(f"team@{DOMAIN}", "chief@example.org"))
        rig.now += 3600
    assert any(reply.startswith("250") for reply in replies)


async def test_limits_are_said_at_rcpt_and_pass(rig: Rig) -> None:
    rig.configuration = configuration(limits=replace(NO_LIMITS, recipient=Rate(count=2, seconds=60)))
    assert (await rig.rcpt(f"anna@{DOMAIN}")).startswith("250 2.1.5")  # RCPT alone costs nothing
    for _ in range(2):
        assert (await rig.send(b"Subject: x\r\n\r\nhello\r\n", [f"anna@{DOMAIN}"]))[0] == 250
    assert (await rig.rcpt(f"anna@{DOMAIN}")).startswith("450 4.7.1")
    assert (await rig.rcpt(f"+436600000002@{DOMAIN}")).startswith("250")
    rig.now += 60
    assert (await rig.rcpt(f"anna@{DOMAIN}")).startswith("250")


async def test_a_group_of_seventy_passes_on_an_idle_bridge(rig: Rig) -> None:
    """It is larger than what one sender may send in a minute, and could never go if it were counted out."""
    numbers = tuple(f"4366000001{number:02}" for number in range(70))
    assert LimitsSettings().sender.count < len(numbers)
    rig.configuration = configuration(rows=[replace(GROUP, numbers=numbers)], limits=LimitsSettings())
    assert (await rig.send(mail("x"), [f"team@{DOMAIN}"], "chief@example.org"))[0] == 250
    assert len(await rig.kept()) == 70
    assert (await rig.rcpt(f"team@{DOMAIN}", "chief@example.org")).startswith("450 4.7.1")


async def test_a_mail_pays_for_all_its_phones_or_for_none(rig: Rig) -> None:
    rig.configuration = configuration(limits=replace(NO_LIMITS, sender=Rate(count=3, seconds=60)))
    four = [f"+43660000000{number}@{DOMAIN}" for number in range(1, 5)]
    for _ in range(3):
        assert (await rig.send(mail("x"), four))[0] == 450
    assert (await rig.send(mail("x"), four[:3]))[0] == 250


async def test_recipients_that_are_taken_back_cost_nothing(rig: Rig) -> None:
    rig.configuration = configuration(limits=replace(NO_LIMITS, recipient=Rate(count=1, seconds=3600)))
    envelope = (f"MAIL FROM:<{ANYONE}>", f"RCPT TO:<anna@{DOMAIN}>", "RSET")
    replies = await rig.say(*envelope * 20)
    assert {reply[:3] for reply in replies} == {"250"}
    assert (await rig.send(mail("x")))[0] == 250
    assert (await rig.rcpt(f"anna@{DOMAIN}")).startswith("450")


async def test_what_was_not_kept_is_not_paid_for(rig: Rig) -> None:
    rig.configuration = configuration(limits=replace(NO_LIMITS, recipient=Rate(count=2, seconds=3600)))
    for _ in range(5):
        assert (await rig.send(mail("x", *IDENTITY)))[0] == 250  # the same mail, again and again
    assert (await rig.send(mail("y")))[0] == 250
    assert (await rig.send(mail("z")))[0] == 450


async def test_what_the_store_could_not_keep_is_not_paid_for(rig: Rig) -> None:
    rig.configuration = configuration(limits=replace(NO_LIMITS, recipient=Rate(count=1, seconds=3600)))
    await rig.spool.close()
    for _ in range(3):
        assert (await rig.send(mail("x")))[0] == 451


async def test_a_sender_has_one_limit_however_he_is_spelt(rig: Rig) -> None:
    rig.configuration = configuration(limits=replace(NO_LIMITS, sender=Rate(count=2, seconds=60)))
    for sender in (ANYONE, ANYONE.upper()):
        assert (await rig.send(mail("x"), sender=sender))[0] == 250
    for sender in (ANYONE, ANYONE.upper(), ANYONE.title()):
        assert (await rig.rcpt(f"anna@{DOMAIN}", sender)).startswith("450 4.7.1")
    assert (await rig.rcpt(f"anna@{DOMAIN}", "carla@example.org")).startswith("250")


@pytest.mark.parametrize("first", [b" a folded line", b"\tanother", b"no header"])
async def test_a_first_line_that_is_no_header_does_not_become_part_of_ours(rig: Rig, first: bytes) -> None:
    content = first + b"\r\nSubject: x\r\n\r\ny\r\n"
    assert (await rig.send(content, [f"postmaster@{DOMAIN}"]))[0] == 250
    (item,) = await rig.kept()
    received, _, rest = item.payload.partition(b"\r\n\r\n")
    assert first.strip() not in received
    assert rest == content


def test_limits_have_sensible_defaults() -> None:
    for rate in (LimitsSettings().sender, LimitsSettings().recipient, LimitsSettings().route, LimitsSettings().total):
        assert rate.count > 0


async def test_a_mail_that_comes_again_is_answered_with_the_first_id(rig: Rig) -> None:
    first = await rig.send(mail("x", *IDENTITY))
    again = await rig.send(mail("x", *IDENTITY))
    assert again[0] == 250
    assert first[1].split()[-1] == again[1].split()[-1]
    assert len(await rig.kept()) == 1
    assert rig.woken == [Channel.SMS]


@pytest.mark.parametrize(
    ("headers", "body", "sender", "recipient"),
    [
        (IDENTITY, "y", ANYONE, f"anna@{DOMAIN}"),
        (IDENTITY, "x", "carla@example.org", f"anna@{DOMAIN}"),
        (IDENTITY, "x", ANYONE, f"+436600000002@{DOMAIN}"),
        (("Message-ID: <m2@example.org>", IDENTITY[1]), "x", ANYONE, f"anna@{DOMAIN}"),
        ((IDENTITY[0], "Date: Sat, 21 Nov 2026 10:00:01 +0100"), "x", ANYONE, f"anna@{DOMAIN}"),
    ],
    ids=["body", "sender", "recipient", "message-id", "date"],
)
async def test_every_part_of_the_key_counts(
    rig: Rig, headers: tuple[str, ...], body: str, sender: str, recipient: str
) -> None:
    await rig.send(mail("x", *IDENTITY))
    assert (await rig.send(mail(body, *headers), [recipient], sender))[0] == 250
    assert len(await rig.kept()) == 2


@pytest.mark.parametrize("headers", [(), IDENTITY[:1], IDENTITY[1:]], ids=["neither", "only id", "only date"])
async def test_without_message_id_and_date_every_mail_is_a_new_one(rig: Rig, headers: tuple[str, ...]) -> None:
    for _ in range(2):
        await rig.send(mail("x", *headers))
    assert len(await rig.kept()) == 2


@pytest.mark.parametrize("state", [State.FAILED, State.DROPPED])
async def test_a_failed_or_dropped_first_does_not_keep_the_second_away(rig: Rig, state: State) -> None:
    await rig.send(mail("x", *IDENTITY))
    (item,) = await rig.kept()
    await rig.spool.move([Step(id=item.id, to=state, event="x")], NOW)
    assert (await rig.send(mail("x", *IDENTITY)))[0] == 250
    assert len(await rig.kept()) == 1


async def test_after_seven_days_it_is_a_new_one(rig: Rig) -> None:
    await rig.send(mail("x", *IDENTITY))
    rig.now += 7 * 86400 + 1
    await rig.send(mail("x", *IDENTITY))
    assert len(await rig.kept()) == 2


@pytest.mark.parametrize("keyword", ["auto-replied", "auto-notified", "Auto-Replied; owner-email=x"])
async def test_automatic_replies_are_refused(rig: Rig, keyword: str) -> None:
    code, words = await rig.send(mail("Ich bin nicht da", f"Auto-Submitted: {keyword}"))
    assert (code, words.split()[0]) == (550, "5.7.1")
    assert await rig.kept() == []


@pytest.mark.parametrize("header", ["Auto-Submitted: auto-generated", "Auto-Submitted: no", "Precedence: bulk"])
async def test_alarms_pass(rig: Rig, header: str) -> None:
    assert (await rig.send(mail("Wasser im Keller", header)))[0] == 250


async def test_who_writes_opens_a_conversation_and_alarms_do_not(rig: Rig) -> None:
    await rig.send(mail("Alarm", "Auto-Submitted: auto-generated"))
    assert await rig.spool.conversation(PHONE, LINE, NOW) is None
    await rig.send(mail("Hallo", *IDENTITY))
    found = await rig.spool.conversation(PHONE, LINE, NOW)
    assert found is not None
    assert (found.author, found.message_id, found.expires_at) == (ANYONE, "<m1@example.org>", NOW + 7 * 86400)


async def test_a_mail_going_in_circles_ends(rig: Rig) -> None:
    received = [f"Received: from a by b; {number}" for number in range(31)]
    code, words = await rig.send(mail("x", *received))
    assert (code, words.split()[0]) == (554, "5.4.6")
    assert (await rig.send(mail("x", *received[:30])))[0] == 250


@pytest.mark.parametrize(
    ("subject", "body", "expected"),
    [
        ("Alarm", "", (250, "Alarm")),  # no body: the subject is the text
        ("", "", (554, "")),
        ("Alarm", "Keller", (250, "Alarm\nKeller")),
    ],
)
async def test_text_and_subject(rig: Rig, subject: str, body: str, expected: tuple[int, str]) -> None:
    code, words = await rig.send(mail(body, subject=subject))
    assert code == expected[0]
    if code == 250:
        assert await rig.texts() == [(PHONE, expected[1])]
    else:
        assert words.startswith("5.6.0")


@pytest.mark.parametrize("recipient", [f"postmaster@{DOMAIN}", f"abuse@{DOMAIN}", "postmaster"])
@pytest.mark.parametrize("sender", ["", OUTSIDER])
async def test_reserved_addresses_go_to_the_postmaster_unchanged(rig: Rig, recipient: str, sender: str) -> None:
    content = b"Subject: =?utf-8?q?x?=\r\nAuto-Submitted: auto-replied\r\n\r\n\xff\xfe raw\r\n"
    assert (await rig.send(content, [recipient], sender))[0] == 250
    (item,) = await rig.kept()
    assert (item.channel, item.recipient, item.sender, item.reports) == (Channel.MAIL, POSTMASTER, "", Reports.FAILURES)
    assert item.payload.endswith(content)
    trace = item.payload.removesuffix(content)
    assert trace.startswith(b"Received: ")
    assert b"\r\n\r\n" not in trace


async def test_two_reserved_addresses_are_one_mail(rig: Rig) -> None:
    await rig.send(mail(), [f"postmaster@{DOMAIN}", f"abuse@{DOMAIN}"], OUTSIDER)
    assert len(await rig.kept()) == 1


def token(mailbox: str = ANYONE, *, key: bytes = KEY, phone: str = "436600000055", at: float = NOW) -> str:
    return f"r+{threads.token(key, threads.Answer(phone=phone, line=LINE), mailbox, at)}@{DOMAIN}"


async def test_a_token_lets_its_mailbox_answer_that_phone_over_that_line(rig: Rig) -> None:
    outside = "office@example.com"  # in no row's allow: the token is what lets it
    assert (await rig.send(mail("ja"), [token(outside)], outside))[0] == 250
    (item,) = await rig.kept()
    assert (item.recipient, item.author) == ("436600000055", outside)
    assert decode_sms(item.payload).originator == LINE
    assert (await rig.rcpt(token(outside).upper(), outside)).startswith("250")


async def test_a_line_that_may_not_send_pauses_its_answers_and_no_row(rig: Rig) -> None:
    answer = threads.token(KEY, threads.Answer(phone="436600000001", line="828270000001"), ANYONE, NOW)
    assert (await rig.send(mail("ja"), [f"r+{answer}@{DOMAIN}"], ANYONE))[0] == 250
    (item,) = await rig.kept()
    assert decode_sms(item.payload).originator == "828270000001"
    assert item.route == "answers over 828270000001"


@pytest.mark.parametrize(
    ("recipient", "sender", "code"),
    [
        (token(ANYONE), "carla@example.org", "550 5.1.1"),  # somebody else's
        (token(ANYONE, key=b"x" * 32), ANYONE, "550 5.1.1"),  # forged
        (token(ANYONE, at=NOW - threads.TOKEN_FOR - 7200), ANYONE, "550 5.1.1"),  # expired
        (token(ANYONE), "", "550 5.7.1"),  # a bounce is no answer
    ],
)
async def test_a_token_gives_nobody_else_anything(rig: Rig, recipient: str, sender: str, code: str) -> None:
    assert (await rig.rcpt(recipient, sender)).startswith(code)


async def test_a_token_does_not_prove_its_mailbox(rig: Rig) -> None:
    rig.configuration = configuration(smtpd=UNTRUSTED)
    assert (await rig.rcpt(token(ANYONE))).startswith("550")


async def test_a_vacation_reply_to_a_token_is_refused(rig: Rig) -> None:
    code, _ = await rig.send(mail("bin weg", "Auto-Submitted: auto-replied"), [token(ANYONE)])
    assert code == 550


async def test_a_login_is_bound_to_its_own_addresses(rig: Rig, certificates: Certificates) -> None:
    password = secrets.token_urlsafe(12)
    hashed = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password)
    user = User(name="anna", hash=hashed, addresses=frozenset({"anna@example.org"}))
    row = replace(ANNA, allow=Allow(users=frozenset({"anna"})))
    rig.configuration = replace(configuration(rows=[row], smtpd=UNTRUSTED), users=MappingProxyType({"anna": user}))
    rig.listener.terms = replace(rig.listener.terms, ssl_context=certificates.server, offers_auth=True)

    def session(sender: str, secret: str) -> list[int]:
        with smtplib.SMTP("localhost", rig.listener.ports[0], timeout=20) as client:
            client.starttls(context=certificates.client)
            client.ehlo("client.example.com")
            try:
                client.login("anna", secret)
            except smtplib.SMTPAuthenticationError as error:
                return [error.smtp_code]
            codes = [client.mail(sender)[0]]
            if codes[0] == 250:
                codes += [client.rcpt(f"anna@{DOMAIN}")[0], client.data(mail())[0]]
            return codes

    assert await asyncio.to_thread(session, "anna@example.org", "wrong") == [535]
    assert await asyncio.to_thread(session, "chief@example.org", password) == [553]
    assert await asyncio.to_thread(session, "anna@example.org", password) == [250, 250, 250]
    (item,) = await rig.kept()
    assert item.author == "anna@example.org"


async def test_the_rows_policy_goes_with_the_delivery(rig: Rig) -> None:
    row: Route = replace(
        ANNA,
        urgent=True,
        lifetime=60.0,
        warn_after=10.0,
        reports=Reports.ALL,
        language="de",
        unknown_wait=7.0,
        flash=True,
    )
    rig.configuration = configuration(rows=[row])
    await rig.send(mail("x"))
    (item,) = await rig.kept()
    assert (item.urgent, item.reports, item.language, item.unknown_wait) == (True, Reports.ALL, "de", 7.0)
    assert (item.expires_at, item.warn_at) == (NOW + 60, NOW + 10)
    assert json.loads(item.payload)["flash"] is True


async def test_a_hundred_clients_at_once_lose_and_double_nothing(rig: Rig) -> None:
    rig.listener.per_address = 200
    answers = await asyncio.gather(*(rig.send(mail(f"number {number}")) for number in range(60)))
    ids = {words.split()[-1] for code, words in answers if code == 250}
    assert len(ids) == 60
    assert sorted(text for _, text in await rig.texts()) == sorted(f"number {number}" for number in range(60))


async def test_a_card_is_one_binary_message_to_each_phone(rig: Rig) -> None:
    rig.configuration = configuration(rows=(replace(GROUP, binary=True), replace(ANNA, binary=True, max_parts=1)))
    letter = EmailMessage()
    letter["Subject"] = "Annas Karte"
    letter.set_content("wie besprochen")
    letter.add_attachment(b"BEGIN:VCARD" + b"x" * 200, maintype="text", subtype="vcard", filename="anna.vcf")
    content = letter.as_bytes(policy=policy.SMTP)
    assert (await rig.send(content, [GROUP.address or ""], "chief@example.org"))[0] == 250
    kept = [decode_sms(item.payload) for item in await rig.kept()]
    assert [(sms.text, len(sms.segments), sms.with_header) for sms in kept] == [("vCard anna.vcf, 2 SMS", 2, True)] * 3
    code, words = await rig.send(content)
    assert (code, words) == (552, "5.2.3 vCard anna.vcf needs 2 SMS and may have 1")
    assert len(await rig.kept()) == 3


@pytest.mark.parametrize(
    ("names", "user"),
    [
        (("panel.example.org",), "Panel.Example.org"),
        (("x.example.org", "PANEL.example.ORG"), "Panel.Example.org"),
        (("anna",), None),  # she has a password
        (("bernd",), None),
        (("panel.example.org.",), None),
        (("\N{KELVIN SIGN}urt",), None),  # whose lower case is that of K
        (("*.example.org",), None),
        (("panel.example.org\0.example.net",), None),
        (("",), None),
        ((), None),
    ],
)
async def test_row_40_a_certificate_logs_in_the_user_of_its_name(
    rig: Rig, names: tuple[str, ...], user: str | None
) -> None:
    certified = [User(name=name, hash="certificate") for name in ("Panel.Example.org", "kurt")]
    users = (User(name="anna", hash="made-up"), *certified)
    rig.configuration = replace(rig.configuration, users=MappingProxyType({one.name: one for one in users}))
    peer = Peer(host="192.0.2.1", port=1, mode="starttls", tls=True, certificate=names)
    assert rig.listener.terms.policy.certified(peer) == user
