"""A history as a story, and payloads read for people."""

from bridge.message import Channel, Sms, encode_sms
from bridge.spool import Arrival, Event, History, stories
from tests.make import NOW, delivery

MAIL = b"From: a@example.org\r\nSubject: =?utf-8?q?R=C3=BCckruf?=\r\n\r\nHello\r\n"


def test_what_an_sms_is_and_costs() -> None:
    told = [
        stories.sms_sent(delivery(payload=encode_sms(sms)))
        for sms in (Sms(text="a" * 161), Sms(text="ж"), Sms(text="card", segments=(b"1", b"2")))
    ]
    assert [(one.encoding, one.parts, one.units) for one in told if one is not None] == [
        ("gsm", 2, 161),
        ("ucs2", 1, 1),
        ("binary", 2, 0),
    ]
    assert stories.sms_sent(delivery(payload=b"")) is None
    assert stories.sms_sent(delivery(channel=Channel.MAIL, payload=MAIL)) is None


def test_a_mail_is_read_as_people_do() -> None:
    found = stories.mail_sent(delivery(channel=Channel.MAIL, payload=MAIL))
    assert found is not None
    assert (found.headers[1], found.text) == (("Subject", "Rückruf"), "Hello")
    assert stories.mail_sent(delivery()) is None
    assert stories.mail_sent(delivery(channel=Channel.MAIL, payload=b"")) is None


def test_hostile_bytes_are_no_reason_to_show_nothing() -> None:
    for content in (b"", b"\x00" * 100, b"A: " + b"x" * 100_000, b"\xff" * 1000, b"Content-Type: multipart/x\r\n\r\n"):
        assert isinstance(stories.read_mail(content).text, str)


def test_a_clock_that_was_set_back_does_not_change_the_order() -> None:
    came = Arrival(
        id="M1", kind="mail", at=NOW, sender="", author=None, proof="", peer="", message_id=None, envid="", ret="",
        size=0, line="", why="",
    )  # fmt: skip
    events = [Event(at=NOW + 9, event="queued"), Event(at=NOW + 1, event="sending"), Event(at=NOW + 2, event="sent")]
    told = list(stories.timeline(History(arrival=came, deliveries=[(delivery(), events)], notices=[]), "by post"))
    assert [event.event for _, event in told] == [stories.RECEIVED, "queued", "sending", "sent"]
    assert told[0][1].text == "by post"
