"""S/MIME that wraps the words: written by OpenSSL, written by hand, cut off and mangled."""

import datetime
from base64 import encodebytes

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import text
from bridge.text import opaque
from tests.text.make import mail, refusal

INNER = b"Content-Type: text/plain; charset=utf-8\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n"
SIGNED, ENVELOPED, DATA = (bytes.fromhex("06092a864886f70d0107") + bytes([last]) for last in (2, 3, 1))


def tlv(tag: int, *content: bytes, open_: bool = False) -> bytes:
    body = b"".join(content)
    if open_:
        return bytes([tag, 0x80]) + body + b"\0\0"
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes(3, "big")
    return bytes([tag, 0x83]) + length + body


def signed_data(octets: bytes, *, open_: bool = False, kind: bytes = SIGNED) -> bytes:
    """A ContentInfo with these elements as eContent and nothing behind it."""
    content = tlv(0x30, DATA, tlv(0xA0, octets, open_=open_) if octets else b"", open_=open_)
    digests = tlv(0x31, tlv(0x30, tlv(0x06, b"\x01"), open_=open_), open_=open_)
    inside = tlv(0x30, tlv(0x02, b"\x01"), digests, content, tlv(0x31), open_=open_)
    return tlv(0x30, kind, tlv(0xA0, inside, open_=open_), open_=open_)


WHOLE = tlv(0x04, INNER)
CHUNKS = tlv(0x24, tlv(0x04, INNER[:20]), tlv(0x04, INNER[20:]))
OPEN_CHUNKS = tlv(0x24, tlv(0x04, INNER[:20]), tlv(0x04, INNER[20:]), open_=True)
NESTED = tlv(0x24, tlv(0x24, tlv(0x04, INNER[:9]), open_=True), tlv(0x24, tlv(0x04, INNER[9:])), open_=True)


def signed_by_openssl() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "anna@example.com")])
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
    ).sign(key, hashes.SHA256())
    builder = pkcs7.PKCS7SignatureBuilder().set_data(INNER).add_signer(certificate, key, hashes.SHA256())
    return builder.sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])


def wrapped_mail(data: bytes, smime_type: str = "signed-data") -> bytes:
    kind = f"Content-Type: application/pkcs7-mime; smime-type={smime_type}; name=smime.p7m"
    return mail("Subject: x", kind, "Content-Transfer-Encoding: base64", body=encodebytes(data))


@pytest.mark.parametrize("octets", [WHOLE, CHUNKS, OPEN_CHUNKS, NESTED], ids=["whole", "chunks", "open", "nested"])
@pytest.mark.parametrize("open_", [False, True], ids=["DER", "BER"])
def test_the_words_of_a_wrapped_mail_are_read(octets: bytes, open_: bool) -> None:
    assert opaque.wrapped(signed_data(octets, open_=open_)) == INNER
    assert text.read(wrapped_mail(signed_data(octets, open_=open_))).text == "Grüße"


def test_what_openssl_signs_is_read() -> None:
    data = signed_by_openssl()
    assert opaque.is_signed(data)
    assert opaque.wrapped(data) == INNER
    letter = text.read(wrapped_mail(data))
    assert (letter.text, letter.attachments) == ("Grüße", 0)


def test_a_signed_mail_in_a_signed_mail_is_read_to_the_last_level() -> None:
    data = INNER
    for level in range(21):
        data = b"Content-Type: application/pkcs7-mime\r\n\r\n" + signed_data(tlv(0x04, data))
        if level == 19:
            assert text.read(data).text == "Grüße"
    assert refusal(data) == (554, "5.6.0")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (signed_data(WHOLE, kind=ENVELOPED), "encrypted"),
        (signed_data(b""), "certificates"),
        (signed_data(tlv(0x02, b"x")), "cannot be read"),
        (signed_data(WHOLE)[:40], "encrypted"),  # the outermost length is already too long: nobody can say what it is
        (b"", "encrypted"),
    ],
)
def test_what_stays_closed_is_refused_with_a_reason(data: bytes, sentence: str) -> None:
    with pytest.raises(text.Refused, match=sentence) as caught:
        text.read(wrapped_mail(data))
    assert (caught.value.code, caught.value.status) == (554, "5.6.1")


def test_damaged_base64_is_called_damaged() -> None:
    with pytest.raises(text.Refused, match="damaged"):
        text.read(wrapped_mail(b"").replace(b"\r\n\r\n", b"\r\n\r\nAP8"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30",
        b"\x30\x80",
        b"\x30\x85\0\0\0\0\0",
        b"\x1f\x1f\0",
        b"\x04\x80",
        signed_data(b"\x24\x80" * 30_000),
        signed_data(b"\x24\x80" + b"\x04\x00" * 30_000),
        signed_data(tlv(0x24, b"\x04\x00" * 30_000)),
        tlv(0x30, SIGNED, tlv(0xA0, tlv(0x30, b"\x30\x80" * 30_000))),
    ],
)
def test_what_is_none_is_a_value_error_after_a_few_steps(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        opaque.wrapped(data)


_WRITTEN = [signed_data(octets, open_=open_) for octets in (WHOLE, OPEN_CHUNKS, NESTED) for open_ in (False, True)]


@settings(deadline=None, max_examples=400)
@given(st.sampled_from(_WRITTEN), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=4))
def test_no_mangled_octet_breaks_the_walk(data: bytes, changes: list[tuple[int, int]]) -> None:
    mangled = bytearray(data)
    for at, octet in changes:
        mangled[at % len(mangled)] = octet
    for made in (bytes(mangled), bytes(mangled[: len(mangled) // 2])):
        try:
            assert len(opaque.wrapped(made)) <= len(made)
        except ValueError:
            continue


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_no_octets_break_the_walk(data: bytes) -> None:
    opaque.is_signed(data)
    try:
        opaque.wrapped(SIGNED and tlv(0x30, SIGNED, data))
    except ValueError:
        return
