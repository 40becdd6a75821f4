"""A long German answer as a mail program writes it: HTML beside plain text, quoted-printable, the old mail below."""

from email.policy import SMTP
from email.utils import formatdate, make_msgid

from tests.flows.rig import ADDRESS, ANNA, letter

LONG = (
    "Sehr geehrter Herr Müller, die Lieferung für die Baustelle in Mödling verschiebt sich leider auf Donnerstag. "
    "Größere Mengen Ziegel sind derzeit nicht verfügbar; der Aufpreis beträgt 1.249,50 € inklusive Überstellung. "
    "Bitte geben Sie uns bis heute 17:30 Uhr Bescheid, ob das für Sie möglich ist.\n\n"
    "Schöne Grüße\nAnna Österreicher"
)
_QUOTED = "Wann kommt die Lieferung? Wir müssen den Kran bestellen, das kostet sonst 300 € extra."
_ATTRIBUTION = "Am 20.11.2026 um 16:45 schrieb Josef Müller <josef@example.org>:"


def long_german_mail() -> bytes:
    """The whole mail, CRLF; its own words are `LONG`."""
    mail = letter(
        "",
        From="Anna =?utf-8?q?=C3=96sterreicher?= <anna@example.org>",
        To=f"Baustelle <{ADDRESS}>",
        Subject="=?utf-8?q?AW=3A_Lieferung_f=C3=BCr_M=C3=B6dling?=",
        Date=formatdate(1_795_255_200.0, localtime=True),
        Message_ID=make_msgid(domain="example.org"),
        In_Reply_To="<frage@example.org>",
        References="<anfang@example.org> <frage@example.org>",
        User_Agent="Mozilla Thunderbird",
    )
    assert ANNA in str(mail["From"])
    plain = f"{LONG}\n\n-- \nAnna Österreicher\nBeispiel GmbH, Tel. +43 660 0000017\n\n{_ATTRIBUTION}\n> {_QUOTED}\n"
    paragraphs = "".join(f"<p>{words}</p>" for words in LONG.replace("\n\n", "\0").replace("\n", "<br>").split("\0"))
    markup = (
        f'<html><head><style>p {{ margin: 0 }}</style></head><body>{paragraphs}<div class="moz-cite-prefix">'
        f'{_ATTRIBUTION.replace("<", "&lt;").replace(">", "&gt;")}</div><blockquote type="cite">{_QUOTED}</blockquote>'
        "</body></html>\n"
    )
    mail.set_content(plain, charset="utf-8", cte="quoted-printable")
    mail.add_alternative(markup, subtype="html", charset="utf-8", cte="quoted-printable")
    return mail.as_bytes(policy=SMTP)
