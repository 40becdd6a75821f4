"""Notices: each outcome is told once, to the right person, in the thread of the mail, and never stops the others."""

import email
import email.policy
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from bridge import notices
from bridge.config import Configuration, NoticesSettings, Rate
from bridge.message import Channel, Delivery, IncomingSms, Report, Reports, ReportState, Sms, State, encode_sms
from bridge.notices import Notices
from bridge.spool import Intake, Step
from bridge.spool.sqlite import SqliteSpool, open_spool
from bridge.translate import Addressed, mail_from_sms
from tests.given import POSTMASTER, configuration
from tests.make import NOW, delivery, intake
from tests.notices import rfc3464


@dataclass
class Rig:
    spool: SqliteSpool
    now: float = NOW
    configuration: Configuration = field(default_factory=configuration)
    woken: list[Channel] = field(default_factory=list)
    made: int = 0

    def __post_init__(self) -> None:
        self.notices = Notices(
            spool=self.spool,
            configuration=lambda: self.configuration,
            clock=lambda: self.now,
            new_id=self.new_id,
            wake=self.woken.append,
        )

    def new_id(self) -> str:
        self.made += 1
        return f"notice{self.made}"

    async def fail(self, *names: str, status: str = "5.1.3", now: float = NOW) -> None:
        steps = [
            Step(
                id=name,
                to=State.FAILED,
                event="bounced",
                code="4002",
                text="INVALID_RECIPIENT",
                status=status,
                told="failed",
            )
            for name in names
        ]
        assert all(await self.spool.move(steps, now))

    async def told(self, seconds: float = 10) -> list[tuple[Delivery, EmailMessage]]:
        """One look at NOW + seconds; all notices that are in the spool then."""
        self.now = NOW + seconds
        await self.notices.once()
        found = [item for item in await self.spool.listing(None, 99) if item.mail.startswith("notice")]
        return [(item, parsed(item.payload)) for item in found]


def parsed(payload: bytes) -> EmailMessage:
    assert b"\n" not in payload.replace(b"\r\n", b"")
    return email.message_from_bytes(payload, policy=email.policy.default)


def words(mail: EmailMessage) -> str:
    """What people read."""
    part = next(part for part in mail.walk() if part.get_content_type() == "text/plain")
    text: str = part.get_content()
    return text


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    spool = await open_spool(tmp_path / "s.db")
    yield Rig(spool)
    await spool.close()


async def test_a_failure_is_told_its_author_once_in_the_thread_of_the_mail(rig: Rig) -> None:
    await rig.spool.accept(intake(delivery(state=State.SENDING), message_id="<m@example.org>"))
    await rig.fail("M1-1")
    ((item, mail),) = await rig.told()
    assert (item.recipient, item.sender, item.channel) == ("anna@example.org", "", Channel.MAIL)
    assert mail["To"] == "anna@example.org"
    assert mail["Subject"] == "Not delivered: +43 660 0000001"
    assert mail["In-Reply-To"] == mail["References"] == "<m@example.org>"
    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail["From"] == "smsbridge <postmaster@sms.example.com>"
    text = words(mail)
    for part in ("+43 660 0000001", "The number is not valid", "4002 INVALID_RECIPIENT", "hello", "M1"):
        assert part in text
    assert rig.woken == [Channel.MAIL]
    assert len(await rig.told(20)) == 1
    ((_, events),) = await rig.spool.show("M1-1")
    assert events[-1].event == "told failed"


async def test_outcomes_of_one_mail_are_gathered(rig: Rig) -> None:
    await rig.spool.accept(intake(*(delivery(n, recipient=f"43660000000{n}", state=State.SENDING) for n in (1, 2, 3))))
    await rig.fail("M1-1")
    assert await rig.told(1) == []  # collect = 2s
    await rig.fail("M1-3", now=NOW + 1.5)
    assert await rig.told(2) == [], "more may come"
    ((_, mail),) = await rig.told(3.5)
    assert "+43 660 0000001" in words(mail)
    assert "+43 660 0000003" in words(mail)
    assert "+43 660 0000002" not in words(mail)


