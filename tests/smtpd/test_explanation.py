"""An explanation says what the door would do: the same answers, the same text, nothing kept."""

from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from bridge import threads
from bridge.config import Configuration, MailAuthenticationSettings, SmtpdSettings, WebsmsMailSettings
from bridge.smtpd import replies
from bridge.smtpd.contract import Peer, Reply
from bridge.smtpd.explanation import Explanation, explain
from tests.given import ANNA, ANY, DOMAIN, GROUP, KEY, LINE, configuration
from tests.make import NOW, PHONE
from tests.smtpd.doorway import mail, open_door

AUTHOR = "bernd@example.org"
SECRET = f"sms-in-1234567890@{DOMAIN}"
LONG = "Die Pumpe meldet einen Fehler und der Druck fällt. " * 12


def explained(
    content: bytes = mail(),
    recipient: str = f"anna@{DOMAIN}",
    sender: str = AUTHOR,
    host: str = "127.0.0.1",
    **rows: Any,
) -> Explanation:
    given: Configuration = rows.pop("given", None) or configuration(**rows)
    peer = Peer(host=host, port=1, mode="starttls", helo="client.example.com", esmtp=True)
    return explain(given, peer=peer, sender=sender, recipient=recipient, content=content, now=NOW)


def test_everything_from_the_row_to_the_answer() -> None:
    found = explained(mail("Druck 0,4 bar …\r\n\r\n-- \r\nBernd\r\nTechnik", "Subject: Pumpe 3"))
    assert (found.proof, found.address, found.numbers) == ("network", f"anna@{DOMAIN}", (PHONE,))
    assert found.route == ANNA
    assert found.why == "the exact address"
    assert found.reply.encode() == b"250 2.0.0 queued\r\n"
    words = found.words
    assert words is not None
    assert words.text == "Pumpe 3\nDruck 0,4 bar ..."
    assert (words.encoding, words.units, words.parts, words.costly, words.overflow) == ("gsm", 25, 1, "", "")
    assert [line for kept, line in words.lines if kept] == ["Druck 0,4 bar …"]
    assert [line for kept, line in words.lines if not kept and line] == ["-- ", "Bernd", "Technik"]


def test_what_is_cut_is_shown_and_what_made_it_dear_is_named() -> None:
    found = explained(mail(f"{LONG}ende"), rows=(replace(ANNA, max_parts=1),))
    assert found.words is not None
    assert found.words.parts == 1
    assert found.words.text.endswith("...")
    assert found.words.overflow.endswith("ende")
    dear = explained(mail("Alles gut 🐢"))
    assert dear.words is not None
    assert (dear.words.encoding, dear.words.costly) == ("ucs2", "🐢")


def test_a_text_too_long_for_its_row_gets_the_door_s_sentence() -> None:
    found = explained(mail(LONG), rows=(replace(ANNA, max_parts=1, too_long="refuse"),))
    assert (found.reply.code, found.reply.status, found.words) == (552, "5.2.3", None)
    assert found.route is not None


@pytest.mark.parametrize(
    ("recipient", "why", "numbers"),
    [
        (f"anna@{DOMAIN}", "the exact address", 1),
        (f"+436600000007@{DOMAIN}", f"the pattern *@{DOMAIN}", 1),
        (f"postmaster@{DOMAIN}", "forwarded to the operator", 0),
        (SECRET, "the provider's way in by mail", 0),
    ],
)
def test_how_an_address_led_where_it_did(recipient: str, why: str, numbers: int) -> None:
    way_in = WebsmsMailSettings(address=SECRET, networks=(ip_network("127.0.0.0/8"),))
    found = explained(recipient=recipient, websms_mail=way_in)
    assert (found.why, len(found.numbers), found.reply.code) == (why, numbers, 250)


def test_a_token() -> None:
    token = threads.token(KEY, threads.Answer(phone=PHONE, line=LINE), AUTHOR, NOW)
    found = explained(recipient=f"r+{token}@{DOMAIN}")
    assert (found.why, found.numbers, found.reply.code) == ("an answer token", (PHONE,), 250)
    assert explained(recipient=f"r+{token}@{DOMAIN}", sender="eve@example.org").reply.status == "5.1.1"


