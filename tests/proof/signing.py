"""Signed mail for tests: keys made at run time, signatures by dkimpy, records in a `Stub`.

async with serving() as stub:
    publish(stub, signer("example.org"))
    content = signed(mail("anna@example.org"), signer("example.org"))
    MailAuthentication(nameservers=[stub.address])
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import dkim
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.proof.dns_stub import Stub

SIGNED = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Somebody who signs for a domain."""

    domain: str
    selector: str
    algorithm: str  # "rsa-sha256", "rsa-sha1", "ed25519-sha256"
    private: bytes  # as dkimpy wants it
    record: str  # what belongs into DNS

    @property
    def name(self) -> str:
        """Where the record belongs."""
        return f"{self.selector}._domainkey.{self.domain}"


@cache  # a key takes a tenth of a second
def signer(domain: str, *, selector: str = "s1", algorithm: str = "rsa-sha256", bits: int = 2048) -> Signer:
    """A signer with a key of its own, the same one for the same arguments."""
    if algorithm.startswith("ed25519"):
        key = ed25519.Ed25519PrivateKey.generate()
        private = base64.b64encode(key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))
        public = base64.b64encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
        record = f"v=DKIM1; k=ed25519; p={public.decode()}"
    else:
        pair = rsa.generate_private_key(65537, bits)
        private = pair.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        der = pair.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        record = f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"
    return Signer(domain=domain, selector=selector, algorithm=algorithm, private=private, record=record)


def publish(stub: Stub, by: Signer, record: str | None = None) -> None:
    """Put a signer's key, or another record in its place, into DNS."""
    stub.records[by.name, "TXT"] = [by.record if record is None else record]


def mail(
    author: str, *, subject: str = "Pump 3", body: str = "Pressure 0.4 bar\r\n", more: Sequence[str] = ()
) -> bytes:
    """A plain mail with CRLF; `more` are header lines without line ends."""
    lines = [
        f"From: {author}",
        "To: 436600000001@sms.example.com",
        f"Subject: {subject}",
        "Date: Thu, 01 Oct 2026 10:00:00 +0200",
        "Message-ID: <1@example.org>",
        *more,
        "",
        body,
    ]
    return "\r\n".join(lines).encode()


class _Signing(dkim.DKIM):  # type: ignore[misc] # the library has no types
    """dkimpy's signer with tags it does not know how to write."""

    extra: tuple[tuple[bytes, bytes], ...] = ()

    def gen_header(self, fields: list[tuple[bytes, bytes]], *args: Any, **options: Any) -> Any:
        fields[-1:-1] = self.extra  # before b=
        return super().gen_header(fields, *args, **options)


def signed(
    content: bytes,
    by: Signer,
    *,
    canonicalize: str = "relaxed/relaxed",
    headers: Sequence[str] | None = None,
    length: bool = False,
    extra: Sequence[tuple[str, str]] = (),
    identity: str | None = None,
) -> bytes:
    """`content` below its DKIM-Signature. `headers` are the signed names; default those of `SIGNED` that are there."""
    signing = _Signing(content, signature_algorithm=by.algorithm.encode())
    signing.extra = tuple((name.encode(), value.encode()) for name, value in extra)
    there = {name.lower() for name, _ in signing.headers}
    names = [name.encode() for name in headers or SIGNED if headers or name.lower().encode() in there]
    made: bytes = signing.sign(
        by.selector.encode(),
        by.domain.encode(),
        by.private,
        identity=identity.encode() if identity else None,
        canonicalize=tuple(canonicalize.encode().split(b"/")),
        include_headers=names,
        length=length,
    )
    return made + content