async def test_authors_and_mails_do_not_mix(rig: Rig) -> None:
    await rig.spool.accept(
        intake(delivery(1, state=State.SENDING), delivery(2, state=State.SENDING, author="b@example.org"))
    )
    await rig.spool.accept(intake(delivery(mail="M2", state=State.SENDING), id="M2"))
    await rig.fail("M1-1", "M1-2", "M2-1")
    told = await rig.told()
    assert sorted(item.recipient for item, _ in told) == ["anna@example.org", "anna@example.org", "b@example.org"]


async def test_without_a_proven_author_only_the_postmaster_is_told(rig: Rig) -> None:
    await rig.spool.accept(intake(delivery(state=State.SENDING, author=None), sender="forged@example.net", author=None))
    await rig.fail("M1-1")
    ((item, mail),) = await rig.told()
    assert item.recipient == POSTMASTER
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "no other sender is proven" in words(mail)
    assert b"forged@example.net" not in item.payload


@pytest.mark.parametrize(
    ("of_bridge", "of_notices", "subject"), [("en", "de", "Nicht zugestellt"), ("de", None, "Not")]
)
async def test_whose_language_is_spoken(rig: Rig, of_bridge: str, of_notices: str | None, subject: str) -> None:
    rig.configuration = configuration(language=of_bridge, notices=NoticesSettings(language=of_notices))
    await rig.spool.accept(intake(delivery(state=State.SENDING, language="en")))
    await rig.fail("M1-1")
    ((_, mail),) = await rig.told()
    assert mail["Subject"].startswith(subject)


async def test_a_delay_is_told_once_and_does_not_end_it(rig: Rig) -> None:
    await rig.spool.accept(intake(delivery(warn_at=NOW + 900)))
    assert await rig.told(899) == []
    ((_, mail),) = await rig.told(900)
    assert mail["Subject"] == "Delayed: +43 660 0000001"
    assert len(await rig.told(2000)) == 1
    ((found, _),) = await rig.spool.show("M1-1")
    assert found.state is State.QUEUED


async def test_a_delivery_report_is_told_to_who_asked_for_all(rig: Rig) -> None:
    await rig.spool.accept(intake(delivery(state=State.SENT, reports=Reports.ALL)))
    await rig.spool.move([Step(id="M1-1", to=State.DELIVERED, event="delivered", told="delivered")], NOW)
    ((_, mail),) = await rig.told()
    assert mail["Subject"] == "Delivered: +43 660 0000001"


async def test_an_erased_text_is_no_obstacle(rig: Rig) -> None:
    await rig.spool.accept(intake(delivery(state=State.SENDING, payload=b"")))
    await rig.fail("M1-1")
    ((_, mail),) = await rig.told()
    assert "The text was" not in words(mail)


async def test_a_relayed_sms_that_failed_reaches_the_postmaster_with_its_text(rig: Rig) -> None:
    sms = IncomingSms(notification_id="n", phone="436600000001", line=None, text="Grüße vom Berg")
    to = Addressed(mailbox="gone@example.com", why="phone", name="Jörg", address="j@sms.example.com")
    relayed = delivery(
        channel=Channel.MAIL,
        recipient="gone@example.com",
        author=None,
        state=State.SENDING,
        payload=mail_from_sms(sms, to, hostname="mx.example.com", at=NOW),
    )
    await rig.spool.accept(intake(relayed, kind="sms", author=None))
    await rig.fail("M1-1", status="5.1.1")
    ((item, mail),) = await rig.told()
    assert item.recipient == POSTMASTER
    assert "gone@example.com" in words(mail)
    assert "Grüße vom Berg" in words(mail)
    assert "SMS Jörg" in words(mail)  # readable, not in encoded words


async def test_a_notice_that_fails_goes_to_the_postmaster_and_then_nowhere(rig: Rig) -> None:
    await rig.spool.accept(intake(delivery(state=State.SENDING)))
    await rig.fail("M1-1")
    await rig.told()
    await rig.spool.move([Step(id="notice1-1", to=State.SENDING, event="sending")], rig.now)
    await rig.fail("notice1-1", now=rig.now)
    told = await rig.told(20)
    assert [item.recipient for item, _ in told] == [POSTMASTER]
    await rig.spool.move([Step(id="notice2-1", to=State.SENDING, event="sending")], rig.now)
    await rig.fail("notice2-1", now=rig.now)
    assert await rig.told(40) == []
    assert await rig.told(60) == []
    assert rig.made == 3  # the last one is the mark that it was logged, with no mail in it


