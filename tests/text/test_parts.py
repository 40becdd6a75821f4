"""The MIME tree: which leaves are read, which are counted, and where it ends."""

from base64 import b64encode, encodebytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import text
from bridge.text import parts
from bridge.text.fields import split
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


def part(content_type: str = "", body: bytes = b"x", **more: str) -> parts.Part:
    """The tree of a mail with these fields."""
    head = {name.replace("_", "-"): (value,) for name, value in ({"content_type": content_type} | more).items()}
    return parts.tree(head, body)


def pieces(body: bytes, boundary: str = "b") -> list[bytes]:
    return [child.body for child in part(f"multipart/mixed; boundary={boundary}", body).children]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n", [b"one", b"two"]),
        (b"--b\n\none\n--b\n\ntwo\n--b--", [b"one", b"two"]),
        (b"preamble\n--b\n\none\n--b--\nepilogue\n--b\n\nmore", [b"one"]),
        (b"--b  \t\n\none\n--b-- \n", [b"one"]),
        (b"--b\n\none", [b"one"]),
        (b"--b\n\none\n--b", [b"one", b""]),
        (b"--b\n\none\n--bb\ntwo\n--b--", [b"one\n--bb\ntwo"]),
        (b"--b\n\none\n --b\ntwo\n--b--", [b"one\n --b\ntwo"]),
        (b"--b\n\none--b\n--b--", [b"one--b"]),
        (b"--b\n\none\r\n\r\n--b--", [b"one\r\n"]),
        (b"--b\nA: b\n\none\n--b--", [b"one"]),
        (b"--b\none\n--b--", [b"one"]),
        (b"--b\n--b\n--b--", [b"", b""]),
    ],
)
def test_where_parts_begin_and_end(body: bytes, found: list[bytes]) -> None:
    assert pieces(body) == found


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/mixed", b"--b\n\nx\n--b--"),
        ('multipart/mixed; boundary=""', b"--\n\nx\n----"),
        ("multipart/mixed; boundary=b", b"no boundary at all"),
        ("multipart/mixed; boundary=b", b""),
        ("multipart/mixed; boundary=b", b"--b--"),
    ],
)
def test_a_container_without_parts_is_read_as_it_stands(content_type: str, body: bytes) -> None:
    found = part(content_type, body)
    assert (found.kind, found.children, found.body) == ("text/plain", (), body)


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [("", "text/plain"), ("text", "text/plain"), ("TEXT/Html; x=y", "text/html"), ("nonsense", "text/plain")],
)
def test_kinds(content_type: str, kind: str) -> None:
    assert part(content_type).kind == kind


def test_parts_of_a_digest_are_mails_and_not_read() -> None:
    body = b"--b\n\nSubject: x\n\ninner\n--b\nContent-Type: text/plain\n\nouter\n--b--"
    root = part("multipart/digest; boundary=b", body)
    assert [child.kind for child in root.children] == ["message/rfc822", "text/plain"]
    found = parts.words(root)
    assert ([leaf.text() for leaf in found.leaves], found.attachments) == (["outer"], 1)


@pytest.mark.parametrize(
    ("disposition", "content_type", "attached"),
    [
        ("", "text/plain", False),
        ("", "text/plain; name=a.txt", False),
        ("inline", "text/plain", False),
        ("inline; filename=a.txt", "text/plain", True),
        ("inline", "text/plain; name=a.txt", True),
        ("ATTACHMENT", "text/plain", True),
        ("attachment; filename=a.txt", "text/plain", True),
    ],
)
def test_what_is_meant_to_be_saved(disposition: str, content_type: str, attached: bool) -> None:
    assert part(content_type, content_disposition=disposition).attached is attached


def test_a_mail_that_is_one_text_is_read_whatever_its_disposition() -> None:
    found = parts.words(part("text/plain", b"Alarm", content_disposition="attachment; filename=alarm.txt"))
    assert ([leaf.text() for leaf in found.leaves], found.attachments) == (["Alarm"], 0)


