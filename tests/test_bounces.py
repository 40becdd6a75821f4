"""Bounces in the shapes of real programs, what is none, and what is nothing at all."""

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge import bounces
from bridge.message import Bounce, Fate
from tests.returned_mails import BOUNCES, FOR_PEOPLE, REPLIES


def octets(mail: str) -> bytes:
    return mail.replace("\n", "\r\n").encode() + b"\r\n"


@pytest.mark.parametrize("name", BOUNCES)
def test_a_bounce(name: str) -> None:
    shape = BOUNCES[name]
    found = bounces.read(shape.octets)
    assert found is not None
    assert (found.fate, found.status) == (shape.fate, shape.status)
    assert shape.words in found.text
    assert found.text
    assert "\n" not in found.text


@pytest.mark.parametrize("name", BOUNCES)
def test_line_ends_and_case_change_nothing(name: str) -> None:
    shape = BOUNCES[name]
    bare = bounces.read(shape.octets.replace(b"\r\n", b"\n"))
    assert bare is not None
    assert (bare.fate, bare.status) == (shape.fate, shape.status)


@pytest.mark.parametrize("name", REPLIES)
def test_a_machines_reply_is_no_failure(name: str) -> None:
    found = bounces.read(octets(REPLIES[name]))
    assert found is not None
    assert (found.fate, found.status) == (Fate.REPLIED, "")
    assert found.text


@pytest.mark.parametrize("name", FOR_PEOPLE)
def test_what_is_for_people(name: str) -> None:
    assert bounces.read(octets(FOR_PEOPLE[name])) is None


def test_the_same_again_is_the_same_and_other_news_under_its_message_id_are_not() -> None:
    failed, delayed = BOUNCES["postfix"].octets, BOUNCES["postfix, delayed"].octets
    read = {name: bounces.read(mail) for name, mail in (("failed", failed), ("delayed", delayed))}
    again = bounces.read(failed.replace(b"\r\nFrom:", b"\r\nX-Loop: 1\r\nFrom:", 1))
    assert isinstance(read["failed"], Bounce)
    assert isinstance(read["delayed"], Bounce)
    assert again is not None
    assert again.digest == read["failed"].digest != read["delayed"].digest
    without = failed.replace(b"Message-Id", b"X-Id")
    other = bounces.read(without.replace(b"Fri, 15 Jan", b"Sat, 16 Jan"))
    first, second = bounces.read(without), bounces.read(without)
    assert first == second
    assert first is not None
    assert other is not None
    assert other.digest != first.digest


def test_what_a_phone_wrote_decides_nothing() -> None:
    mail = BOUNCES["exim of old"].mail
    assert "450 4.4.1 delayed" in mail
    found = bounces.read(BOUNCES["exim of old"].octets)
    assert found is not None
    assert found.fate is Fate.FAILED


PIECES = st.sampled_from(
    [
        b"Content-Type: multipart/report; boundary=b\r\n",
        b"Content-Type: message/delivery-status\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"--b\r\n",
        b"--b--\r\n",
        b"\r\n",
        b"Action: failed\r\n",
        b"Status: 5.1.1\r\n",
        b"Status: 9\r\n",
        b"Final-Recipient: =?utf-8?q?=ff?=\r\n",
        b"From: MAILER-DAEMON@example.com\r\n",
        b"Subject: Undeliverable\r\n",
        b"--------------------------------------- original\r\n",
        b"550 \xff\xfe\x00\r\n",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES | st.binary(max_size=40), max_size=30).map(b"".join))
@example(b"")
@example(b"\r\n")
def test_it_never_raises(content: bytes) -> None:
    found = bounces.read(content)
    if found is not None:
        assert len(found.text) <= 400
        assert len(found.digest) == 32


def test_mangled_bounces_never_raise() -> None:
    dice = random.Random(11)
    for shape in BOUNCES.values():
        for _ in range(30):
            mail = bytearray(shape.octets)
            for _ in range(dice.randrange(1, 30)):
                at = dice.randrange(len(mail))
                mail[at : at + dice.randrange(3)] = dice.randbytes(dice.randrange(3))
            bounces.read(bytes(mail))


@pytest.mark.parametrize(
    "body",
    [
        b"-" * 500_000,
        b"5.1." * 200_000,
        b"550 " * 200_000,
        b"\n \n \n" * 150_000,
        b"Status: 5." + b"1" * 500_000,
        b"Final-Recipient: " + b"=?" * 200_000,
    ],
    ids=lambda body: repr(body[:8]),
)
@pytest.mark.parametrize("kind", [b"text/plain", b"message/delivery-status"])
def test_the_work_is_bounded(body: bytes, kind: bytes) -> None:
    head = b"From: MAILER-DAEMON@example.com\r\nSubject: Undeliverable\r\nContent-Type: " + kind
    bounces.read(head + b"\r\n\r\n" + body)  # a quadratic reader would take minutes
