"""DKIM (RFC 6376, 8463): which domains signed a mail, so that what we read is what they signed.

dkimpy does the signature. What is around it is ours, for three reasons, each measured or read in dkimpy 1.1.8:
its regular expressions need quadratic time for a folded signature or a line of blanks and hold the interpreter
meanwhile, it raises a number to any power a stranger's key holds, and it reads a header that other readers read
otherwise. So nothing reaches it but a strict header block, a signature without suspicious blanks, and a key that was
looked at; the body is hashed here, once for all signatures.

Stricter than the RFC, because a pass here spends money: a signature counts only if it covers From and Subject and the
whole body (no `l`), if no field that decides how the mail is read is there twice, and if its key is not in testing.
"""

import asyncio
import base64
import hashlib
import logging
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

import dkim
import dkim.crypto

from bridge.proof import tags
from bridge.proof.dns import Resolver, Trouble
from bridge.proof.domains import is_domain

Result = Literal["pass", "fail", "temperror"]
InThread = Callable[[Callable[[], bool]], Awaitable[bool]]

MOST: Final = 5
"""Signatures of one mail that are looked at."""

_SMALLEST: Final = 1024  # bits of an RSA key, RFC 8301
_LARGEST: Final = 8192
_LARGEST_EXPONENT: Final = 1 << 32
_LONGEST_KEY: Final = 4096  # characters of a key record
_CHUNK: Final = 1 << 16
_FIELD: Final = re.compile(rb"([!-9;-~]+):((?:[^\r\n]*\r\n[ \t])*[^\r\n]*)\r\n")
_BLANKS: Final = re.compile(rb"[ \t\r\n]{200}")
_RUN: Final = re.compile(rb"[ \t]+")
_ONCE: Final = (b"from", b"subject", b"date", b"message-id", b"mime-version", b"content-type", b"reply-to", b"sender",
                b"content-transfer-encoding", b"to", b"cc", b"in-reply-to", b"references")  # fmt: skip
_ALGORITHMS: Final = {"rsa-sha256": "rsa", "ed25519-sha256": "ed25519"}  # and no rsa-sha1, RFC 8301
# dkimpy logs what strangers wrote, as errors, so it gets a logger that nobody listens to:
_SILENT: Final = logging.Logger("dkim", logging.CRITICAL + 1)  # noqa: LOG001 - must not be in the tree of loggers


class Unfit(Exception):
    """A signature or a key that does not count; the text says why, for the sender's operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One signature and what came of it."""

    domain: str  # d=, lower case
    result: Result
    why: str = ""  # of fail and temperror


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """One signature as it stands, not yet looked into."""

    index: int  # among the signatures of the mail
    domain: str
    tags: Mapping[str, str]
    value: bytes


async def check(
    resolver: Resolver, content: bytes, *, nearness: Callable[[str], int], now: float, in_thread: InThread
) -> tuple[Signature, ...]:
    """Look at up to 5 signatures of a mail (CRLF), the ones with the least `nearness` of their domain first.

    Never raises: what cannot be read is no signature. Trouble with a key's DNS is `temperror`.
    """
    mail = _Mail.read(content)
    if mail is None:
        return ()
    claims = sorted(mail.claims(), key=lambda claim: nearness(claim.domain))[:MOST]
    keys = await asyncio.gather(*(_fetched(resolver, mail, claim, now) for claim in claims))
    found: list[Signature] = []
    for claim, key in zip(claims, keys, strict=True):
        if isinstance(key, Signature):
            found.append(key)
            continue
        good = await in_thread(partial(mail.verifies, claim, key))
        why = "" if good else "the signature does not match the mail: it was changed after it was signed"
        found.append(Signature(domain=claim.domain, result="pass" if good else "fail", why=why))
        if good and not nearness(claim.domain):
            break  # nothing can be nearer
    return tuple(found)


async def _fetched(resolver: Resolver, mail: "_Mail", claim: _Claim, now: float) -> bytes | Signature:
    """The key of a claim as a record dkimpy may read; or what there is to say without it."""
    try:
        _fit(mail, claim, now)
        records = await resolver.texts(f"{claim.tags['s']}._domainkey.{claim.domain}")
        return _key(records, claim)
    except Unfit as error:
        return Signature(domain=claim.domain, result="fail", why=str(error))
    except Trouble:
        return Signature(domain=claim.domain, result="temperror", why="DNS did not give the key")


def _fit(mail: "_Mail", claim: _Claim, now: float) -> None:
    """Raises Unfit for a signature that cannot count whatever its key is."""
    given = claim.tags
    signed = {name.strip().lower() for name in given.get("h", "").split(":")}
    if not all(name in given for name in ("b", "bh", "s")) or given.get("v") != "1":
        raise Unfit("the signature lacks a tag")
    if given.get("a", "").lower() not in _ALGORITHMS:
        raise Unfit("the algorithm is not rsa-sha256 or ed25519-sha256")
    if "l" in given:
        raise Unfit("the signature has l= and so leaves a part of the body open")
    if "from" not in signed or (b"subject" in mail.names and "subject" not in signed):
        raise Unfit("the signature leaves out From or Subject")
    if any(mail.names[name] > 1 for name in _ONCE):
        raise Unfit("a field that can stand once stands twice")
    expires = given.get("x", "")
    if expires and not (re.fullmatch(r"[0-9]{1,12}", expires) and int(expires) >= now):
        raise Unfit("the signature has expired")
    if _BLANKS.search(claim.value):
        raise Unfit("the signature is folded beyond measure")


