"""Shapes that stopped other readers, or were made to stop this one: repeated to any length."""

from typing import Final

_HEAD: Final = "From: Nora <nora@example.com>\r\nIn-Reply-To: <a@example.com>\r\nSubject: Fwd: x\r\nContent-Type: text/"

HEADERS: Final = (
    b"Message-ID: <[x@microsoft.com]>",
    b'To: "',
    b'From: "',
    b"From: =?",
    b"From: ",
    b"To: (c):",
    b"To: <",
    b"Content-Type: text/plain; name*",
    b"Content-Type: text/plain; name*0*",
    b"Content-Type: text/plain; name*1*=x",
    b"Content-Disposition: attachment; filename*0*=",
    b"Content-Transfer-Encoding: =?x?=",
    b"Subject: =?utf-8?b?====?=\r\nX: y",
    b"Date: 99999999999999999999",
    b"References: <<<<>>>>",
    b"Received: ;;;;(((",
)

TEXTS: Final = (
    *("On ", "\n", "On \n", "Am \n", "Am 12:00 schrieb x\n", "a:\n", "Von: \n", "Von:\nGesendet:\n\n", "> \n", ">"),
    *("-- \n", " ", "-", "-----\n", "x \n", "[cid:", "<mailto:", "Sent from my ", "2025-01-01 <a@", ">x\n\n"),
    *("schrieb am 12:00:\nx\n", "LG\n", "LG\nNora\n", "LG Nora\nTel +43 660 0000000\n", "--\nNora\n", "_____\nNora\n"),
    *("diese e-mail ", "diese e-mail vertraulich empfänger lösch \n\n", "diese e-mail vertraulich empfänger\n"),
    *("unsubscribe https://x to unsubscribe ", "virus avast.com ", "x@", "x@y.", "1 1 ", "+43 ", "1 Aa Bb Cc ", "a."),
    *("tel ", "rue ", "disclaimer\n\n", "-----\n\n", "https://x\n\n", "a\n\n", "> Von: \n", "a@ 2025 10:11:\n"),
    *("a@ 2025 10:11:\n>", "am @ 2025 10:11 schrieb:  x\n", "> am 2025 10:11 schrieb\n", "---a schrieb: @---\n"),
    *("you receiving this because", "auf viren ", "Von: a@b\n", "Nora\n\n", "-----BEGIN PGP SIGNED MESSAGE-----\n\n"),
)

MARKUP: Final = (
    *("<!--", "<a ", "</", "<ul><li>", "<div>", "<b>x", "<table><tr><td>x", "<tr><td>x", "<ol><li>x", "<li>x"),
    *("<style>", "<style></style>", "<blockquote type=cite>x", "<div class=gmail_quote>x", "<p>", "<br>", "&"),
    *("<div id=appendonsend></div>x", "<![CDATA[", '<p style="font-size:0 ">', '<a href="http://x.example/">x'),
    *("&nbsp;", "&nbsp; ", "<a href='http://x.example/y'><img alt='a b'></a>", "<a href=tel:123456>x", "<noscript>"),
    *("<pre> &nbsp;\n", "<signature>x", "<div id=zwchr></div>x"),
)


def as_text(shape: str, length: int) -> bytes:
    """A mail that repeats `shape` for `length` characters, with a closing and company data below."""
    below = "\n\nLG\nNora\n\nBeispiel GmbH\nTel. +43 660 000 0000"
    return f"{_HEAD}plain; charset=utf-8\r\n\r\n{shape * (length // len(shape) + 1)}{below}".encode()


def as_html(shape: str, length: int) -> bytes:
    """The same as a page."""
    return f"{_HEAD}html; charset=utf-8\r\n\r\n{shape * (length // len(shape) + 1)}".encode()
