"""A mail as one intake, without a socket or a spool: what its 250 will cover."""

from dataclasses import replace
from typing import Any

import pytest

from bridge import text
from bridge.access import Proof
from bridge.message import Channel, Delivery, Reports, decode_sms
from bridge.smtpd.contract import Peer
from bridge.smtpd.intake import Forward, Target, compile_intake
from bridge.spool import CONVERSATION_FOR, Intake
from bridge.translate import Untranslatable
from tests.given import ANNA, GROUP, LINE, POSTMASTER, configuration
from tests.make import NOW, PHONE

AUTHOR = "bernd@example.org"
PROOF = Proof(sender=AUTHOR, envelope=True, how="network")
PEER = Peer(host="192.0.2.1", port=1, mode="starttls", helo="client.example.com", esmtp=True)
MAIL = b"Message-ID: <m1@example.org>\r\nDate: Sat, 21 Nov 2026 10:00:00 +0100\r\n\r\nhello\r\n"


def to_anna(**changes: Any) -> Target:
    return Target(address="anna@sms.example.com", route=replace(ANNA, **changes), numbers=(PHONE,), proof=PROOF)


def compiled(content: bytes = MAIL, *, read: bool = True, **changes: Any) -> Intake:
    values: dict[str, Any] = {
        "mail_id": "M1",
        "peer": PEER,
        "sender": AUTHOR,
        "targets": [to_anna()],
        "forwards": [],
        "parameters": {},
        "settings": configuration().settings,
        "now": NOW,
    }
    return compile_intake(text.read(content) if read else None, content, **{**values, **changes})


def only(intake: Intake) -> Delivery:
    (delivery,) = intake.deliveries
    return delivery


def test_a_mail_to_a_phone() -> None:
    intake = compiled()
    found = only(intake)
    assert (intake.id, intake.kind, intake.sender, intake.author, intake.proof) == (
        "M1",
        "mail",
        AUTHOR,
        AUTHOR,
        "network",
    )
    assert (intake.peer, intake.message_id) == ("192.0.2.1", "<m1@example.org>")
    assert (found.id, found.mail, found.channel, found.recipient) == ("M1-1", "M1", Channel.SMS, PHONE)
    assert decode_sms(found.payload).text == "hello"
    assert (found.next_at, found.expires_at, found.warn_at) == (NOW, NOW + 86400, NOW + 900)


def test_who_wants_no_reports_is_not_warned() -> None:
    assert only(compiled(targets=[to_anna(reports=Reports.NONE)])).warn_at is None


def test_a_phone_named_twice_is_one_delivery_of_the_first_row_that_named_it() -> None:
    group = Target(address="team@sms.example.com", route=GROUP, numbers=GROUP.numbers, proof=PROOF)
    intake = compiled(targets=[to_anna(), group, to_anna(urgent=True)])
    assert [(item.id, item.recipient, item.route) for item in intake.deliveries] == [
        ("M1-1", GROUP.numbers[0], ANNA.name),
        ("M1-2", GROUP.numbers[1], GROUP.name),
        ("M1-3", GROUP.numbers[2], GROUP.name),
    ]
    assert len(intake.seen) == len(set(intake.seen)) == 3


@pytest.mark.parametrize(
    ("originator", "line"), [(LINE, LINE), ("Firma", ""), (None, "")], ids=["a number", "letters", "the account's"]
)
def test_a_conversation_is_opened_over_the_line_where_one_is_known(originator: str | None, line: str) -> None:
    (talk,) = compiled(targets=[to_anna(originator=originator)]).conversations
    assert (talk.phone, talk.line, talk.author, talk.message_id) == (PHONE, line, AUTHOR, "<m1@example.org>")
    assert talk.expires_at == NOW + CONVERSATION_FOR


def test_a_conversation_is_about_the_subject_without_its_marks() -> None:
    (talk,) = compiled(b"Subject: AW: [EXTERN] Re: [x] Pumpe 3\r\n" + MAIL).conversations
    assert talk.subject == "[x] Pumpe 3"


@pytest.mark.parametrize("header", [b"Auto-Submitted: auto-generated", b"Precedence: bulk"])
def test_an_automatic_mail_opens_none(header: bytes) -> None:
    assert compiled(header + b"\r\n" + MAIL).conversations == []


def test_who_is_not_proven_opens_none_and_is_told_nothing() -> None:
    intake = compiled(targets=[replace(to_anna(), proof=Proof())])
    assert intake.conversations == []
    assert (intake.author, intake.proof, only(intake).author) == (None, "peer", None)


def test_without_message_id_and_date_nothing_is_recognised() -> None:
    first, *_ = MAIL.split(b"\r\n")
    assert compiled(first + b"\r\n\r\nhello\r\n").seen == [None]
    assert compiled(b"\r\nhello\r\n").seen == [None]
    assert compiled().seen == compiled(mail_id="M2", now=NOW + 60).seen != [None]


def test_a_mail_that_cannot_be_an_sms_is_refused() -> None:
    with pytest.raises(Untranslatable):
        compiled(b"Subject:\r\n\r\n\r\n")


def forwarded(content: bytes, *, read: bool = True, peer: Peer = PEER) -> Delivery:
    return only(compiled(content, read=read, targets=[], forwards=[Forward(address="abuse@x")], peer=peer))


