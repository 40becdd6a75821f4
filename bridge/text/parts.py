"""The MIME tree of a mail, counted while it is cut and never deeper or wider than the bounds.

An own walk over the bytes: the standard library builds the whole tree first (15 s for 100,000 parts) and recurses
without a limit. Attached messages are leaves: their words are not the writer's.
"""

import binascii
import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bridge.nouns import light
from bridge.text import charsets, opaque
from bridge.text.fields import Fields, first, parameters, split
from bridge.text.fields import words as header_words
from bridge.text.refused import BODY, DELIMITERS, LEVELS, PARTS, too_deep, unreadable

_PKCS7 = {"application/pkcs7-mime", "application/x-pkcs7-mime"}
_AS_IT_IS = {"", "7bit", "8bit", "binary"}


@light
@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One node: a container with `children`, or a leaf with `body` (still encoded)."""

    kind: str  # "text/plain", lower case
    parameters: Mapping[str, str]
    encoding: str  # Content-Transfer-Encoding, lower case
    disposition: str  # "inline", "attachment", ""
    name: str | None  # of its file, as people read it
    referred: bool  # it has a Content-ID: most likely an image inside the text
    body: bytes
    children: "tuple[Part, ...]" = ()

    @property
    def attached(self) -> bool:
        """Whether it is meant to be saved, not read."""
        return self.disposition == "attachment" or (bool(self.disposition) and self.name is not None)

    def text(self) -> str:
        """The characters of a leaf, at most 256 KiB of them; bytes that decode to nothing are left out."""
        data = _octets(self.body, self.encoding)[:BODY]
        return charsets.decode(data, self.parameters.get("charset", ""))

    def octets(self) -> bytes | None:
        """The octets of a leaf, all of them and just as they were; None when the encoding leaves that in doubt."""
        return _exact(self.body, self.encoding)


def _exact(body: bytes, encoding: str) -> bytes | None:
    if encoding == "quoted-printable":
        return binascii.a2b_qp(body)
    if encoding == "base64":
        try:
            return binascii.a2b_base64(b"".join(body.split()), strict_mode=True)
        except binascii.Error:
            return None
    return body if encoding in _AS_IT_IS else None


@dataclass(slots=True)
class _Budget:
    parts: int = PARTS
    delimiters: int = DELIMITERS


def tree(fields: Fields, body: bytes) -> Part:
    """The parts of a mail with these fields.

    Raises Refused: 554 5.6.0 for more than 200 parts or 20 levels, 554 5.6.1 for what may not be put together
    (message/partial, message/external-body) or is encrypted.
    """
    return _part(fields, body, "text/plain", 0, _Budget())


def _part(fields: Fields, body: bytes, default: str, level: int, budget: _Budget) -> Part:
    budget.parts -= 1
    if budget.parts < 0:
        raise too_deep(f"more than {PARTS} parts")
    kind, given = parameters(first(fields, "content-type"))
    disposition, of_disposition = parameters(first(fields, "content-disposition"))
    if "/" not in kind:
        kind = default
    _may_be_read(kind)
    encoding = first(fields, "content-transfer-encoding").lower()
    children: tuple[Part, ...] = ()
    unwrapped = _unwrapped(body, encoding, level) if kind in _PKCS7 else None
    if (unwrapped or kind.startswith("multipart/")) and level >= LEVELS:
        raise too_deep(f"parts within parts, more than {LEVELS} levels")
    if unwrapped:
        kind, children = "multipart/signed", (_child(unwrapped, "text/plain", level + 1, budget),)
    elif kind.startswith("multipart/") and given.get("boundary"):
        inner = "message/rfc822" if kind == "multipart/digest" else "text/plain"
        pieces = _pieces(body, given["boundary"].strip().encode("utf-8", "replace"), budget)
        children = tuple(_child(piece, inner, level + 1, budget) for piece in pieces)
    if kind.startswith("multipart/") and not children:
        kind = "text/plain"  # a container without a boundary is read as it stands
    return Part(
        kind=kind,
        parameters=given,
        encoding=encoding,
        disposition=disposition,
        name=_name(of_disposition.get("filename", given.get("name"))),
        referred="content-id" in fields,
        body=b"" if children else body,
        children=children,
    )


def _name(value: str | None) -> str | None:
    """A file name: RFC 2047, which many use for it, and RFC 2231, whose octets come as Latin-1."""
    if value is None:
        return None
    with contextlib.suppress(UnicodeEncodeError):
        value = charsets.decode(value.encode("latin-1"), "")
    return header_words(value)


def _child(piece: bytes, default: str, level: int, budget: _Budget) -> Part:
    fields, begin = split(piece)
    return _part(fields, piece[begin:], default, level, budget)


def _may_be_read(kind: str) -> None:
    if kind in {"message/partial", "message/external-body"}:
        raise unreadable(f"{kind} is not put together")
    if kind == "multipart/encrypted":
        raise unreadable("the mail is encrypted")


def _unwrapped(body: bytes, encoding: str, level: int) -> bytes | None:
    """The part inside of an S/MIME part; None where it stays closed, which a mail that is nothing else may not."""
    data = _exact(body, encoding)
    if data is None or not opaque.is_signed(data):
        reason = "the mail is damaged: its S/MIME part cannot be decoded" if data is None else "the mail is encrypted"
    else:
        try:
            if inside := opaque.wrapped(data):
                return inside
            reason = "the mail holds certificates and no words"
        except ValueError:
            reason = "the mail is signed and wrapped (S/MIME) in a way that cannot be read"
    if level == 0:
        raise unreadable(reason)
    return None


def _pieces(body: bytes, boundary: bytes, budget: _Budget) -> Iterator[bytes]:
    """What stands between the boundary lines; an unfinished last part runs to the end."""
    mark = b"--" + boundary
    begin = -1
    at = 0 if body.startswith(mark) else _next(body, mark, 0)
    while at >= 0:
        budget.delimiters -= 1
        if budget.delimiters < 0:
            raise too_deep("too many boundary lines")
        line_end = body.find(b"\n", at)
        line_end = len(body) if line_end < 0 else line_end
        rest = body[at + len(mark) : line_end].strip() if line_end - at < len(mark) + 200 else b"x"
        if rest in {b"", b"--"}:
            if begin >= 0:
                yield body[begin : _before(body, at)]
            begin = min(line_end + 1, len(body))
            if rest:
                return
        at = _next(body, mark, line_end)
    if begin >= 0:
        yield body[begin:]


def _next(body: bytes, mark: bytes, at: int) -> int:
    found = body.find(b"\n" + mark, at)
    return found + 1 if found >= 0 else -1


def _before(body: bytes, at: int) -> int:
    """The end of a part: the line break in front of a boundary belongs to the boundary."""
    return at - 2 if body[at - 2 : at] == b"\r\n" else at - 1


_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]+")
_PADDING = re.compile(rb"=+")


_RUNS = 200  # pieces with a padding of their own that one body may be made of


def _group(text: bytes) -> bytes:
    digits = text.replace(b"=", b"")
    return digits[: len(digits) - (len(digits) % 4 == 1)] + b"=="


def _octets(body: bytes, encoding: str) -> bytes:
    if encoding == "quoted-printable":
        return binascii.a2b_qp(body[: 3 * BODY])
    if encoding == "base64":
        groups = _PADDING.split(_NOT_BASE64.sub(b"", body[: 2 * BODY]), _RUNS)
        return b"".join(binascii.a2b_base64(_group(group)) for group in groups)
    return body


@dataclass(slots=True)
class Words:
    """The leaves that hold the words of a mail in their order, and what else came with them."""

    leaves: list[Part] = field(default_factory=list)
    attachments: int = 0
    encrypted: bool = False  # some leaf is S/MIME


_READABLE = {"text/plain", "text/html", "text/markdown", "text/x-markdown", "text/enriched"}
_SILENT = {  # signatures, keys, reports, and what says the words once more: nobody sent a file
    *("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"),
    *("message/delivery-status", "message/disposition-notification", "text/rfc822-headers", "text/calendar"),
    *("message/feedback-report", "text/x-amp-html", "application/ics", "application/pgp-keys"),
    *("application/ms-tnef", "application/vnd.ms-tnef"),
}
_PLACEHOLDER = re.compile(r"\b(?:html|browser)\b", re.IGNORECASE)
_PLACEHOLDER_LENGTH = 300


def words(root: Part) -> Words:
    """The leaves that people would read in this mail."""
    out = Words()
    if not root.children and root.kind in _READABLE:
        out.leaves.append(root)  # whatever its disposition says, there is nothing else
    else:
        _collect(root, out)
    return out


def _collect(part: Part, out: Words) -> None:
    if not part.children:
        _leaf(part, out)
    elif part.kind == "multipart/alternative":
        _alternative(part, out)
    elif part.kind in {"multipart/signed", "multipart/report"}:
        _collect(part.children[0], out)
    elif part.kind == "multipart/related":
        _collect(part.children[0], out)
        out.attachments += sum(c.disposition == "attachment" and not c.referred for c in part.children[1:])
    else:
        begin = len(out.leaves)
        for child in part.children:
            _collect(child, out)
        mine = out.leaves[begin:]
        if mine and mine[0].kind != "text/html" and mine[0].text().strip():
            # a plain text and an HTML side by side say the same twice; an HTML with a plain footer does not
            out.leaves[begin:] = [leaf for leaf in mine if leaf.kind != "text/html"]


def _leaf(part: Part, out: Words) -> None:
    if part.kind in _READABLE and not part.attached:
        out.leaves.append(part)
    elif part.kind in _PKCS7:
        out.encrypted = True
        out.attachments += 1
    elif part.kind not in _SILENT:
        out.attachments += 1


def _alternative(part: Part, out: Words) -> None:
    """The plain version when it says something, else the HTML."""
    choices = []
    for child in part.children:
        choices.append(Words())
        _collect(child, choices[-1])
    plain = next((c for c in choices if c.leaves and all(leaf.kind != "text/html" for leaf in c.leaves)), None)
    markup = next((c for c in reversed(choices) if any(leaf.kind == "text/html" for leaf in c.leaves)), None)
    chosen = plain or markup
    if plain and markup:
        said = "\n".join(leaf.text() for leaf in plain.leaves).strip()
        if not said or (len(said) < _PLACEHOLDER_LENGTH and _PLACEHOLDER.search(said)):
            chosen = markup
    if chosen:
        out.leaves.extend(chosen.leaves)
    out.attachments += max((c.attachments for c in choices), default=0)
    out.encrypted = out.encrypted or any(c.encrypted for c in choices)