async def test_alerts_of_one_kind_are_mailed_once_an_hour(rig: Rig) -> None:
    for number in range(3):
        await rig.spool.alert(f"A letter was kept: number {number}", NOW + number)
        await rig.told(number)
    await rig.spool.alert("The disk is full.", NOW + 3)
    mails = [words(mail) for _, mail in await rig.told(4)]
    assert ["number 0" in mail for mail in mails] == [True, False], "each kind at once"
    gathered = [words(mail) for _, mail in await rig.told(3601)][2:]
    assert [("number 1" in mail, "number 2" in mail) for mail in gathered] == [(True, True)], "the others together"


async def test_no_more_alerts_gather_than_one_look_finds(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "_LIMIT", 3)
    for number in range(5):
        await rig.spool.alert(f"A letter was kept: number {number}", NOW)
    for _ in range(2):
        await rig.told(1)
    assert len(await rig.spool.alerts(9)) == 2
    await rig.spool.alert("A letter was kept: number 5", NOW)
    await rig.told(2)
    assert await rig.spool.alerts(9) == []


async def test_alerts_are_one_mail_to_the_postmaster(rig: Rig) -> None:
    for number in range(3):
        await rig.spool.alert(f"alert number {number}", NOW + number)
    ((item, mail),) = await rig.told()
    assert item.recipient == POSTMASTER
    assert mail["Subject"] == "smsbridge on mx.example.com needs attention"
    assert [f"alert number {number}" in words(mail) for number in range(3)] == [True] * 3
    await rig.told(20)
    assert rig.made == 1


@pytest.mark.parametrize("author", ['"anna b"@example.org', "jörg@example.org", '"a,b>"@example.org'])
async def test_an_odd_author_is_told_and_stops_nobody_elses_notice(rig: Rig, author: str) -> None:
    """Quoted and non-ASCII senders pass the door, so they must pass here."""
    await rig.spool.accept(intake(delivery(mail="A", state=State.SENDING, author=author), id="A"))
    await rig.spool.accept(intake(delivery(mail="B", state=State.SENDING), id="B"))
    await rig.fail("A-1", "B-1")
    told = await rig.told()
    assert sorted(item.recipient for item, _ in told) == sorted([author, "anna@example.org"])
    for item, mail in told:
        addresses = mail["To"].addresses
        assert [address.addr_spec for address in addresses] == ([item.recipient] if item.recipient.isascii() else [])


async def test_an_odd_text_does_not_break_out_of_the_notice(rig: Rig) -> None:
    text = "x\r\n.\r\nFrom nobody\x00\u2028Subject: y\n\nBcc: z@example.net"
    await rig.spool.accept(intake(delivery(state=State.SENDING, payload=encode_sms(Sms(text=text)))))
    await rig.fail("M1-1")
    ((_, mail),) = await rig.told()
    assert mail["Bcc"] is None
    assert "Bcc: z@example.net" in words(mail)


async def test_one_notice_that_cannot_be_written_silences_no_other(rig: Rig) -> None:
    await rig.spool.accept(intake(delivery(state=State.SENDING)))
    taken = delivery(mail="notice1", state=State.DROPPED)
    await rig.spool.accept(Intake(id="notice1", kind="mail", at=NOW, deliveries=(taken,)))
    await rig.fail("M1-1")  # the id of its notice is taken
    told = await rig.told(20)
    assert ["attention" in str(mail["Subject"]) for _, mail in told] == [True]
    assert len(await rig.told(20)) == 1, "and it is told once"


@pytest.mark.parametrize("kind", ["mail", "sms", "notice"])
async def test_a_mail_to_the_postmaster_that_fails_is_told_the_log_alone(
    rig: Rig, stream: io.StringIO, kind: str
) -> None:
    """A forwarded mail, a relayed SMS and a notice alike: there is nobody else to tell."""
    failed = delivery(channel=Channel.MAIL, recipient=POSTMASTER, author=None, state=State.SENDING, payload=b"x\r\n")
    await rig.spool.accept(intake(failed, kind=kind, author=None))
    await rig.fail("M1-1")
    assert await rig.told() == []
    assert rig.woken == []
    (line,) = [line for line in stream.getvalue().splitlines() if "postmaster unreachable" in line]
    assert "INVALID_RECIPIENT" in line
    assert "critical" in line.lower() or line.startswith("<2>")
    await rig.told(20)
    assert stream.getvalue().count("postmaster unreachable") == 1


