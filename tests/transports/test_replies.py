"""What a smarthost's replies and silences mean for a mail."""

import ssl

import aiosmtplib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.message import Receipt, Scope, Verdict
from bridge.transports import replies
from bridge.transports.connections import NoLogin, Untrusted

PERMANENT, TEMPORARY, OURS = Verdict.PERMANENT, Verdict.TEMPORARY, Verdict.OURS
MESSAGE, ACCOUNT = Scope.MESSAGE, Scope.ACCOUNT


@pytest.mark.parametrize(
    ("stage", "reply", "verdict", "scope", "status"),
    [
        ("rcpt", "550 5.1.1 no such user", PERMANENT, MESSAGE, "5.1.1"),
        ("rcpt", "550 no such user", PERMANENT, MESSAGE, "5.0.0"),
        ("rcpt", "550 4.1.1 confused", PERMANENT, MESSAGE, "5.0.0"),
        ("rcpt", "550 5.1.1", PERMANENT, MESSAGE, "5.1.1"),
        ("rcpt", "550 5.1.1.2 odd", PERMANENT, MESSAGE, "5.0.0"),
        ("rcpt", "550 5.1234.1 odd", PERMANENT, MESSAGE, "5.0.0"),
        ("rcpt", "550 see 5.1.1 for more", PERMANENT, MESSAGE, "5.0.0"),
        ("rcpt", "450 4.2.0 greylisted", TEMPORARY, MESSAGE, "4.2.0"),
        ("rcpt", "452 full", TEMPORARY, MESSAGE, "4.0.0"),
        ("rcpt", "450 5.2.0 confused", TEMPORARY, MESSAGE, "4.0.0"),
        ("rcpt", "530 5.7.0 log in first", OURS, ACCOUNT, "4.7.8"),
        ("rcpt", "552 5.2.2 mailbox full", PERMANENT, MESSAGE, "5.2.2"),
        ("mail", "530 5.7.0 log in first", OURS, ACCOUNT, "4.7.8"),
        ("mail", "535 5.7.8 wrong", OURS, ACCOUNT, "4.7.8"),
        ("mail", "538 encrypt", OURS, ACCOUNT, "4.7.8"),
        ("mail", "553 5.7.1 not your address", OURS, MESSAGE, "4.3.5"),
        ("mail", "501 5.1.7 bad sender", OURS, MESSAGE, "4.3.5"),
        ("mail", "552 5.3.4 too large", PERMANENT, MESSAGE, "5.3.4"),
        ("mail", "523 too large", PERMANENT, MESSAGE, "5.3.4"),
        ("mail", "451 4.3.0 later", TEMPORARY, MESSAGE, "4.3.0"),
        ("data", "554 5.5.1 no valid recipients", PERMANENT, MESSAGE, "5.5.1"),
        ("data", "554 5.7.1 spam", PERMANENT, MESSAGE, "5.7.1"),
        ("data", "552 too large", PERMANENT, MESSAGE, "5.3.4"),
        ("data", "451 4.3.0 later", TEMPORARY, MESSAGE, "4.3.0"),
        ("data", "452 4.3.1 disk full", TEMPORARY, MESSAGE, "4.3.1"),
        ("data", "354 go on", TEMPORARY, MESSAGE, "4.0.0"),
        ("data", "220 2.0.0 who knows", TEMPORARY, MESSAGE, "4.0.0"),
        ("data", "999 what", TEMPORARY, MESSAGE, "4.0.0"),
    ],
)
def test_refusals(stage: replies.Stage, reply: str, verdict: Verdict, scope: Scope, status: str) -> None:
    found = replies.refused(int(reply[:3]), reply[4:], stage)
    assert (found.verdict, found.scope, found.status) == (verdict, scope, status)
    assert (found.code, found.text) == (reply[:3], reply[4:])
    assert found.alert is (verdict is OURS)


@pytest.mark.parametrize(
    ("message", "status"),
    [("2.6.0 queued as 4T1X", "2.6.0"), ("Ok", "2.0.0"), ("5.0.0 liar", "2.0.0"), ("2.0.0", "2.0.0"), ("", "2.0.0")],
)
def test_acceptance_keeps_the_words_because_they_hold_the_queue_id(message: str, status: str) -> None:
    expected = Receipt(verdict=Verdict.ACCEPTED, code="250", text=message, status=status)
    assert replies.accepted(250, message) == expected


@pytest.mark.parametrize(
    ("code", "positive"), [(199, False), (200, True), (299, True), (300, False), (354, False), (-1, False)]
)
def test_positive_replies(code: int, positive: bool) -> None:
    assert replies.is_positive(code) is positive


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a@b",
        "o'neil+x=y@example.com",
        "größe@example.com",
        '"a b"@example.com',
        '"a\\"b"@c',
        '"a@b"@c',
        "a@[192.0.2.1]",
    ],
)
def test_what_can_stand_between_brackets(address: str) -> None:
    assert replies.is_mailbox(address)


@pytest.mark.parametrize(
    "address",
    [
        *("a", "@", "a@", "@b", "a@b@c", "a b@c", "a@b c", "a>@b", "a@b>", "<a@b>", "a@b\r\n", "a\x00@b"),
        *('"a@b', 'a"b@c', '"a\\@b', '"a\n"@b'),
    ],
)
def test_what_would_end_the_brackets(address: str) -> None:
    assert not replies.is_mailbox(address)


