"""Rows 27, 57 to 60, 63 and 116 to 121 of the threats at the mail door: numbers and money, machines, loops, echoes.

Each goes through a real listener into the real spool. What a rule alone decides is tested beside that rule.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from email import message_from_bytes
from pathlib import Path

import pytest

from bridge import threads
from bridge.config import LimitsSettings, Rate, SmtpdSettings
from bridge.exchanges import MOST, QUICK, WITHIN
from bridge.limits import FORWARDS, FORWARDS_PER_CLIENT
from bridge.message import Channel, State
from bridge.routing import Allow
from bridge.smtpd.contract import Limits as SessionLimits
from bridge.smtpd.holding import REASON
from bridge.spool import Step
from tests.given import ANNA, ANY, DOMAIN, GROUP, KEY, LINE, NO_LIMITS, OWNED_LINE, POSTMASTER, configuration
from tests.make import NOW, PHONE
from tests.smtpd.doorway import SENDER, Doorway, mail, open_door
from tests.smtpd.raw import Raw
from tests.text import machines
from tests.wait import until_async

STRANGERS = SmtpdSettings(networks=())
IDENTITY = ("Message-ID: <m1@example.org>", "Date: Sat, 21 Nov 2026 10:00:00 +0100")


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Doorway]:
    async with open_door(tmp_path) as opened:
        yield opened


async def alerts(door: Doorway, count: int) -> list[str]:
    """Alerts are kept beside the replies: wait until there are that many."""

    async def look() -> list[str] | None:
        found = await door.alerts()
        return found if len(found) >= count else None

    return await until_async(look, f"{count} alerts")


def answer_address(phone: str = "436600000055") -> str:
    token = threads.token(KEY, threads.Answer(phone=phone, line=LINE), SENDER, NOW)
    return f"r+{token}@{DOMAIN}"


# 27: mail that comes again.


async def test_row_27_the_second_copy_is_answered_with_the_first_id(door: Doorway) -> None:
    first, again = [await door.send(mail("x", *IDENTITY)) for _ in range(2)]
    assert first.startswith("250 2.0.0 queued as ")
    assert again == first.replace("queued", "already queued")
    assert await door.texts() == ["x"]


@pytest.mark.parametrize("headers", [(), IDENTITY[:1], IDENTITY[1:], ("Message-ID: rubbish", IDENTITY[1])])
async def test_row_27_without_message_id_or_date_nothing_is_suppressed(door: Doorway, headers: tuple[str, ...]) -> None:
    for _ in range(3):
        assert (await door.send(mail("x", *headers))).startswith("250 2.0.0 queued")
    assert len(await door.kept()) == 3


@pytest.mark.parametrize("changes", ["date", "body", "subject", "all"])
async def test_row_27_a_device_that_repeats_its_message_id_is_heard(door: Doorway, changes: str) -> None:
    """Some have one Message-ID for every alarm, some a clock that stands still, some only a subject."""
    for number in range(3):
        minute = number if changes in {"date", "all"} else 0
        body = f"zone {number}" if changes in {"body", "all"} else "alarm"
        subject = f"zone {number}" if changes in {"subject", "all"} else "alarm"
        date = f"Date: Sat, 21 Nov 2026 10:0{minute}:00 +0100"
        assert (await door.send(mail(body, "Message-ID: <1@panel>", date, f"Subject: {subject}"))).startswith("250")
    assert len(await door.kept()) == 3


@pytest.mark.parametrize("state", [State.FAILED, State.DROPPED])
async def test_row_27_a_first_that_failed_does_not_count(door: Doorway, state: State) -> None:
    await door.send(mail("x", *IDENTITY))
    (first,) = await door.kept()
    await door.spool.move([Step(id=first.id, to=state, event="x")], NOW)
    assert (await door.send(mail("x", *IDENTITY))).startswith("250 2.0.0 queued")


async def test_row_27_after_seven_days_it_is_another_mail(door: Doorway) -> None:
    await door.send(mail("x", *IDENTITY))
    door.now += 7 * 86400 - 1
    assert "already" in await door.send(mail("x", *IDENTITY))
    door.now += 2
    assert "already" not in await door.send(mail("x", *IDENTITY))


async def test_row_27_each_recipient_is_suppressed_alone(door: Doorway) -> None:
    """A relay that splits a mail in two, and one that was interrupted after the first of two recipients."""
    other = f"+436600000002@{DOMAIN}"
    await door.send(mail("x", *IDENTITY))
    assert "already" not in await door.send(mail("x", *IDENTITY), ANNA.address or "", other)
    assert [item.recipient for item in await door.kept()] == [PHONE, "436600000002"]


# 57 to 60, 63: numbers and money.


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("+436600000055", "250"),
        ("06600000055", "250"),
        ("+4315880", "250"),
        ("+41790000012", "550 5.7.1"),
        ("004915112345678", "550 5.7.1"),
        ("+43900123456", "550 5.7.1"),
        ("+43810123456", "550 5.7.1"),
        ("+881612345678", "550 5.7.1"),
        ("+870773111632", "550 5.7.1"),
        ("112", "550 5.1.3"),
        ("144", "550 5.1.3"),
        ("828282", "550 5.1.3"),
        ("+43144", "550 5.1.3"),
        ('"+43 660 0000055;ext=1"', "550 5.1.3"),
    ],
)
async def test_row_57_by_default_only_phones_at_home(door: Doorway, number: str, code: str) -> None:
    assert (await door.rcpt(f"{number}@{DOMAIN}")).startswith(code)


async def test_row_57_a_prefix_opens_what_begins_so(door: Doorway) -> None:
    door.configuration = configuration(rows=[replace(ANY, countries=("AT", "+4179"))])
    assert (await door.rcpt(f"+41790000012@{DOMAIN}")).startswith("250")
    assert (await door.rcpt(f"+41780000012@{DOMAIN}")).startswith("550 5.7.1")


@pytest.mark.parametrize("phone", ["43900123456", "881612345678", "447012345678", "828282"])
async def test_row_58_an_answer_is_not_sent_to_a_dear_number_either(door: Doorway, phone: str) -> None:
    assert (await door.rcpt(answer_address())).startswith("250")
    assert (await door.rcpt(answer_address(phone))).startswith("550 5.7.1")


async def test_row_58_an_answer_to_a_number_the_table_names_is_the_operators_choice(door: Doorway) -> None:
    ship = "870773111632"
    door.configuration = configuration(rows=[replace(ANNA, numbers=(ship,))])
    assert (await door.rcpt(ANNA.address or "")).startswith("250")
    assert (await door.rcpt(answer_address(ship))).startswith("250")


@pytest.mark.parametrize(
    "local", ["+٤٣٦٦٠٠٠٠٠٠٥٥", "０６６０0000055", "0660\N{NO-BREAK SPACE}0000055", "0660000005\u202e5"]
)
async def test_row_59_odd_digits_never_reach_a_phone(door: Doorway, local: str) -> None:
    for written in (local, f'"{local}"'):
        replies = await door.say(
            f"MAIL FROM:<{SENDER}> SMTPUTF8", f"RCPT TO:<{written}@{DOMAIN}>".encode("utf-8", "surrogatepass")
        )
        assert replies[0].startswith("250")
        assert replies[1].startswith(("550 5.1.3", "553 5.1.3", "501 5.5.2")), replies


async def test_row_60_a_device_gone_wild_gets_its_buckets_worth(tmp_path: Path) -> None:
    """10,000 mails of one sender on raw connections: exactly the bucket is accepted, the rest may come again."""
    count, bucket = 10_000, 60
    rows = [ANNA, replace(GROUP, urgent=True, allow=Allow(domains=frozenset({"example.org"})))]
    given = configuration(rows=rows, limits=replace(NO_LIMITS, sender=Rate(count=bucket, seconds=60)))
    async with open_door(tmp_path, given, session=SessionLimits(max_idle_commands=count)) as door:
        client = await Raw.greeted(door.listener.ports[0])
        taken = 0
        for _ in range(bucket):
            await client.envelope(SENDER, ANNA.address or "")
            assert (await client.say("DATA")).startswith("354")
            taken += (await client.say(mail("wild") + b".")).startswith("250 2.0.0 queued")
        assert taken == bucket
        batch = 100
        for _ in range((count - bucket) // batch + 1):
            await client.send(f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<{ANNA.address}>\r\nRSET\r\n".encode() * batch)
            replies = [await client.reply() for _ in range(3 * batch)]
            assert {reply[:9] for reply in replies[1::3]} == {"450 4.7.1"}
            assert {reply[:3] for reply in replies[0::3]} == {"250"}
        await client.close()
        assert len(await door.kept()) == bucket
        (alert,) = await alerts(door, 1)
        assert "limit of sender" in alert
        assert SENDER in alert
        urgent = await door.send(mail("Feuer"), GROUP.address or "")
        assert urgent.startswith("250"), "an alarm has buckets of its own"
        assert (await door.rcpt(ANNA.address or "", "carla@example.org")).startswith("250"), "and so has everybody else"
        assert len(door.limits._buckets) < 20


async def test_row_60_the_operator_is_told_once_an_hour_of_each_limit(door: Doorway) -> None:
    one = Rate(count=1, seconds=86400)
    door.configuration = configuration(limits=replace(NO_LIMITS, recipient=one))
    await door.send(mail("x"))
    for _ in range(5):
        assert (await door.rcpt(ANNA.address or "")).startswith("450 4.7.1")
    assert len(await alerts(door, 1)) == 1
    door.configuration = configuration(limits=replace(NO_LIMITS, sender=one))
    await door.send(mail("x"))
    assert (await door.rcpt(ANNA.address or "")).startswith("450 4.7.1")
    assert len(await alerts(door, 2)) == 2
    door.now += 3601
    assert (await door.rcpt(ANNA.address or "")).startswith("450 4.7.1")
    found = await alerts(door, 3)
    assert ["limit of recipient" in text for text in found] == [True, False, False]
    await door.notices().once()
    (told,) = [item for item in await door.kept(Channel.MAIL) if item.recipient == POSTMASTER]
    assert b"limit of sender" in told.payload


async def test_row_60_strangers_fill_the_operators_mailbox_only_so_far(door: Doorway) -> None:
    door.configuration = configuration(smtpd=STRANGERS, limits=LimitsSettings())
    replies = [
        (await door.send(mail(f"{number}"), f"{name}@{DOMAIN}", sender=f"{number}@example.net"))[:9]
        for number, name in zip(range(FORWARDS_PER_CLIENT.count + 5), ("postmaster", "abuse") * 999, strict=False)
    ]
    assert replies == ["250 2.0.0"] * FORWARDS_PER_CLIENT.count + ["450 4.7.1"] * 5
    assert (await door.rcpt("postmaster", "")).startswith("450 4.7.1"), "bounces of what was forwarded as well"
    assert len(await door.kept(Channel.MAIL)) == FORWARDS_PER_CLIENT.count
    (alert,) = await alerts(door, 1)
    assert "127.0.0.1" in alert
    door.configuration = configuration()
    assert (await door.send(mail("x"), "postmaster")).startswith("250"), "our own people write as they like"


async def test_row_60_one_mail_to_postmaster_and_abuse_is_one(door: Doorway) -> None:
    door.configuration = configuration(smtpd=STRANGERS)
    both = (f"postmaster@{DOMAIN}", f"abuse@{DOMAIN}")
    for _ in range(FORWARDS_PER_CLIENT.count):
        assert (await door.send(mail("x"), *both)).startswith("250")
    assert (await door.rcpt("postmaster")).startswith("450")
    assert FORWARDS_PER_CLIENT.count < FORWARDS.count


async def test_row_63_a_number_named_in_every_way_gets_one_sms(door: Doorway) -> None:
    door.configuration = configuration(
        rows=[ANNA, replace(GROUP, allow=Allow(domains=frozenset({"example.org"}))), OWNED_LINE, ANY],
        limits=replace(NO_LIMITS, recipient=Rate(count=9, seconds=60)),
    )
    spellings = (ANNA.address or "", GROUP.address or "", f"+{PHONE}@{DOMAIN}", f"0660-0000001@{DOMAIN}")
    assert (await door.send(mail("x"), *spellings, answer_address(PHONE))).startswith("250")
    assert sorted(item.recipient for item in await door.kept()) == ["436600000001", "436600000002", "436600000003"]


# 116 to 118: machines.


@pytest.mark.parametrize("name", machines.AUTOMATIC)
async def test_row_118_no_answer_of_a_machine_becomes_an_sms(door: Doorway, name: str) -> None:
    content = machines.AUTOMATIC[name]
    for recipient in (ANNA.address or "", answer_address()):
        assert await door.send(content, recipient) == "550 5.7.1 automatic replies are not sent as SMS"
    assert await door.kept() == []
    assert (await door.send(content, "postmaster")).startswith("250"), "the operator gets it"


@pytest.mark.parametrize("subject", machines.ABSENT)
async def test_row_116_a_vacation_that_says_so_in_its_subject_alone(door: Doorway, subject: str) -> None:
    refused = "550 5.7.1 automatic replies are not sent as SMS"
    assert await door.send(machines.absent(subject), answer_address()) == refused
    assert await door.send(machines.absent(subject, "In-Reply-To: <sms.1@mx.example.com>")) == refused
    assert (await door.send(machines.absent(subject))).startswith("250"), "a new mail may be about a vacation"


@pytest.mark.parametrize("sender", ["", SENDER])
async def test_row_118_the_null_sender_reaches_no_phone(door: Doorway, sender: str) -> None:
    for recipient in (ANNA.address or "", f"+{PHONE}@{DOMAIN}", answer_address()):
        assert (await door.rcpt(recipient, sender)).startswith("250" if sender else "550 5.7.1")
    assert (await door.rcpt("postmaster", sender)).startswith("250")


@pytest.mark.parametrize("name", machines.ALARMS)
async def test_row_117_alarms_become_sms(door: Doorway, name: str) -> None:
    assert (await door.send(machines.ALARMS[name])).startswith("250 2.0.0 queued")
    assert len(await door.kept()) == 1


@pytest.mark.parametrize("name", machines.LISTS)
async def test_row_118_list_mail_only_where_the_row_names_its_sender(door: Doorway, name: str) -> None:
    bounces = "team-bounces@example.org"  # the row allows *@example.org
    reply = await door.send(machines.LISTS[name], sender=bounces)
    assert reply.startswith("550 5.7.1 list mail")
    named = Allow(domains=frozenset({"example.org"}), addresses=frozenset({bounces}))
    door.configuration = configuration(rows=[replace(ANNA, allow=named)])
    assert (await door.send(machines.LISTS[name], sender=bounces)).startswith("250")
    assert (await door.send(machines.LISTS[name])).startswith("550")


# 119, 120: loops.


async def test_row_119_what_went_through_thirty_servers_goes_no_further(door: Doorway) -> None:
    hops = [f"Received: from a by b; {number}" for number in range(31)]
    for recipient in (ANNA.address or "", "postmaster"):
        assert (await door.send(mail("x", *hops), recipient)).startswith("554 5.4.6")
        assert (await door.send(mail("x", *hops[1:]), recipient)).startswith("250")


async def test_row_119_an_sms_that_became_a_mail_becomes_no_sms_again(door: Doorway) -> None:
    await door.hear()
    (relayed,) = await door.kept(Channel.MAIL)
    assert message_from_bytes(relayed.payload)["X-Loop"] == DOMAIN
    redirected = b"Received: from office by office\r\nResent-From: anna@example.org\r\n" + relayed.payload
    for recipient in (ANNA.address or "", f"+436600000002@{DOMAIN}", answer_address()):
        assert (await door.send(redirected, recipient)).startswith("554 5.4.6")
    assert await door.kept() == []
    assert (await door.send(redirected, f"abuse@{DOMAIN}")).startswith("250"), "he may show what he complains of"


class Loop:
    """A phone that answers every SMS at once, and a mailbox that answers every mail at once."""

    def __init__(self, door: Doorway, recipient: str = ANNA.address or "", phone: str = PHONE) -> None:
        self.door = door
        self.recipient = recipient
        self.phone = phone

    async def turn(self, phone_after: float = 1.0, mail_after: float = 1.0) -> State:
        """Once around; what became of the new SMS to the phone."""
        self.door.now += phone_after
        await self.door.hear(self.phone)
        self.door.now += mail_after
        answer = mail("Ticket 1", "In-Reply-To: <sms.1@mx.example.com>")
        assert (await self.door.send(answer, self.recipient)).startswith("250")
        return [item.state for item in await self.door.kept() if item.recipient == self.phone][-1]


async def test_row_120_machines_that_answer_each_other_are_held(door: Doorway) -> None:
    loop = Loop(door)
    await door.send(mail("x"))
    states = [await loop.turn() for _ in range(MOST + 3)]
    assert states == [State.QUEUED] * MOST + [State.HELD] * 3
    held = [item for item in await door.kept() if item.state is State.HELD]
    assert {item.reason for item in held} == {REASON}
    (alert,) = await alerts(door, 1)
    assert "smsbridge queue release" in alert
    assert held[0].id in alert
    assert (await door.send(mail("x"), f"+436600000002@{DOMAIN}")).startswith("250")
    assert (await door.kept())[-1].state is State.QUEUED, "another phone is not concerned"
    step = Step(id=held[0].id, to=State.QUEUED, event="released", only_from=frozenset({State.HELD}))
    assert await door.spool.move([step], door.now) == [True]
    door.now += WITHIN + 1
    await door.send(mail("x"))
    assert [item.state for item in await door.kept() if item.recipient == PHONE][-1] is State.QUEUED


async def test_row_120_alarms_while_somebody_acknowledges_are_no_answers(door: Doorway) -> None:
    for number in range(MOST * 3):
        door.now += 5
        assert (await door.send(mail(f"PROBLEM {number}"))).startswith("250")
        door.now += 5
        await door.hear()
    assert {item.state for item in await door.kept()} == {State.QUEUED}
    assert await door.alerts() == []


async def test_row_120_people_are_never_held(door: Doorway) -> None:
    loop = Loop(door)
    await door.send(mail("x"))
    for number in range(MOST * 3):
        slow = (QUICK + 1, 1.0) if number % 2 else (1.0, QUICK + 1)
        assert await loop.turn(*slow) is State.QUEUED


async def test_row_120_of_a_group_only_the_phone_that_answers_is_held(door: Doorway) -> None:
    row = replace(GROUP, allow=Allow(domains=frozenset({"example.org"})))
    door.configuration = configuration(rows=[row])
    loop = Loop(door, row.address or "", phone="436600000002")
    await door.send(mail("x"), row.address or "")
    for _ in range(MOST):
        assert await loop.turn() is State.QUEUED
    assert await loop.turn() is State.HELD
    assert [item.state for item in (await door.kept())[-3:]] == [State.QUEUED, State.HELD, State.QUEUED]


async def test_row_120_by_answer_address_and_by_phone_it_is_one_loop(door: Doorway) -> None:
    await door.send(mail("x"))
    states = []
    for number in range(MOST + 1):
        recipient = answer_address(PHONE) if number % 2 else f"+{PHONE}@{DOMAIN}"
        states.append(await Loop(door, recipient).turn())
    assert states == [State.QUEUED] * MOST + [State.HELD]


async def test_row_120_an_urgent_row_is_told_of_and_not_held(door: Doorway) -> None:
    """Who is on call acknowledges a storm of alarms by SMS, and monitoring confirms each at once."""
    door.configuration = configuration(rows=[replace(ANNA, urgent=True)])
    loop = Loop(door)
    await door.send(mail("x"))
    assert {await loop.turn() for _ in range(MOST * 2)} == {State.QUEUED}
    (alert,) = await alerts(door, 1)
    assert "urgent" in alert


async def test_row_120_a_mail_that_came_again_is_not_counted_twice(door: Doorway) -> None:
    await door.send(mail("x", *IDENTITY))
    for _ in range(MOST * 2):
        door.now += 1
        await door.hear()
        door.now += 1
        assert "already" in await door.send(mail("x", *IDENTITY))
    assert (await door.send(mail("y"))).startswith("250")
    assert {item.state for item in await door.kept()} == {State.QUEUED}


# 121: backscatter.


async def fail_all(door: Doorway) -> None:
    """Every SMS fails for good, and whoever is to be told is told."""
    steps = [
        Step(id=item.id, to=State.FAILED, event="bounced", code="4002", status="5.1.3", told="failed")
        for item in await door.kept()
    ]
    assert all(await door.spool.move(steps, door.now))
    door.now += 10
    for _ in range(3):
        await door.notices().once()


async def test_row_121_a_proven_sender_is_told_once_from_the_null_sender(door: Doorway) -> None:
    door.configuration = configuration(
        rows=[replace(GROUP, allow=Allow(domains=frozenset({"example.org"}))), ANNA, OWNED_LINE]
    )
    await door.send(mail("x"), GROUP.address or "")
    await fail_all(door)
    (notice,) = await door.kept(Channel.MAIL)
    assert (notice.recipient, notice.sender) == (SENDER, "")
    assert message_from_bytes(notice.payload)["Auto-Submitted"] == "auto-replied"


async def test_row_121_an_unproven_sender_is_told_nothing(door: Doorway) -> None:
    """The client's network is proof that it may send, and none of the address it gives."""
    loopback = configuration().settings.smtpd.networks
    row = replace(ANNA, allow=Allow(networks=loopback))
    door.configuration = configuration(rows=[row], smtpd=STRANGERS)
    assert (await door.send(mail("x"), sender="victim@example.net")).startswith("250")
    await fail_all(door)
    assert [item.recipient for item in await door.kept(Channel.MAIL)] == [POSTMASTER]


