"""The mails we write: nothing that goes in as a value comes out as a header, a line too long, or another text."""

import email
import email.header
import email.policy
import email.utils
import re
from email.message import EmailMessage, Message
from typing import cast

import lxml.html
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge import compose

ANYTHING = st.one_of(
    st.text(max_size=300),
    st.text(alphabet=' \r\n\t=?:<>,;@"\\()Bcc.utf-8q_\x00\x0b\x0c\x1c\x85\u2028\xa0é🐢', max_size=200),
    st.text(alphabet="ab ", min_size=880, max_size=1100),
    st.text(alphabet=st.characters(categories=("Cs", "Lu")), max_size=30),
)
ATTACK = "a\r\nBcc: x@example.net\r\n\r\nbody =?utf-8?q?=0ABcc:_evil=40example.net?= b"
NAMES = ["Subject", "From", "To", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"]


def plain(text: str) -> str:
    """What of a text a header can say: no control characters, no lone surrogates, blanks at the ends lost."""
    text = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text).strip()
    return text.encode("utf-8", "replace").decode()


def both(raw: bytes) -> tuple[EmailMessage, Message]:
    modern = email.message_from_bytes(raw, policy=email.policy.default)
    return modern, email.message_from_bytes(raw, policy=email.policy.compat32)


def decoded(value: str) -> str:
    """RFC 2047: words next to each other join without the blank between them."""
    pieces = email.header.decode_header(value)
    return "".join(piece.decode(charset or "ascii") if isinstance(piece, bytes) else piece for piece, charset in pieces)


def sound(raw: bytes) -> None:
    """CRLF only, seven bits, no line beyond 998 octets: RFC 5322 2.1.1 and 2.3."""
    assert raw.isascii()
    assert b"\x00" not in raw
    assert raw.endswith(b"\r\n")
    for line in raw.split(b"\r\n"):
        assert len(line) <= 998
        assert not line.strip(b"\r\n") or (b"\r" not in line and b"\n" not in line)


@settings(max_examples=250, database=None, deadline=None)
@given(ANYTHING, ANYTHING, ANYTHING)
@example(ATTACK, ATTACK, ATTACK)
@example("=?utf-8?B?w7w=?=", '"quoted" \\', "")
@example("x" * 899, "x" * 899, "x" * 2000)
@example('"' * 899, '"' * 899, "." * 3)
def test_exactly_the_given_headers_come_back(subject: str, name: str, body: str) -> None:
    headers = [
        ("Subject", compose.encoded(subject)),
        ("From", compose.mailbox(name, "anna@sms.example.com")),
        ("To", compose.recipient("bernd@example.com")),
    ]
    raw = compose.compose(headers, body)
    sound(raw)
    modern, old = both(raw)
    assert modern.keys() == old.keys() == NAMES
    assert not modern.defects
    assert [one.addr_spec for one in modern["To"].addresses] == ["bernd@example.com"]
    assert decoded(old["Subject"]) == plain(subject)
    # Not the modern parser: of Python 3.11 it takes a quote inside an encoded word for a quote around the address.
    ((shown, address),) = email.utils.getaddresses([old["From"]])
    assert address == "anna@sms.example.com"
    assert decoded(shown).split() == plain(name)[:120].split()  # runs of blanks are one in a name
    text = body.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n"
    payload = cast("bytes", old.get_payload(decode=True))
    assert payload.decode().replace("\r\n", "\n") == text.encode("utf-8", "replace").decode()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", ""),
        ("SMS Anna (+43 660 0000001)", "SMS Anna (+43 660 0000001)"),
        ("Grüße", "=?utf-8?B?R3LDvMOfZQ==?="),
        ("a\tb", "a b"),
    ],
)
def test_values(text: str, value: str) -> None:
    assert compose.encoded(text) == value


@given(st.text(alphabet="äöü🐢€ ", min_size=1, max_size=300))
def test_encoded_words_are_short_and_whole(text: str) -> None:
    for word in compose.encoded(text).split("\r\n "):
        assert len(word) <= 75
        if word.startswith("=?"):
            ((piece, charset),) = email.header.decode_header(word)
            assert charset == "utf-8"
            piece.decode()  # no character is torn in two


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (None, "anna@example.com"),
        ("", "anna@example.com"),
        ("Anna Muster", "Anna Muster <anna@example.com>"),
        ("Muster, Anna", '"Muster, Anna" <anna@example.com>'),
        ('A "B" \\', '"A \\"B\\" \\\\" <anna@example.com>'),
        ("Jörg", "=?utf-8?B?SsO2cmc=?=\r\n <anna@example.com>"),
    ],
)
def test_mailboxes(name: str | None, value: str) -> None:
    assert compose.mailbox(name, "anna@example.com") == value


