"""The machine's part of notices, held against RFC 3464 by a reader of our own; nothing breaks out of its field."""

import email
import email.policy
import re
from email.header import decode_header, make_header
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import compose, dsn
from bridge.dsn import Mailed, Outcome
from tests.make import NOW
from tests.notices import rfc3464

MAIL = b"From: anna@example.org\r\nSubject: a\r\n b\r\nContent-Language: de\r\n\r\nthe text\r\n"
HEADERS = [
    ("From", "smsbridge <postmaster@sms.example.com>"),
    ("To", "anna@example.org"),
    ("Subject", "x"),
    ("Date", compose.date(NOW)),
    ("Message-ID", "<x@mx.example.com>"),
    ("Auto-Submitted", "auto-replied"),
]


def written(*outcomes: Outcome, original: bytes = MAIL, wide: bool = False, **mailed: Any) -> rfc3464.Notification:
    values: dict[str, Any] = {"hostname": "mx.example.com", "arrived": NOW, **mailed}
    parts = [dsn.fields(Mailed(**values), outcomes, wide=wide)]
    returned = dsn.returned(original, whole=False, wide=wide)
    parts += [returned] if returned is not None else []
    return rfc3464.read(compose.compose_report(HEADERS, "For people.\nFür Leute.", "de", parts))


def outcome(**changes: Any) -> Outcome:
    values: dict[str, Any] = {"recipient": "anna@sms.example.com", "action": "failed", **changes}
    return Outcome(**values)


def test_row_122_all_fields_of_a_notice() -> None:
    delayed = outcome(
        action="delayed",
        status="4.4.5",
        orcpt="rfc822;Anna+2BB@Example.org",
        kind="x-websms",
        code="4012",
        words="TOO MANY",
        attempted=NOW + 5,
        retry_until=NOW + 86400,
        log_id="M1-1",
    )
    found = written(delayed, outcome(status="5.1.3"), envid="order+2B17", gateway=True)
    assert found.mail == {
        "reporting-mta": "dns; mx.example.com",
        "dsn-gateway": "dns; mx.example.com",
        "original-envelope-id": "order+17",
        "arrival-date": "Fri, 15 Jan 2027 08:00:00 +0000",
    }
    assert found.recipients == [
        {
            "original-recipient": "rfc822; Anna+B@Example.org",
            "final-recipient": "rfc822; anna@sms.example.com",
            "action": "delayed",
            "status": "4.4.5",
            "diagnostic-code": "x-websms; 4012 TOO MANY",
            "last-attempt-date": "Fri, 15 Jan 2027 08:00:05 +0000",
            "final-log-id": "M1-1",
            "will-retry-until": "Sat, 16 Jan 2027 08:00:00 +0000",
        },
        {"final-recipient": "rfc822; anna@sms.example.com", "action": "failed", "status": "5.1.3"},
    ]
    assert found.returned == (
        "text/rfc822-headers",
        b"From: anna@example.org\r\nSubject: a\r\n b\r\nContent-Language: de\r\n",
    )


@pytest.mark.parametrize(
    ("action", "given_status", "said"),
    [
        ("failed", "5.1.3", "5.1.3"),
        ("failed", "4.4.7", "4.4.7"),
        ("failed", "2.0.0", "5.0.0"),
        ("failed", "", "5.0.0"),
        ("failed", "5.1", "5.0.0"),
        ("failed", "5.1.3\r\nX: y", "5.0.0"),
        ("delayed", "5.1.3", "4.0.0"),
        ("delayed", "4.3.5", "4.3.5"),
        ("delivered", "4.4.7", "2.0.0"),
        ("delivered", "2.1.5", "2.1.5"),
        ("relayed", "", "2.0.0"),
        ("expanded", "", "2.0.0"),
    ],
)
def test_a_status_fits_its_action(action: dsn.Action, given_status: str, said: str) -> None:
    assert dsn.status(action, given_status) == said
    assert written(outcome(action=action, status=given_status)).recipients[0]["status"] == said