def test_who_could_be_proven_by_dns_only() -> None:
    given = configuration(smtpd=SmtpdSettings(), mail_authentication=MailAuthenticationSettings(check=True))
    found = explained(mail("x", f"From: Bernd <{AUTHOR}>"), given=given, host="192.0.2.1")
    assert (found.proof, found.reply.code) == (f"mail authentication, if DKIM or SPF prove {AUTHOR}", 250)
    stranger = explained(mail("x", "From: eve@example.net"), given=given, host="192.0.2.1")
    assert (stranger.reply.code, stranger.reply.status) == (550, "5.7.1")
    nobody = explained(mail("x"), given=given, host="192.0.2.1")
    assert nobody.proof == "mail authentication, if DKIM or SPF prove the From domain"
    assert nobody.reply.code == 550


CASES = [
    (mail(), f"anna@{DOMAIN}", AUTHOR),
    (mail(), f"nobody@{DOMAIN}", AUTHOR),
    (mail(), "anna@elsewhere.example", AUTHOR),
    (mail(), f"anna@{DOMAIN}", "eve@example.net"),
    (mail(), f"team@{DOMAIN}", "chief@example.org"),
    (mail(), f"+43900123456@{DOMAIN}", AUTHOR),
    (mail(), f"+491700000000@{DOMAIN}", AUTHOR),
    (mail(), f"r+forged@{DOMAIN}", AUTHOR),
    (mail("x", "Auto-Submitted: auto-replied"), f"anna@{DOMAIN}", AUTHOR),
    (mail("x", "List-Post: <mailto:list@example.org>", "Precedence: list"), f"anna@{DOMAIN}", AUTHOR),
    (mail("x", *["Received: by x"] * 31), f"anna@{DOMAIN}", AUTHOR),
    (mail("", "Content-Type: application/pkcs7-mime; smime-type=enveloped-data"), f"anna@{DOMAIN}", AUTHOR),
    (mail(LONG * 9), f"anna@{DOMAIN}", AUTHOR),
    (mail("x", *[f"X-{n}: y" for n in range(600)]), f"anna@{DOMAIN}", AUTHOR),
]


@pytest.mark.parametrize(("content", "recipient", "sender"), CASES)
async def test_it_says_what_the_door_says(content: bytes, recipient: str, sender: str, tmp_path: Path) -> None:
    said = explained(content, recipient, sender, rows=(ANNA, GROUP, ANY)).reply.encode().decode().strip()
    async with open_door(tmp_path, configuration(rows=(ANNA, GROUP, ANY))) as door:
        reply = await door.send(content, recipient, sender=sender)
        if reply.startswith("250 "):
            reply = reply.partition(" as ")[0]
        assert reply == said
        texts = await door.texts()
    words = explained(content, recipient, sender, rows=(ANNA, GROUP, ANY)).words
    assert texts == ([] if words is None else [words.text] * (3 if recipient.startswith("team") else 1))


@pytest.mark.parametrize(
    ("content", "reply"),
    [
        (mail("x\r\n" * 400_000), replies.TOO_BIG),
        (mail("x" * 17_000), replies.DATA_LINE_TOO_LONG),
        (mail("x\x00y"), replies.NUL_IN_DATA),
    ],
)
def test_what_is_not_taken_to_its_end(content: bytes, reply: Reply) -> None:
    assert explained(content).reply == reply


def test_what_is_cut_behind_signs_that_were_spelt_is_found() -> None:
    found = explained(
        mail("© Hersteller meldet, " + "dass die Pumpe steht und " * 20 + "ENDE"), rows=(replace(ANNA, max_parts=1),)
    )
    assert found.words is not None
    assert found.words.text.startswith("(c) Hersteller")
    assert found.words.overflow.endswith("ENDE")
    assert len(found.words.overflow) < 400