EXPLAINED = {("4002", "en"): "THE PROVIDER SAYS.", ("4002", "de"): "DER ANBIETER SAGT."}


def explaining(rig: Rig) -> None:
    rig.notices = Notices(
        spool=rig.spool,
        configuration=lambda: rig.configuration,
        clock=lambda: rig.now,
        new_id=rig.new_id,
        wake=rig.woken.append,
        explain=lambda code, language: EXPLAINED.get((code, language)),
    )


@pytest.mark.parametrize(("language", "sentence"), [("en", "THE PROVIDER SAYS."), ("de", "DER ANBIETER SAGT.")])
async def test_the_providers_sentence_wins_over_the_general_one(rig: Rig, language: str, sentence: str) -> None:
    explaining(rig)
    await rig.spool.accept(intake(delivery(state=State.SENDING, language=language)))
    await rig.fail("M1-1")
    ((_, mail),) = await rig.told()
    text = words(mail)
    assert sentence in text
    assert "4002 INVALID_RECIPIENT" in text
    assert "The number is not valid" not in text
    assert "ungültig" not in text


async def test_the_postmaster_reads_it_in_the_language_of_the_house(rig: Rig) -> None:
    explaining(rig)
    rig.configuration = configuration(language="de")
    await rig.spool.accept(intake(delivery(state=State.SENDING, author=None, language="en"), author=None))
    await rig.fail("M1-1")
    ((item, mail),) = await rig.told()
    assert item.recipient == POSTMASTER
    assert "DER ANBIETER SAGT." in words(mail)


async def test_an_end_of_life_is_told_first_and_then_what_stood_in_the_way(rig: Rig) -> None:
    explaining(rig)
    await rig.spool.accept(intake(delivery(state=State.SENDING)))
    await rig.fail("M1-1", status="4.4.7")
    ((_, mail),) = await rig.told()
    assert "could not be delivered in time. Write again if it still matters. THE PROVIDER SAYS." in words(mail)


async def test_a_delay_says_why_and_that_it_goes_on(rig: Rig) -> None:
    explaining(rig)
    await rig.spool.accept(intake(delivery(state=State.SENDING, warn_at=NOW + 5)))
    await rig.spool.move([Step(id="M1-1", to=State.QUEUED, event="deferred", code="4002", status="4.3.5")], NOW)
    ((_, mail),) = await rig.told()
    assert "THE PROVIDER SAYS. The bridge keeps trying." in words(mail)


async def test_what_is_held_says_so_first(rig: Rig) -> None:
    explaining(rig)
    await rig.spool.accept(intake(delivery(state=State.SENDING, warn_at=NOW + 5)))
    await rig.spool.move([Step(id="M1-1", to=State.HELD, event="held", code="4002", status="4.3.5")], NOW)
    ((_, mail),) = await rig.told()
    assert "It is held until the operator decides. THE PROVIDER SAYS." in words(mail)


async def test_a_mail_is_explained_by_its_status_only(rig: Rig) -> None:
    explaining(rig)
    relayed = delivery(
        channel=Channel.MAIL, recipient="gone@example.com", author=None, state=State.SENDING, payload=b""
    )
    await rig.spool.accept(intake(relayed, kind="sms", author=None))
    await rig.fail("M1-1", status="5.1.1")
    ((_, mail),) = await rig.told()
    assert "THE PROVIDER SAYS" not in words(mail)


def machine(mail: EmailMessage) -> list[tuple[str, str, str]]:
    """Final recipient, action and status of each recipient, as a program reads them."""
    found = rfc3464.read(mail.as_bytes(policy=email.policy.SMTP)).recipients
    return [(one["final-recipient"], one["action"], one["status"]) for one in found]