@pytest.mark.parametrize(
    ("envid", "said"),
    [
        ("Order+2B17", "Order+17"),
        ("a+20b", "a b"),
        ("a+0D+0AAction:+20delivered", "a+0D+0AAction:+20delivered"),  # would not be allowed, and so stays encoded
        ("a+C3+BC", "a+C3+BC"),
        ("+", "+"),
    ],
)
def test_an_envelope_id_comes_back_as_its_owner_meant_it(envid: str, said: str) -> None:
    assert written(outcome(), envid=envid).mail["original-envelope-id"] == said


@pytest.mark.parametrize(
    ("orcpt", "said"),
    [
        ("rfc822;Bob+40home@Example.org", "rfc822; Bob@home@Example.org"),
        ("RFC822;bob@example.org", "RFC822; bob@example.org"),
        ("utf-8;j\\x{F6}rg@example.org", "utf-8; j\\x{F6}rg@example.org"),
        ("utf-8;j\u00f6rg@example.org", "utf-8; j\\x{F6}rg@example.org"),
        ("x400;/C=AT/", "x400; /C=AT/"),
    ],
)
def test_an_original_recipient_comes_back_in_its_own_case(orcpt: str, said: str) -> None:
    assert written(outcome(orcpt=orcpt)).recipients[0]["original-recipient"] == said


def test_an_address_that_ascii_cannot_spell() -> None:
    narrow = written(outcome(recipient="jörg+a@sms.example.com"))
    assert narrow.recipients[0]["final-recipient"] == "utf-8; j\\x{F6}rg\\x{2B}a@sms.example.com"
    wide = written(outcome(recipient="jörg@sms.example.com", words="Grüße"), wide=True)
    assert wide.recipients[0]["final-recipient"] == "utf-8; jörg@sms.example.com"


def test_words_beyond_ascii_are_not_lost() -> None:
    found = written(outcome(kind="x-websms", code="4031", words="Empfänger gesperrt, 電話 " * 20))
    kind, _, said = found.recipients[0]["diagnostic-code"].partition("; ")
    assert kind == "x-websms"
    assert said.startswith("4031 =?utf-8?B?")
    assert str(make_header(decode_header(said))).startswith("4031 Empfänger gesperrt, 電話 Empfänger")


def test_a_time_to_try_until_is_for_those_who_try() -> None:
    assert "will-retry-until" not in written(outcome(retry_until=NOW)).recipients[0]


_WORDS = st.text(max_size=300) | st.text(alphabet="\r\n :;-=?utf8BQ\x00\x85\u2028abc\ud800+", max_size=200)


@given(_WORDS, _WORDS, _WORDS, _WORDS, _WORDS, _WORDS, st.booleans())
def test_row_112_whatever_they_hold_words_stay_in_their_field(
    envid: str, orcpt: str, code: str, words: str, log_id: str, status: str, wide: bool
) -> None:
    """Reading it strictly fails for every field, block or part that was not written by us."""
    given_one = outcome(orcpt=f"rfc822;{orcpt}x", kind="x-websms", code=code, words=words, log_id=log_id, status=status)
    content_type, encoding, data = dsn.fields(
        Mailed(hostname="mx.example.com", arrived=NOW, envid=envid), [given_one, given_one], wide=wide
    )
    raw = compose.compose_report(HEADERS, words, "en", [(content_type, encoding, data)])
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\x00", raw)
    names = re.findall(rb"^([^ \t\r\n:]+):", data, re.MULTILINE)
    assert names.count(b"Action") == names.count(b"Status") == names.count(b"Final-Recipient") == 2
    assert data.count(b"\r\n\r\n") == 2
    assert set(names) <= {
        *(b"Reporting-MTA", b"Original-Envelope-Id", b"Arrival-Date", b"Original-Recipient", b"Final-Recipient"),
        *(b"Action", b"Status", b"Diagnostic-Code", b"Final-Log-ID"),
    }
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", content_type]