@pytest.mark.parametrize("encoding", ["", "7bit", "base64", "quoted-printable"])
def test_no_more_of_a_text_is_decoded_than_bounds_allow(encoding: str) -> None:
    size = 2_000_000
    body = b64encode(b"x" * size) if encoding == "base64" else b"x" * size
    assert part("text/plain", body, content_transfer_encoding=encoding).text() == "x" * 256 * 1024


@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["base64", "quoted-printable", "BASE64", "8bit", "uuencode", ""]))
def test_no_body_breaks_the_decoders(body: bytes, encoding: str) -> None:
    part("text/plain; charset=utf-8", body, content_transfer_encoding=encoding).text().encode()


@settings(deadline=None)
@given(st.binary(max_size=100))
def test_base64_comes_back_however_it_is_wrapped(data: bytes) -> None:
    wrapped = b"\r\n ".join(encodebytes(data).splitlines())
    assert parts._octets(wrapped, "base64") == data
    assert parts._octets(b64encode(data).rstrip(b"="), "base64") == data


def multipart(kind: str, *children: bytes, boundary: str = "b") -> bytes:
    """A part that holds these."""
    mark = f"--{boundary}\n".encode()
    head = f"Content-Type: multipart/{kind}; boundary={boundary}\n\n".encode()
    return head + b"".join(mark + child + b"\n" for child in children) + f"--{boundary}--\n".encode()


PLAIN, HTML = b"\nplain", b"Content-Type: text/html\n\nhtml"
IMAGE = b"Content-Type: image/png\nContent-ID: <x>\n\nx"
FILE = b"Content-Type: application/pdf\nContent-Disposition: attachment; filename=a.pdf\n\nx"
SIGNATURE = b"Content-Type: application/pgp-signature\n\nx"


@pytest.mark.parametrize(
    ("mail_", "leaves", "attachments"),
    [
        (multipart("alternative", PLAIN, HTML), ["plain"], 0),
        (multipart("alternative", HTML, PLAIN), ["plain"], 0),
        (multipart("alternative", b"\n ", HTML), ["html"], 0),
        (multipart("alternative", b"\nPlease use an HTML viewer", HTML), ["html"], 0),
        (multipart("alternative", b"\nhtml " + b"x" * 300, HTML), ["html " + "x" * 300], 0),
        (multipart("alternative", HTML), ["html"], 0),
        (multipart("alternative", IMAGE), [], 1),
        (multipart("alternative", PLAIN, multipart("related", HTML, IMAGE, boundary="c")), ["plain"], 0),
        (multipart("alternative", b"\n", multipart("mixed", HTML, FILE, boundary="c")), ["html"], 1),
        (multipart("mixed", PLAIN, HTML), ["plain"], 0),
        (multipart("mixed", b"\n ", HTML), [" ", "html"], 0),
        (multipart("mixed", HTML, PLAIN), ["html", "plain"], 0),
        (multipart("mixed", PLAIN, FILE, b"\nfooter"), ["plain", "footer"], 1),
        (multipart("mixed", PLAIN, IMAGE), ["plain"], 1),
        (multipart("related", HTML, IMAGE, FILE), ["html"], 1),
        (multipart("related", HTML, IMAGE.replace(b"\n\n", b"\nContent-Disposition: attachment\n\n")), ["html"], 0),
        (multipart("signed", PLAIN, SIGNATURE), ["plain"], 0),
        (multipart("signed", multipart("mixed", PLAIN, FILE, boundary="c"), SIGNATURE), ["plain"], 1),
        (multipart("report", PLAIN, b"Content-Type: message/delivery-status\n\nx", FILE), ["plain"], 0),
        (multipart("mixed", PLAIN, b"Content-Type: text/calendar\n\nx", SIGNATURE), ["plain"], 0),
        (multipart("mixed", PLAIN, b"Content-Type: message/rfc822\n\nSubject: x\n\ny"), ["plain"], 1),
        (multipart("nonsense", PLAIN, FILE), ["plain"], 1),
        (b"Content-Type: text/csv\n\na;b", [], 1),
    ],
)
def test_which_leaves_are_read(mail_: bytes, leaves: list[str], attachments: int) -> None:
    head, begin = split(mail_)
    found = parts.words(parts.tree(head, mail_[begin:]))
    assert ([leaf.text() for leaf in found.leaves], found.attachments) == (leaves, attachments)
    assert not found.encrypted


