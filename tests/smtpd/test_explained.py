"""Explanations as people read them."""

from bridge.smtpd.contract import Reply
from bridge.smtpd.explained import text
from bridge.smtpd.explanation import Explanation, Words
from tests.given import ANNA, DOMAIN
from tests.make import PHONE

FOUND = Explanation(
    sender="bernd@example.org",
    recipient=f"anna@{DOMAIN}",
    reply=Reply(250, "2.0.0", "queued"),
    proof="user:bernd",
    address=f"anna@{DOMAIN}",
    route=ANNA,
    why="the exact address",
    numbers=(PHONE,),
    words=Words(
        lines=((True, "Alles gut 🐢"), (True, "bis morgen"), (False, ""), (False, "-- "), (False, "Bernd")),
        text="Alles gut 🐢\nbis morgen",
        overflow="und noch mehr",
        encoding="ucs2",
        units=23,
        parts=1,
        costly="🐢",
    ),
)


def test_in_english() -> None:
    assert text(FOUND, "en", limits="sender 60/min").split("\n") == [
        "from     bernd@example.org",
        "to       anna@sms.example.com",
        "proof    user:bernd",
        "row      1: anna@sms.example.com (the exact address)",
        "number   +43 660 0000001",
        "text     Alles gut 🐢",
        "         bis morgen",
        "left out - --",
        "         - Bernd",
        "cut off  und noch mehr",
        "cost     1 SMS (Unicode, 23 of 70)",
        "dear are 🐢 (U+1F422 turtle)",
        "limits   sender 60/min",
        "answer   250 2.0.0 queued",
    ]


def test_in_german() -> None:
    lines = text(FOUND, "de").split("\n")
    assert lines[0].split() == ["von", "bernd@example.org"]
    assert lines[-1].split(maxsplit=1) == ["Antwort", "250 2.0.0 queued"]
    assert len({len(line) - len(line[9:].lstrip()) for line in lines if line[0] != " "}) == 1


def test_a_refusal_has_nothing_to_show() -> None:
    refused = Explanation(sender="", recipient="x@example.net", reply=Reply(550, "5.7.1", "relaying denied"))
    assert text(refused, "en").split("\n") == [
        "from     <>",
        "to       x@example.net",
        "proof    none",
        "answer   550 5.7.1 relaying denied",
    ]


def test_a_binary_sms_has_no_alphabet() -> None:
    words = Words(lines=(), text="vCard Anna, 2 SMS", overflow="", encoding="binary", units=0, parts=2, costly="")
    shown = text(Explanation(sender="a@example.org", recipient="b", reply=FOUND.reply, words=words), "en")
    assert "cost     2 binary SMS" in shown