@given(
    st.binary(max_size=400) | st.from_regex(rb"(?:[A-Z]: [^\n]{0,9}\r\n( [a-z]*\r\n)?){0,5}(\r\n.*)?", fullmatch=True)
)
def test_row_112_whatever_the_mail_was_its_part_stays_one(content: bytes) -> None:
    for full in (True, False):
        original, whole = dsn.keep(content, full=full)
        for wide in (True, False):
            part = dsn.returned(original, whole=whole, wide=wide)
            if part is None:
                continue
            fields = dsn.fields(Mailed(hostname="mx.example.com", arrived=NOW), [outcome()])
            raw = compose.compose_report(HEADERS, "x", "en", [fields, part])
            assert rfc3464.read(raw).returned is not None
            parsed: Any = email.message_from_bytes(raw, policy=email.policy.compat32)
            kinds = [one.get_content_type() for one in parsed.get_payload()]
            assert kinds == ["text/plain", "message/delivery-status", part[0]]


def test_all_of_a_mail_is_kept_where_that_was_asked_for_and_it_is_small() -> None:
    assert dsn.keep(MAIL, full=True) == (MAIL, True)
    header = MAIL.partition(b"\r\n\r\n")[0] + b"\r\n"
    assert dsn.keep(MAIL, full=False) == (header, False)
    assert dsn.keep(MAIL + b"x" * dsn.KEPT_MAIL, full=True) == (header, False)


def test_a_long_header_is_kept_up_to_a_field() -> None:
    many = b"".join(b"X-%d: %s\r\n" % (number, b"y" * 100) for number in range(1000)) + b"\r\nbody\r\n"
    kept, whole = dsn.keep(many, full=False)
    assert not whole
    assert dsn.KEPT_HEADER - 200 < len(kept) <= dsn.KEPT_HEADER
    assert kept.endswith(b"y\r\n")


@pytest.mark.parametrize("content", [b"", b"\r\nno header\r\n", b"just words\r\n", b" folded: nothing\r\n"])
def test_of_a_mail_without_header_nothing_comes_back(content: bytes) -> None:
    assert dsn.returned(dsn.keep(content, full=False)[0], whole=False) is None
    assert dsn.returned(content, whole=True) is None


def test_the_whole_mail_comes_back_as_it_was() -> None:
    assert dsn.returned(MAIL, whole=True) == ("message/rfc822", "7bit", MAIL)
    eight = MAIL.replace(b"the text", "Grüße".encode("latin-1"))
    assert dsn.returned(eight, whole=True) == ("message/rfc822", "8bit", eight)


@pytest.mark.parametrize("body", [b"x" * 999, b"\x00"], ids=["long line", "nul"])
def test_what_cannot_travel_comes_back_as_its_header(body: bytes) -> None:
    part = dsn.returned(MAIL + body + b"\r\n", whole=True)
    assert part is not None
    assert part[0] == "text/rfc822-headers"


def test_a_header_beyond_ascii_is_encoded_unless_the_notice_can_carry_it() -> None:
    mail = MAIL.replace(b"Subject: a", "Subject: Grüße".encode())
    part = dsn.returned(mail, whole=True)
    assert part is not None
    assert part[:2] == ("text/rfc822-headers", "quoted-printable")
    assert b"Gr=C3=BC=C3=9Fe" in part[2]
    assert dsn.returned(mail, whole=True, wide=True) == ("message/global", "8bit", mail)


def test_only_what_is_a_part_becomes_one() -> None:
    for part in (
        ("text/plain", "7bit", b"no line end"),
        ("text/plain", "7bit", "ü\r\n".encode()),
        ("text/plain", "8bit", b"a\nb\r\n"),
        ("text/plain", "8bit", b"x" * 999 + b"\r\n"),
        ("text/plain\r\nX: y", "7bit", b"a\r\n"),
    ):
        with pytest.raises(ValueError, match="no part of a report"):
            compose.compose_report(HEADERS, "x", "en", [part])