async def test_row_121_five_hundred_that_fail_at_once_are_one_notice(rig: Rig) -> None:
    many = [delivery(n, recipient=f"4366000{n:05}", state=State.SENDING) for n in range(1, 501)]
    await rig.spool.accept(intake(*many))
    for first in range(1, 501, 50):  # as they come off the wire: over ten seconds, not in one moment
        await rig.fail(*(f"M1-{n}" for n in range(first, first + 50)), now=NOW + first / 50)
        assert await rig.told(first / 50 + 0.5) == []
    ((item, mail),) = await rig.told(14)
    assert item.recipient == "anna@example.org"
    assert mail["Subject"] == "Not delivered: +43 660 0000001 and 499 more"
    assert len(machine(mail)) == 500
    assert {(action, status) for _, action, status in machine(mail)} == {("failed", "5.1.3")}
    assert len(await rig.told(99)) == 1


async def test_row_121_a_storm_becomes_one_list_an_hour(rig: Rig) -> None:
    rig.configuration = configuration(notices=NoticesSettings(limit=Rate(count=3, seconds=3600)))
    for number in range(40):
        await rig.spool.accept(intake(delivery(mail=f"S{number:02}", state=State.SENDING), id=f"S{number:02}"))
    await rig.spool.accept(intake(delivery(mail="B", state=State.SENDING, author="b@example.org"), id="B"))
    await rig.fail(*(f"S{number:02}-1" for number in range(40)), "B-1")
    told = await rig.told(10)
    assert sorted(item.recipient for item, _ in told) == [*["anna@example.org"] * 3, "b@example.org"]
    assert len(await rig.told(3600)) == 4
    *_, (item, mail) = await rig.told(3611)
    assert item.recipient == "anna@example.org"
    assert mail["Subject"] == "What became of 37 messages"
    assert words(mail).count("not delivered  4002 INVALID_RECIPIENT") == 37
    assert item.sender == ""
    assert len(await rig.told(3700)) == 5
    assert len(await rig.told(7300)) == 5, "and nothing twice"
    ((_, events),) = await rig.spool.show("S39-1")
    assert events[-1].event == "told failed"


async def test_row_121_whom_nobody_proved_gets_nothing_and_who_wants_nothing_neither(rig: Rig) -> None:
    await rig.spool.accept(intake(delivery(1, state=State.SENDING, notify="never")))
    await rig.spool.accept(intake(delivery(mail="M2", state=State.SENDING, author=None), id="M2", sender=""))
    await rig.fail("M1-1", "M2-1")
    ((item, _),) = await rig.told()
    assert item.recipient == POSTMASTER


async def test_the_author_reads_his_own_language(rig: Rig) -> None:
    rig.configuration = configuration(notices=NoticesSettings(language="en"))
    kept = b"From: anna@example.org\r\nContent-Language: de-AT\r\n"
    await rig.spool.accept(intake(delivery(state=State.SENDING, language="en"), original=kept))
    await rig.fail("M1-1")
    ((_, mail),) = await rig.told()
    assert "Nicht zugestellt" in mail["Subject"]
    assert "Die Nummer ist ungültig" in words(mail)


async def test_what_the_client_gave_comes_back(rig: Rig) -> None:
    asked = {"envid": "order+2B17", "ret": "full", "whole": True}
    original = b"From: anna@example.org\r\nSubject: x\r\n\r\nhello\r\n"
    one = delivery(state=State.SENDING, orcpt="rfc822;Anna+2BB@Example.org", address="anna@sms.example.com")
    await rig.spool.accept(intake(one, original=original, **asked))
    await rig.fail("M1-1")
    ((_, mail),) = await rig.told()
    found = rfc3464.read(mail.as_bytes(policy=email.policy.SMTP))
    assert found.mail["original-envelope-id"] == "order+17"
    assert found.recipients[0]["original-recipient"] == "rfc822; Anna+B@Example.org"
    assert found.recipients[0]["final-recipient"] == "rfc822; anna@sms.example.com"
    assert found.returned == ("message/rfc822", original)