def test_what_is_forwarded_is_unchanged_below_its_trace() -> None:
    found = forwarded(MAIL)
    assert (found.id, found.channel, found.recipient, found.sender) == ("M1-1", Channel.MAIL, POSTMASTER, "")
    assert found.payload.endswith(MAIL)
    trace = found.payload.removesuffix(MAIL)
    assert trace.startswith(b"Received: from client.example.com ([192.0.2.1]) by smsbridge with ESMTP\r\n\tid M1; ")
    assert trace.count(b"\r\n") == 2


@pytest.mark.parametrize("first", [b" folded into ours", b"\tso too", b"no header at all", b"", b"=20: x", b":"])
def test_what_is_no_header_is_not_taken_into_ours(first: bytes) -> None:
    """A first line that begins with a blank would be read as the end of our Received."""
    content = first + b"\r\nSubject: x\r\n\r\ny\r\n"
    payload = forwarded(content, read=False).payload
    trace = payload.removesuffix(content)
    assert len(trace) < len(payload)
    if first == b"=20: x":  # odd, but a header field by RFC 5322
        assert trace.count(b"\r\n") == 2
    else:
        assert trace.endswith(b"\r\n\r\n")


def test_a_helo_cannot_write_a_header() -> None:
    payload = forwarded(MAIL, peer=replace(PEER, helo="a)\r\nBcc: x@example.net (ü;")).payload
    head = payload.removesuffix(MAIL)
    assert head.count(b"\r\n") == 2
    assert b"Bcc: " not in head
    assert b"with SMTP\r\n" in forwarded(MAIL, peer=replace(PEER, helo="", esmtp=False)).payload


def test_one_copy_for_the_operator_beside_the_phones() -> None:
    intake = compiled(forwards=[Forward(address="postmaster@x"), Forward(address="abuse@x")])
    assert [(item.id, item.channel) for item in intake.deliveries] == [("M1-1", Channel.SMS), ("M1-2", Channel.MAIL)]
    assert len(intake.seen) == 2


RECEIPT = MAIL.replace(b"Date:", b"Disposition-Notification-To: Bernd@example.org\r\nDate:")


def test_notices_get_back_of_the_mail_what_was_asked_for() -> None:
    header = MAIL.partition(b"\r\n\r\n")[0] + b"\r\n"
    assert (compiled().original, compiled().whole) == (header, False)
    full = compiled(parameters={"RET": "FULL"})
    assert (full.original, full.whole) == (MAIL, True)


@pytest.mark.parametrize(
    "target", [replace(to_anna(), notify="never"), replace(to_anna(), proof=Proof(how="peer"))], ids=["never", "nobody"]
)
def test_where_nobody_is_told_nothing_is_kept(target: Target) -> None:
    assert compiled(targets=[target], parameters={"RET": "FULL"}).original == b""


def test_the_address_that_was_mailed_to_is_kept_where_it_is_one_phones() -> None:
    assert only(compiled()).address == "anna@sms.example.com"
    group = Target(address="team@sms.example.com", route=GROUP, numbers=GROUP.numbers, proof=PROOF)
    assert {delivery.address for delivery in compiled(targets=[group]).deliveries} == {""}


def test_a_receipt_that_a_row_listens_to_is_a_wish_for_all_reports() -> None:
    found = only(compiled(RECEIPT, targets=[to_anna(receipts="report", reports=Reports.NONE)]))
    assert found.notify == "success,failure,delay"
    assert found.warn_at is not None
    assert only(compiled(RECEIPT)).notify == ""


def test_a_group_whose_success_is_told_once() -> None:
    row = replace(GROUP, success="once")
    group = Target(
        address="team@sms.example.com", route=row, numbers=row.numbers, proof=PROOF, notify="success,failure"
    )
    found = compiled(targets=[group])
    assert found.expanded == [("M1-1", "team@sms.example.com")]
    assert {delivery.notify for delivery in found.deliveries} == {"failure"}
    assert found.original
    unproven = replace(group, proof=Proof(how="peer"))
    assert compiled(targets=[unproven]).expanded == []


def _groups(*numbers: tuple[str, ...]) -> list[Target]:
    row = replace(GROUP, reports=Reports.ALL, success="once")
    return [
        Target(address=f"team{at}@sms.example.com", route=row, numbers=each, proof=PROOF)
        for at, each in enumerate(numbers)
    ]


def test_groups_with_phones_in_common_are_each_told_of_by_a_phone_of_their_own() -> None:
    """Nothing can be kept of two of them under one name."""
    one, two, three = GROUP.numbers
    found = compiled(targets=_groups((one, two), (one, three), (one, two, three))).expanded
    assert found == [
        ("M1-1", "team0@sms.example.com"),
        ("M1-3", "team1@sms.example.com"),
        ("M1-2", "team2@sms.example.com"),
    ]


def test_a_group_named_twice_is_told_of_once() -> None:
    (group,) = _groups(GROUP.numbers)
    assert compiled(targets=[group, group]).expanded == [("M1-1", group.address)]


def test_who_wants_to_hear_of_a_phone_named_twice_does_whatever_the_other_naming_says() -> None:
    """The 250 to each recipient is a promise of its own."""
    spelt = [replace(to_anna(), notify=notify, address=f"{notify}@sms.example.com") for notify in ("never", "failure")]
    for targets in (spelt, spelt[::-1]):
        found = only(compiled(targets=targets))
        assert (found.notify, found.address) == ("failure", "failure@sms.example.com")