def _key(records: tuple[str, ...], claim: _Claim) -> bytes:
    """The one key among TXT records. Raises Unfit."""
    read = [tags.read(text) for text in records if len(text) <= _LONGEST_KEY]
    found = [key for key in read if key is not None and "p" in key and key.get("v", "DKIM1") == "DKIM1"]
    if len(found) != 1:
        raise Unfit("there is no key, or more than one, at its selector")
    key, kind = found[0], _ALGORITHMS[claim.tags["a"].lower()]
    flags = _listed(key.get("t", ""))
    if key.get("k", "rsa").lower() != kind or not _listed(key.get("h", "sha256")) & {"sha256"}:
        raise Unfit("the key is not for this algorithm")
    if not _listed(key.get("s", "*")) & {"*", "email"}:
        raise Unfit("the key is not for mail")
    if "y" in flags:
        raise Unfit("the key says that DKIM is only being tested (t=y)")
    identity = claim.tags.get("i", f"@{claim.domain}").rpartition("@")[2].lower()
    if "s" in flags and identity != claim.domain:
        raise Unfit("the key is for its very domain only (t=s)")
    text = tags.compact(key["p"])
    if not text:
        raise Unfit("the key was revoked")
    if kind == "rsa":
        _measure(text)
    return f"k={kind}; p={text}".encode("ascii")


def _listed(value: str) -> set[str]:
    return {piece.strip().lower() for piece in value.split(":")}


def _measure(text: str) -> None:
    """Raises Unfit for an RSA key too small to prove anything, or large enough to keep us busy."""
    try:
        key = dkim.crypto.parse_public_key(base64.b64decode(text, validate=True))
        modulus, exponent = int(key["modulus"]), int(key["publicExponent"])
    except Exception as error:
        raise Unfit("the key cannot be read") from error
    bits = modulus.bit_length()
    if not _SMALLEST <= bits <= _LARGEST or not 1 < exponent < _LARGEST_EXPONENT or not exponent & modulus & 1:
        raise Unfit(f"the key has {bits} bits instead of {_SMALLEST} to {_LARGEST}, or a strange exponent")


class _Mail:
    """A mail split as strictly as can be, so that no other reader finds other fields in it."""

    def __init__(self, head: bytes, fields: list[tuple[bytes, bytes]], body: bytes) -> None:
        self._head = head
        self._fields = fields
        self._body = body
        self._hashes: dict[bool, bytes] = {}  # by whether relaxed
        self.names = Counter(name for name, _ in fields)

    @classmethod
    def read(cls, content: bytes) -> "_Mail | None":
        """None where the header is not fields alone, or a line does not end in CRLF."""
        if not content.count(b"\r\n") == content.count(b"\r") == content.count(b"\n"):
            return None
        head, _, body = content.partition(b"\r\n\r\n")
        head += b"\r\n"
        fields: list[tuple[bytes, bytes]] = []
        at = 0
        while at < len(head):
            found = _FIELD.match(head, at)
            if found is None:
                return None
            fields.append((found[1].lower(), found[2]))
            at = found.end()
        return cls(head, fields, body)

    def claims(self) -> Iterator[_Claim]:
        """All signatures that name a domain."""
        values = [value for name, value in self._fields if name == b"dkim-signature"]
        for index, value in enumerate(values):
            found = tags.read(value.decode("latin-1"))
            domain = found.get("d", "").lower() if found else ""
            if found and is_domain(domain):
                yield _Claim(index=index, domain=domain, tags=found, value=value)

    def verifies(self, claim: _Claim, key: bytes) -> bool:
        """Whether body and fields are what was signed; for a thread. Never raises."""
        try:
            verifier = dkim.DKIM(self._head + b"\r\n", logger=_SILENT, minkey=_SMALLEST)
            prepared = verifier.verify_headerprep(claim.index)
            if not prepared:
                return False
            signature, include, values = prepared
            expected = base64.b64decode(tags.compact(claim.tags["bh"]), validate=True)
            relaxed = signature.get(b"c", b"simple/simple").partition(b"/")[2] == b"relaxed"
            if expected != self._body_hash(relaxed=relaxed):
                return False
            del signature[b"bh"]  # done: what dkimpy is left with is the header, which covers bh itself

            def dnsfunc(_name: bytes, **_options: Any) -> bytes:
                return key

            return bool(verifier.verify_sig(signature, include, values[claim.index], dnsfunc))
        except Exception:  # noqa: BLE001 - row 44: whatever a library raises on a bad mail is "not signed"
            return False

    def _body_hash(self, *, relaxed: bool) -> bytes:
        if relaxed not in self._hashes:
            digest = hashlib.sha256()
            for piece in _canonical(self._body, relaxed=relaxed):
                digest.update(piece)
            self._hashes[relaxed] = digest.digest()
        return self._hashes[relaxed]


def _canonical(body: bytes, *, relaxed: bool) -> Iterator[bytes]:
    """The body as it is hashed (RFC 6376 section 3.4.3 and 3.4.4), in pieces, in linear time."""
    if body and not body.endswith(b"\r\n"):
        body += b"\r\n"
    at = empty = written = 0
    while at < len(body):
        end = body.find(b"\r\n", at + _CHUNK)
        piece = body[at:] if end < 0 else body[at : end + 2]
        at += len(piece)
        if relaxed:
            piece = _RUN.sub(b" ", piece).replace(b" \r\n", b"\r\n")
        text = piece.rstrip(b"\r\n")  # a line ends in CRLF or the mail is not read at all
        if text:
            yield b"\r\n" * empty + text
            empty, written = 0, written + 1
        empty += (len(piece) - len(text)) // 2
    if written or not relaxed:
        yield b"\r\n"
