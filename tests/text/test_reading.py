"""Layers below the words, older mails by the subject, and words that only point below."""

import pytest

from bridge import text
from bridge.text.reading import Circumstances, own_words_only
from tests.text.make import mail

FORWARD = (
    "---------- Forwarded message ---------\r\nFrom: Anna <anna@example.com>\r\n"
    "Date: Wed, 12 Mar 2025 at 9:58\r\n\r\nTor zu.\r\n"
)


@pytest.mark.parametrize(
    ("reply", "subject", "older"),
    [
        (False, "", False),
        (True, "", True),
        (False, "Fwd: Tor", True),
        (False, "FW: Tor", True),
        (False, "WG: Tor", True),
        (False, "TR : Tor", True),
        (False, "I: Tor", True),
        (False, "RV: Tor", True),
        (False, "AW: WG: Tor", True),
        (False, "[crew] Fwd: Tor", True),
        (False, "Re: Tor", False),  # a reply says so in its fields
        (False, "Forward motor", False),
        (False, "Institut: Tor", False),
    ],
)
def test_where_an_older_mail_may_stand(reply: bool, subject: str, older: bool) -> None:
    assert Circumstances(reply=reply, subject=subject).holds_older is older


def test_a_forwarded_mail_goes_when_somebody_wrote_above_it() -> None:
    assert text.read(mail("Subject: Fwd: Tor", body=f"Bitte gleich.\r\n\r\n{FORWARD}".encode())).text == "Bitte gleich."
    alone = text.read(mail("Subject: Fwd: Tor", body=FORWARD.encode()))
    assert alone.text == alone.raw_text
    assert "Tor zu." in alone.text
    machine = text.read(mail("Subject: Stuck mail", body=f"Stuck in the queue:\r\n\r\n{FORWARD}".encode()))
    assert machine.text == machine.raw_text


def test_what_looks_like_an_older_mail_in_an_alarm_is_its_own() -> None:
    fields = ("Auto-Submitted: auto-generated", "In-Reply-To: <a@example.com>")
    alarm = text.read(mail(*fields, body=f"Stuck in the queue\r\n\r\n{FORWARD}".encode()))
    assert alarm.text == alarm.raw_text


@pytest.mark.parametrize(
    "points",
    ["FYI", "fyi.", "z. K.", "Zur Info!", "Siehe unten", "see below\r\n\r\nThanks\r\nNora", "Bitte das hier machen:"],
)
def test_words_that_only_point_below_keep_what_they_point_at(points: str) -> None:
    assert "Tor zu." in text.read(mail("Subject: WG: Tor", body=f"{points}\r\n\r\n{FORWARD}".encode())).text
    html = f"<p>{points}</p><div class='gmail_quote'>{FORWARD}</div>".replace("\r\n", "<br>")
    assert "Tor zu." in text.read(mail("Subject: WG: Tor", "Content-Type: text/html", body=html.encode())).text


def test_everything_below_the_words_goes_whatever_its_order() -> None:
    layers = [
        "Von meinem iPhone gesendet",
        "-- \nNora",
        "Diese E-Mail ist vertraulich und nur für den Empfänger bestimmt. Löschen Sie sie, falls irrtümlich erhalten.",
        "Diese E-Mail wurde auf Viren geprüft.",
    ]
    for at in range(len(layers)):
        below = "\n\n".join(layers[at:] + layers[:at])
        assert own_words_only(f"Passt.\n\nLG Nora\n\n{below}", "Nora") == "Passt.\n\nLG Nora"


def test_layers_alone_are_the_text() -> None:
    alone = "Von meinem iPhone gesendet"
    assert own_words_only(alone, "Nora") == alone
