"""The notice as a mail: whose language, what comes back of the mail, what is in it and what is not."""

import email
import email.policy
from dataclasses import replace
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import dsn
from bridge.message import OnUnknown, Sms, State, encode_sms
from bridge.notices import letters
from bridge.notices.letters import Notice, author_language
from bridge.spool import Original, Telling
from tests.given import configuration
from tests.make import NOW, delivery
from tests.notices import rfc3464

SETTINGS = configuration().settings
MAIL = b"From: anna@example.org\r\nContent-Language: de-AT, en\r\nMessage-ID: <m@example.org>\r\n\r\nHallo Berg\r\n"


def notice(told: str = "failed", count: int = 1, original: Original | None = None, **changes: Any) -> Notice:
    values: dict[str, Any] = {
        "state": State.FAILED,
        "status": "5.1.3",
        "code": "4002",
        "reason": "INVALID_RECIPIENT",
        "address": "anna@sms.example.com",
        **changes,
    }
    to = values.pop("to", "anna@example.org")
    language = values.pop("language", "en")
    together = [
        Telling(delivery=delivery(n, **values), told=told, kind="mail", message_id="<m@example.org>")
        for n in range(1, count + 1)
    ]
    return Notice(
        to=to,
        together=together,
        explained=[None] * count,
        language=language,
        original=original or kept(),
        kind="x-websms",
    )


def kept(ret: str = "", *, mail: bytes = MAIL, full: bool = True) -> Original:
    content, whole = dsn.keep(mail, full=full)
    return Original(at=NOW, envid="", ret=ret, original=content, whole=whole)


def people(raw: bytes) -> str:
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    part = next(part for part in mail.walk() if part.get_content_type() == "text/plain")
    text: str = part.get_content()
    return text


def read(of: Notice) -> rfc3464.Notification:
    return rfc3464.read(letters.to_author(SETTINGS, of, NOW + 9))


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (b"Content-Language: de\r\n", "de"),
        (b"content-language:  DE-at, en\r\n", "de"),
        (b"Content-Language: en\r\n", "en"),
        (b"Content-Language: fr\r\n", None),
        (b"Content-Language: deu\r\n", None),
        (b"X: Content-Language: de\r\n", None),
        (b"Subject: x\r\n\r\nContent-Language: de\r\n", None),
        (b"", None),
    ],
)
def test_the_language_a_mail_says_it_is_in(header: bytes, language: str | None) -> None:
    assert author_language(Original(at=NOW, original=header)) == language
    assert author_language(None) is None


@pytest.mark.parametrize(
    ("told", "ret", "full", "returned", "text"),
    [
        ("failed", "full", True, "message/rfc822", True),
        ("failed", "hdrs", False, "text/rfc822-headers", False),
        ("failed", "", False, "text/rfc822-headers", True),
        ("delayed", "full", True, "text/rfc822-headers", True),  # RFC 3461 4.3: all of it for failures only
        ("delivered", "full", True, "text/rfc822-headers", False),
    ],
)
def test_what_comes_back_of_the_mail_is_what_was_asked_for(
    told: str, ret: str, full: bool, returned: str, text: bool
) -> None:
    of = notice(told, original=kept(ret, full=full))
    found = read(of)
    assert found.returned is not None
    assert found.returned[0] == returned
    assert (b"Hallo Berg" in found.returned[1]) is (returned == "message/rfc822")
    assert ("hello" in people(letters.to_author(SETTINGS, of, NOW))) is text


def test_what_was_erased_does_not_come_back_and_stops_nothing() -> None:
    assert read(notice(original=Original(at=NOW, ret="full"))).returned is None
    assert read(replace(notice(), original=None)).returned is None


def test_an_author_whom_ascii_cannot_spell_gets_the_wide_form() -> None:
    raw = letters.to_author(SETTINGS, notice(to="jörg@example.org", address="jörg@sms.example.com"), NOW)
    found = rfc3464.read(raw)
    assert b"Content-Type: message/global-delivery-status" in raw
    assert found.recipients[0]["final-recipient"] == "utf-8; jörg@sms.example.com"
    narrow = letters.to_author(SETTINGS, notice(to="joerg@bücher.example", address="jörg@sms.example.com"), NOW)
    assert narrow.isascii(), "a domain has another spelling, so its mail server may know nothing of UTF-8"


