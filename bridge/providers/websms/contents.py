"""What a binary SMS holds, as people can use it: words, a card, an appointment, else the octets themselves. Pure.

Phones mark contents by a port or not at all, so the contents speak for themselves first (`bridge.binary.kind`).
Octets are never thrown away: what is not surely text is attached.
"""

from collections.abc import Sequence
from typing import Final

from bridge import binary, gsm
from bridge.message import Attachment
from bridge.providers.websms import wire

_FILES: Final = {
    "vcard": ("contact.vcf", "text/vcard"),
    "vcalendar": ("event.ics", "text/calendar"),
    "binary": ("sms.bin", "application/octet-stream"),
}
_ESCAPE: Final = 0x1B
_SEPTETS: Final = gsm.BASIC[:_ESCAPE] + "\x1b" + gsm.BASIC[_ESCAPE:]
_ESCAPED: Final = dict(zip(b"\x0a\x14()/<=>@e", gsm.EXTENSION, strict=True))
"""What follows an escape, 3GPP TS 23.038 section 6.2.1.1."""
_NAMED_AT_MOST: Final = 10
"""Missing segments that are told one by one."""
_WORDS_AT_LEAST: Final = 0.75
"""Which part of octets must be ASCII letters, digits or blanks for the rest to be taken for GSM letters."""


def read(parts: Sequence[bytes], *, with_header: bool) -> tuple[str, tuple[Attachment, ...]]:
    """The text and the attachments of a binary SMS that came in `parts`; neither for one without octets.

    Where headers tell of segments that did not come, the text ends with a remark that says so.
    """
    text, attachments = _read(parts, with_header)
    gap = _gap(parts) if with_header else ""
    return "\n".join(filter(None, (text, gap))), attachments


def _gap(parts: Sequence[bytes]) -> str:
    """A remark on the segments that headers promise and nobody brought; "" where nothing is missing."""
    messages: dict[tuple[int | None, int], set[int]] = {}
    for part in parts:
        try:
            segment = binary.parse(part)
        except ValueError:
            continue
        messages.setdefault((segment.reference, segment.total), set()).add(segment.index)
    missing = [str(n) for (_, total), had in messages.items() for n in range(1, total + 1) if n not in had]
    if not missing:
        return ""
    if len(messages) > 1 or len(missing) > _NAMED_AT_MOST:
        return f"[{len(missing)} part{'s' if len(missing) > 1 else ''} missing]"
    return f"[part{'s' if len(missing) > 1 else ''} {', '.join(missing)} missing]"


def _read(parts: Sequence[bytes], with_header: bool) -> tuple[str, tuple[Attachment, ...]]:
    data, port = binary.join(parts, with_header=with_header)
    kind = binary.kind(data, port)
    text = data.decode().removeprefix("\ufeff") if kind == "text" else _gsm(data) if kind == "binary" else None
    if text is not None and (text := wire.text(text)).strip():
        return text, ()
    data = data or b"".join(parts)  # a header alone may be the message: "you have voice mail"
    if not data:
        return "", ()
    name, content_type = _FILES.get(kind, _FILES["binary"])
    if content_type.startswith("text/") and _is_utf8(data):
        content_type += "; charset=utf-8"
    return "", (Attachment(name=name, content_type=content_type, data=data),)


def _gsm(data: bytes) -> str | None:
    """Octets that are septets of the GSM alphabet, one each; None where that is not plain to see."""
    plain = sum(chr(octet).isalnum() or octet == 0x20 for octet in data if octet < 0x80)  # noqa: PLR2004 - ASCII
    if not data.strip() or max(data) >= 0x80 or plain < len(data) * _WORDS_AT_LEAST:  # noqa: PLR2004 - seven bits
        return None
    out: list[str] = []
    octets = iter(data)
    for octet in octets:
        if octet == _ESCAPE:
            after = next(octets, None)
            if after not in _ESCAPED:
                return None
            out.append(_ESCAPED[after])
        else:
            out.append(_SEPTETS[octet])
    return "".join(out)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