@settings(deadline=None, max_examples=200)
@given(st.text(st.sampled_from('ab@"\\<> \r\n\x00'), max_size=12))
def test_nothing_that_passes_can_add_a_command_or_a_parameter(address: str) -> None:
    if replies.is_mailbox(address):
        assert not set(address) & set("\r\n\x00")
        outside = address.rpartition('"')[2] if address.startswith('"') else address
        assert not set(outside) & set("<> ")


def certificate_error(words: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "verify failed")
    error.verify_message = words
    return error


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "verdict", "code", "status"),
    [
        (certificate_error("self-signed"), OURS, "certificate", "4.7.5"),
        (caused(aiosmtplib.SMTPConnectError("x"), certificate_error("expired")), OURS, "certificate", "4.7.5"),
        (ssl.SSLError(1, "wrong version"), TEMPORARY, "tls", "4.4.1"),
        (caused(aiosmtplib.SMTPConnectError("x"), ssl.SSLError(1, "x")), TEMPORARY, "tls", "4.4.1"),
        (Untrusted("no STARTTLS"), OURS, "starttls", "4.7.4"),
        (NoLogin("no AUTH"), OURS, "auth", "4.7.8"),
        (aiosmtplib.SMTPAuthenticationError(535, "5.7.8 no"), OURS, "535", "4.7.8"),
        (aiosmtplib.SMTPAuthenticationError(500, "what?"), OURS, "500", "4.7.8"),
        (aiosmtplib.SMTPAuthenticationError(454, "4.7.0 later"), TEMPORARY, "454", "4.7.0"),
        (aiosmtplib.SMTPHeloError(421, "4.3.2 going down"), TEMPORARY, "421", "4.3.2"),
        (aiosmtplib.SMTPConnectResponseError(554, "5.3.2 not today"), TEMPORARY, "554", "4.3.2"),
        (aiosmtplib.SMTPConnectResponseError(554, "5.7.1 blocked"), TEMPORARY, "554", "4.7.1"),
        (aiosmtplib.SMTPConnectResponseError(554, "not today"), TEMPORARY, "554", "4.3.2"),
        (aiosmtplib.SMTPConnectTimeoutError("x"), TEMPORARY, "connect", "4.4.1"),
        (TimeoutError(), TEMPORARY, "connect", "4.4.1"),
        (ConnectionRefusedError(111, "refused"), TEMPORARY, "connect", "4.4.1"),
        (aiosmtplib.SMTPServerDisconnected("gone"), TEMPORARY, "connect", "4.4.1"),
        (ValueError("odd"), TEMPORARY, "connect", "4.4.1"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_without_a_connection_no_mail_can_go(error: Exception, verdict: Verdict, code: str, status: str) -> None:
    found = replies.not_connected(error)
    assert (found.verdict, found.code, found.status) == (verdict, code, status)
    assert found.scope is ACCOUNT
    assert found.alert is (verdict is OURS)
    assert found.text


def test_a_lost_connection_says_when_it_was_lost() -> None:
    found = replies.lost(aiosmtplib.SMTPServerDisconnected("x"), "before the message was sent")
    assert (found.verdict, found.scope, found.status) == (TEMPORARY, MESSAGE, "4.4.2")
    assert found.text == "the connection was lost before the message was sent"
    for error in (TimeoutError(), aiosmtplib.SMTPReadTimeoutError("x")):
        assert replies.lost(error, "then").text == "no answer in time then"


def test_a_bug_waits_for_somebody_to_look_and_tells_no_contents() -> None:
    found = replies.unexpected(KeyError("made-up"))
    assert (found.verdict, found.alert, found.status) == (TEMPORARY, True, "4.3.0")
    assert "KeyError" in found.text
    assert "made-up" not in found.text


def test_an_address_that_cannot_be_said_fails_for_good() -> None:
    found = replies.bad_address("it needs SMTPUTF8")
    assert (found.verdict, found.status, found.alert, found.text) == (PERMANENT, "5.1.3", True, "it needs SMTPUTF8")


@settings(deadline=None)
@given(
    st.text(st.characters(), max_size=40).map(lambda text: text.encode("utf-8", "replace").decode())
    | st.binary(max_size=40)
)
def test_words_are_one_line_that_can_be_stored(said: str | bytes) -> None:
    message = said.decode("utf-8", "surrogateescape") if isinstance(said, bytes) else said
    found = replies.words(message)
    found.encode()
    assert found == found.strip()
    assert len(f"x{found}x".splitlines()) == 1
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in found)


def test_words_are_bounded() -> None:
    assert replies.words("5.7.1 no\r\n5.7.1 \udcff\t!") == "5.7.1 no 5.7.1 \ufffd !"
    assert len(replies.words("x" * 100_000)) == 500


@pytest.mark.parametrize(
    ("code", "label"),
    [
        ("250", "2xx"),
        ("452", "4xx"),
        ("lost", "lost"),
        ("ENOSPC", "ENOSPC"),
        ("maildir", "maildir"),
        ("43660", "other"),
        ("anna@example.org", "other"),
        ("", "other"),
    ],
)
def test_codes_are_counted_under_names_of_ours(code: str, label: str) -> None:
    assert replies.label(code) == label