async def test_row_121_who_asked_for_none_gets_none(door: Doorway) -> None:
    replies = await door.say(
        f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{ANNA.address}> NOTIFY=NEVER", "DATA", mail("x") + b"."
    )
    assert replies[-1].startswith("250")
    await fail_all(door)
    assert await door.kept(Channel.MAIL) == []


async def test_row_121_what_is_forwarded_to_the_operator_bounces_to_nobody(door: Doorway) -> None:
    for sender in ("", "victim@example.net"):
        assert (await door.send(mail("x"), "postmaster", sender=sender)).startswith("250")
    forwarded = await door.kept(Channel.MAIL)
    assert {(item.recipient, item.sender) for item in forwarded} == {(POSTMASTER, "")}
    steps = [Step(id=item.id, to=State.FAILED, event="bounced", told="failed") for item in forwarded]
    assert all(await door.spool.move(steps, door.now))
    door.now += 10
    await door.notices().once()
    assert await door.kept(Channel.MAIL) == []


async def test_row_121_what_can_be_refused_is_refused_while_the_sender_listens(door: Doorway) -> None:
    door.configuration = configuration(smtpd=STRANGERS)
    for recipient in (ANNA.address or "", f"nobody@{DOMAIN}", "a@elsewhere.example.net", answer_address()):
        assert (await door.rcpt(recipient, "victim@example.net")).startswith("550")
    await asyncio.sleep(0)
    assert await door.kept() == await door.kept(Channel.MAIL) == []