@pytest.mark.parametrize(
    ("encoding", "body", "octets"),
    [
        ("", b"\x00\xff\r\n", b"\x00\xff\r\n"),
        ("7bit", b"x", b"x"),
        ("8BIT", b"\xff", b"\xff"),
        ("binary", b"\n", b"\n"),
        ("base64", b"AP8=\r\n", b"\x00\xff"),
        ("base64", b"  AP\r\n8=", b"\x00\xff"),
        ("base64", b"", b""),
        ("base64", b"AP8", None),  # text may be guessed at, octets may not
        ("base64", b"AP8=AP8=", None),
        ("base64", b"AP-_", None),
        ("base64", b"AP8=\r\n-- \r\na list's footer", None),
        ("quoted-printable", b"=00=FF=\r\nx\r\n", b"\x00\xffx\r\n"),
        ("x-uuencode", b"x", None),
    ],
)
def test_octets_are_exact_or_none(encoding: str, body: bytes, octets: bytes | None) -> None:
    part = parts.tree({"content-type": ("application/x",), "content-transfer-encoding": (encoding,)}, body)
    assert part.octets() == octets


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("attachment", None),
        ("attachment; filename=a.vcf", "a.vcf"),
        ('attachment; filename=""', ""),
        ("attachment; filename*=utf-8''J%C3%B6rg.vcf", "Jörg.vcf"),
        ("attachment; filename*=iso-8859-1'de'J%F6rg.vcf", "Jörg.vcf"),
        ("attachment; filename*0*=utf-8''J%C3%B6; filename*1=rg.vcf", "Jörg.vcf"),
        ('attachment; filename="=?utf-8?q?J=C3=B6rg=2Evcf?="', "Jörg.vcf"),
        ("attachment; filename=Jörg.vcf", "Jörg.vcf"),
        ("attachment; filename=Ягуар.vcf", "Ягуар.vcf"),
    ],
)
def test_file_names(header: str, name: str | None) -> None:
    part = parts.tree({"content-type": ("application/x",), "content-disposition": (header,)}, b"x")
    assert part.name == name
    named_elsewhere = parts.tree(
        {"content-type": (header.replace("attachment", "a/b").replace("filename", "name"),)}, b"x"
    )
    assert named_elsewhere.name == name


def test_an_encrypted_part_beside_a_text_is_noted() -> None:
    mail_ = multipart("mixed", PLAIN, b"Content-Type: application/pkcs7-mime\n\nx")
    head, begin = split(mail_)
    found = parts.words(parts.tree(head, mail_[begin:]))
    assert (len(found.leaves), found.attachments, found.encrypted) == (1, 1, True)


_LINES = st.lists(
    st.sampled_from(
        [b"--b", b"--b--", b"--c", b"--c--", b"", b"x", b"Content-Type: multipart/mixed; boundary=c", b"--bx"]
    ),
    max_size=25,
).map(b"\n".join)


@settings(deadline=None, max_examples=200)
@given(_LINES)
def test_every_leaf_is_a_piece_of_the_body_in_its_order(body: bytes) -> None:
    def leaves(one: parts.Part) -> list[bytes]:
        return [piece for child in one.children for piece in leaves(child)] if one.children else [one.body]

    at = 0
    for piece in leaves(part("multipart/mixed; boundary=b", body)):
        at = body.index(piece, at) + len(piece)