async def test_a_message_without_a_report_was_relayed_and_later_delivered(rig: Rig) -> None:
    await rig.spool.accept(intake(delivery(state=State.SENDING, notify="success", expires_at=NOW + 60)))
    await rig.spool.move([Step(id="M1-1", to=State.SENT, event="sent", code="2000", text="OK")], NOW + 1)
    assert await rig.told(59) == []
    ((_, mail),) = await rig.told(60)
    assert mail["Subject"].startswith("Sent, arrival not confirmed")
    assert machine(mail) == [("rfc822; +436600000001@sms.example.com", "relayed", "2.0.0")]
    await rig.spool.move([Step(id="M1-1", to=State.DELIVERED, event="delivered", told="delivered")], NOW + 70)
    _, (_, mail) = await rig.told(80)
    assert machine(mail) == [("rfc822; +436600000001@sms.example.com", "delivered", "2.1.5")]


async def test_a_late_arrival_corrects_the_failure(rig: Rig) -> None:
    await rig.spool.accept(intake(delivery(state=State.SENDING)))
    await rig.fail("M1-1")
    await rig.told()
    await rig.spool.move([Step(id="M1-1", to=State.DELIVERED, event="delivered", told="delivered")], NOW + 20)
    _, (_, mail) = await rig.told(30)
    assert mail["Subject"] == "Delivered after all: +43 660 0000001"
    assert machine(mail) == [("rfc822; +436600000001@sms.example.com", "delivered", "2.1.5")]
    assert "an earlier notice said that it had failed" in words(mail)


@pytest.mark.parametrize("state", [State.HELD, State.UNKNOWN])
async def test_what_is_held_or_unknown_is_delayed_too(rig: Rig, state: State) -> None:
    await rig.spool.accept(intake(delivery(state=State.SENDING, warn_at=NOW + 5)))
    await rig.spool.move([Step(id="M1-1", to=state, event="x", code="5000", status="4.3.0")], NOW)
    ((_, mail),) = await rig.told()
    assert machine(mail) == [("rfc822; +436600000001@sms.example.com", "delayed", "4.3.0")]
    assert len(await rig.told(999)) == 1


async def test_a_group_is_told_of_once(rig: Rig) -> None:
    members = [delivery(n, notify="failure") for n in (1, 2, 3)]
    await rig.spool.accept(intake(*members, expanded=[("M1-2", "team@sms.example.com")]))
    ((_, mail),) = await rig.told()
    assert mail["Subject"] == "Sent on to a group: team@sms.example.com"
    assert machine(mail) == [("rfc822; team@sms.example.com", "expanded", "2.0.0")]
    assert len(await rig.told(99)) == 1


class _Overtaken(Notices):
    """Between its look and its commit the phone reports."""

    async def _send(self, *given: Any, **named: Any) -> None:
        report = Report(notification_id="r", state=ReportState.DELIVERED, client_message_id="M1-1")
        await self._spool.report(report, NOW + 5)
        await super()._send(*given, **named)


async def test_what_a_report_corrects_while_the_notice_is_written_is_not_told(rig: Rig) -> None:
    await rig.spool.accept(intake(delivery(state=State.SENDING, notify="success,failure")))
    await rig.fail("M1-1")
    rig.notices = _Overtaken(
        spool=rig.spool,
        configuration=lambda: rig.configuration,
        clock=lambda: rig.now,
        new_id=rig.new_id,
        wake=rig.woken.append,
    )
    assert await rig.told(3) == []
    assert rig.woken == []
    ((_, mail),) = await rig.told(10)
    assert mail["Subject"] == "Delivered: +43 660 0000001"


async def test_a_list_that_cannot_be_written_silences_nobody(rig: Rig) -> None:
    limit = NoticesSettings(limit=Rate(count=1, seconds=3600))
    rig.configuration = configuration(notices=limit)
    names = [f"M{number}" for number in range(1, 5)]
    for name in names:
        odd = delivery(mail=name, state=State.SENDING, language="xx")
        await rig.spool.accept(intake(odd, id=name))
    await rig.fail(*(f"{name}-1" for name in names))
    await rig.told(10)
    other = delivery(mail="M9", state=State.SENDING, author="bernd@example.org")
    await rig.spool.accept(intake(other, id="M9"))
    await rig.fail("M9-1", now=NOW + 3700)
    told = await rig.told(3720)
    assert "bernd@example.org" in {item.recipient for item, _ in told}
    assert POSTMASTER in {item.recipient for item, _ in told}