BAD = [
    "",
    "anna",
    "a b@example.com",
    "a@b, c@example.com",
    "a>@example.com",
    "jörg@example.com",
    "a@example.com\r\nBcc: b",
]


@pytest.mark.parametrize("address", BAD)
def test_what_is_no_address_is_refused_by_mailbox_and_hidden_by_recipient(address: str) -> None:
    with pytest.raises(ValueError, match="address"):
        compose.mailbox("x", address)
    assert compose.recipient(address) == "undisclosed-recipients:;"


@pytest.mark.parametrize(
    "address", ['"a b"@example.com', '"a,b>"@example.com', "a@[192.0.2.1]", "r+abc234@sms.example.com"]
)
def test_odd_but_right_addresses_stand(address: str) -> None:
    raw = compose.compose([("To", compose.recipient(address))], "x")
    assert [one.addr_spec for one in both(raw)[0]["To"].addresses] == [address]


@pytest.mark.parametrize(
    "header",
    [("Subject", "a\nBcc: b"), ("Subject", "a\r\n\r\nb"), ("Bcc: x\r\nSubject", "y"), ("Su bject", "x"), ("X", "\x00")],
)
def test_a_header_that_would_be_two_is_refused(header: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="header"):
        compose.compose([header], "body")


def test_the_date_is_utc_and_reads_back() -> None:
    raw = compose.compose([("Date", compose.date(1_800_000_000.0))], "x")
    assert both(raw)[0]["Date"].datetime.timestamp() == 1_800_000_000


@pytest.mark.parametrize(
    "body", ["", "\n\n", ".", "..\n.", "From x", "a" * 5000, "ü" * 5000, "x \n\t\n", "a\rb", "=20=\n="]
)
def test_bodies_come_back(body: str) -> None:
    raw = compose.compose([("Subject", "x")], body)
    sound(raw)
    expected = body.replace("\r", "\n").rstrip("\n") + "\n"
    assert both(raw)[0].get_content().replace("\r\n", "\n") == expected


@settings(max_examples=100, database=None, deadline=None)
@given(ANYTHING)
@example(ATTACK)
@example("</div></body><script>alert(1)</script>")
def test_html_says_what_the_text_says(body: str) -> None:
    raw = compose.compose([("Subject", "x")], body, html=True)
    sound(raw)
    mail = both(raw)[0]
    assert not mail.defects
    plain, markup = mail.iter_parts()
    assert (plain.get_content_type(), markup.get_content_type()) == ("text/plain", "text/html")
    page = lxml.html.document_fromstring(markup.get_content().replace("\r\n", "\n"))
    assert {one.tag for one in page.iter()} <= {"html", "head", "meta", "title", "body", "div", "br"}
    lines = [one.text or "" for one in page.iter("div")]
    wanted = plain.get_content().replace("\r\n", "\n").rstrip("\n")
    assert "\n".join(lines) == re.sub("[\x00-\x08\x0b-\x1f\x7f-\x9f]", "\ufffd", wanted)


FILE = ("contact.vcf", "text/vcard; charset=utf-8", b"BEGIN:VCARD\r\nN:J\xc3\xb6rg\r\nEND:VCARD\r\n")


@settings(max_examples=100, database=None, deadline=None)
@given(ANYTHING, st.lists(st.binary(max_size=500), min_size=1, max_size=3))
def test_files_go_along_octet_by_octet(text: str, contents: list[bytes]) -> None:
    files = [(f"sms-{count}.bin", "application/octet-stream", data) for count, data in enumerate(contents)]
    raw = compose.compose([("Subject", "x")], text, files)
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert not mail.defects
    words, *found = mail.iter_parts()
    assert words.get_content_type() == "text/plain"
    assert [part.get_filename() for part in found] == [name for name, _, _ in files]
    assert [part.get_payload(decode=True) for part in found] == contents
    assert compose.compose([("Subject", "x")], text, files) == raw


def test_a_text_does_not_end_where_it_likes() -> None:
    plain = compose.compose([], "x", [FILE]).split(b'boundary="')[1].split(b'"')[0].decode()
    mail = email.message_from_bytes(compose.compose([], f"x\n--{plain}--\n--{plain}\n", [FILE]))
    assert isinstance(mail.get_payload(), list)
    assert len(mail.get_payload()) == 2


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a b", "text/vcard"),
        ('a"', "text/vcard"),
        ("a\r\nb", "text/vcard"),
        ("../a", "text/vcard"),
        ("", "text/vcard"),
        ("a", "text"),
        ("a", "text/vcard\r\nX: y"),
        ("a", "text/vcard; x=y"),
    ],
)
def test_only_plain_names_and_types_of_files(name: str, content_type: str) -> None:
    with pytest.raises(ValueError, match="not a plain file name and type"):
        compose.compose([], "x", [(name, content_type, b"")])