@pytest.mark.parametrize(
    ("state", "on_unknown", "tries"),
    [
        (State.QUEUED, OnUnknown.HOLD, True),
        (State.HELD, OnUnknown.HOLD, True),
        (State.UNKNOWN, OnUnknown.HOLD, False),
        (State.UNKNOWN, OnUnknown.RESEND, True),
    ],
)
def test_until_when_it_is_tried_is_said_where_it_is(state: State, on_unknown: OnUnknown, tries: bool) -> None:
    found = read(notice("delayed", state=state, on_unknown=on_unknown, status="4.4.2"))
    assert ("will-retry-until" in found.recipients[0]) is tries


def test_recipients_with_one_reason_share_it() -> None:
    text = people(letters.to_author(SETTINGS, notice(count=500), NOW))
    assert text.count("INVALID_RECIPIENT") == 1
    assert text.count("+43 660") == 500
    assert len(read(notice(count=500)).recipients) == 500


def test_an_address_of_a_group_is_a_number_of_ours_and_never_tel() -> None:
    assert read(notice(address="")).recipients[0]["final-recipient"] == "rfc822; +436600000001@sms.example.com"


def test_what_programs_compare_stays_the_same_from_try_to_try() -> None:
    """A notice that is written twice, since the first commit failed, is one mail to whoever gets both."""
    first, second = (letters.to_author(SETTINGS, notice(), at) for at in (NOW, NOW + 60))
    assert rfc3464.read(first).head["message-id"] == rfc3464.read(second).head["message-id"]


def test_a_list_names_each() -> None:
    owed = [*notice(count=3).together, *notice("delivered", code="", reason="").together]
    mail = email.message_from_bytes(letters.digest(SETTINGS, "anna@example.org", "de", owed, NOW))
    text = people(mail.as_bytes())
    assert "4 Nachrichten" in str(email.header.make_header(email.header.decode_header(mail["Subject"])))
    assert text.count("nicht zugestellt  4002 INVALID_RECIPIENT  (M1-") == 3
    assert "zugestellt  (M1-1)" in text


_WORDS = st.text(alphabet=st.characters() | st.sampled_from("\r\n:;-=\x00\u2028"), max_size=200)


@given(_WORDS, _WORDS, st.sampled_from(["failed", "delayed", "delivered", "relayed"]), st.sampled_from(["en", "de"]))
def test_row_112_words_of_a_provider_and_a_text_stay_where_they_belong(
    reason: str, text: str, told: str, language: str
) -> None:
    of = notice(
        told, reason=reason, payload=encode_sms(Sms(text=text.encode(errors="replace").decode())), language=language
    )
    found = read(of)
    assert len(found.recipients) == 1
    assert set(found.head) == {
        *("from", "to", "subject", "date", "message-id", "auto-submitted", "x-sms-id", "in-reply-to", "references"),
        *("mime-version", "content-type", "content-transfer-encoding"),
    }


@pytest.mark.parametrize("to", ["anna@example.org", "j\u00fcrgen@example.org"])
@pytest.mark.parametrize("letter", ["\u20ac", "\U0001f600", "x"])
def test_row_112_words_of_any_length_fit_into_lines(to: str, letter: str) -> None:
    """A line of a mail is at most 998 octets, not characters."""
    given = notice(to=to, reason=letter * 500, code=letter * 500, address=f"{letter * 300}@sms.example.com")
    raw = letters.to_author(SETTINGS, given, NOW)
    assert max(map(len, raw.split(b"\r\n"))) <= 998


def test_a_list_is_no_longer_than_a_mail_may_be() -> None:
    owed = [*notice(count=2).together] * 50_000
    raw = letters.digest(SETTINGS, "anna@example.org", "en", owed, NOW)
    assert len(raw) < 1_000_000
    text = people(raw)
    assert "and 98000 more" in text
    assert "What became of 100000 messages" in raw.decode()


@pytest.mark.parametrize("write", [letters.to_author, letters.to_operator])
def test_row_112_words_of_a_provider_are_one_line_for_people_too(write: Any) -> None:
    raw = write(SETTINGS, notice(reason="no\r\n\r\n  +43 1: Delivered\x1b[2J\u2028x"), NOW)
    assert "    Answer: 4002 no +43 1: Delivered [2J x" in people(raw).splitlines()


def test_a_message_id_that_would_make_a_line_too_long_is_left_out() -> None:
    given = notice()
    odd = [replace(item, message_id=f"<{'x' * 980}@example.org>") for item in given.together]
    raw = letters.to_author(SETTINGS, replace(given, together=odd), NOW)
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"In-Reply-To" not in raw
