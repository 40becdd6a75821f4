"""The MIME tree: which leaves are read, which are counted, and where it ends."""

import pytest

from bridge import text
from tests.text.make import mail, refusal


@pytest.mark.parametrize(
    ("encoding", "body", "words"),
    [
        ("quoted-printable", b"Gr=C3=BC=C3=9Fe =\r\naus Wien", "Grüße aus Wien"),
        ("quoted-printable", b"a=b =ZZ =", "a=b =ZZ"),
        ("base64", b"R3LDvMOf\r\nZQ==", "Grüße"),
        ("base64", b"R3LDvMOfZQ", "Grüße"),
        ("base64", b"R3LD\r\nvMOfZQ==\r\nIQ==", "Grüße!"),
        ("base64", b"!!!", ""),
        ("x-unknown", b"so", "so"),
    ],
)
def test_encodings(encoding: str, body: bytes, words: str) -> None:
    letter = text.read(mail(f"Content-Transfer-Encoding: {encoding}", "Content-Type: text/plain", body=body))
    assert letter.text == words


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/mixed; boundary=b",
        'multipart/mixed; boundary="b"; x=y',
        "multipart/mixed;\r\n boundary*0=b",
        "multipart/mixed; boundary*=utf-8''%62",
    ],
)
def test_boundaries_in_every_spelling(content_type: str) -> None:
    body = b"preamble\r\n--b\r\n\r\nHallo\r\n--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b--\r\nepilogue"
    letter = text.read(mail(f"Content-Type: {content_type}", body=body))
    assert (letter.text, letter.attachments) == ("Hallo", 1)


def test_files_are_counted_and_not_read() -> None:
    body = (
        b"--b\r\nContent-Type: text/plain\r\n\r\nHallo\r\n"
        b"--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=log.txt\r\n\r\nlog\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ninner\r\n"
        b"--b--\r\n"
    )
    letter = text.read(mail("Content-Type: multipart/mixed; boundary=b", body=body))
    assert (letter.text, letter.attachments) == ("Hallo", 2)


def test_a_footer_beside_an_html_mail_is_added() -> None:
    body = b"--b\r\nContent-Type: text/html\r\n\r\n<p>Hallo</p>\r\n--b\r\n\r\nlist footer\r\n--b--\r\n"
    letter = text.read(mail("Content-Type: multipart/mixed; boundary=b", body=body))
    assert letter.text == "Hallo\nlist footer"


def test_only_a_file_is_no_text() -> None:
    letter = text.read(mail("Content-Type: image/jpeg", "Content-Transfer-Encoding: base64", body=b"/9j/4A=="))
    assert (letter.text, letter.attachments) == ("", 1)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ('multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b', b"--b\r\n\r\nx\r\n--b--"),
        ("application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", b"MIIB"),
        ("application/x-pkcs7-mime; smime-type=signed-data", b"MIIB"),
        ("message/partial; id=x; number=1", b"x"),
        ("message/external-body; access-type=url", b"x"),
        ("multipart/mixed; boundary=b", b"--b\r\nContent-Type: message/partial\r\n\r\nx\r\n--b--"),
        ("multipart/mixed; boundary=b", b"--b\r\nContent-Type: application/pkcs7-mime\r\n\r\nx\r\n--b--"),
        ("text/plain", b"-----BEGIN PGP MESSAGE-----\r\n\r\nabc\r\n-----END PGP MESSAGE-----"),
    ],
)
def test_what_is_not_ours_to_read(content_type: str, body: bytes) -> None:
    assert refusal(mail(f"Content-Type: {content_type}", body=body)) == (554, "5.6.1")
