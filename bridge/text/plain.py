"""Plain text as it comes out of a part: line breaks, flowed paragraphs (RFC 3676), clear-signed armour, spacing."""

import re

from bridge.text.refused import TEXT, unreadable

SIGNATURE = "-- "
"""The line that begins a signature: two dashes and a blank (RFC 3676 section 4.3)."""

_BREAKS = re.compile("[\r\v\f\x85\u2028\u2029]")
_ODD = re.compile("[^\t\n -~\u00a0-\u00ac\u00ae-\u2027\u202a-\ufefe\uff00-\U0010ffff]")  # the next two, and the BOM
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad]")
_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
_ENCRYPTED = "-----BEGIN PGP MESSAGE-----"
_IMAGES = re.compile(r"\[cid:[^\]\s]{1,200}\]|<mailto:[^>\s]{1,300}>")
_SHALLOW = 24  # lines of a quotation
_EMPTY = re.compile("\n{3,}")


def lines(text: str) -> str:
    """The first 16,384 characters with LF only and without control characters (tabs stay) and soft hyphens."""
    text = text.replace("\r\n", "\n")
    if _ODD.search(text) is not None:
        text = _CONTROL.sub("", _BREAKS.sub("\n", text.removeprefix("\ufeff")))
    return text[:TEXT]


def without_depths(text: str) -> str:
    """A text beyond the bound with the first lines of each quotation only: an answer may stand below them."""
    if len(text) <= TEXT or "\n>" not in text:
        return text
    kept: list[str] = []
    run = 0
    for line in text.split("\n"):
        run = run + 1 if line.startswith(">") else 0
        if run <= _SHALLOW:
            kept.append(line)
    return "\n".join(kept)


def flowed(text: str, *, delete_space: bool) -> str:
    """Paragraphs put together again; quoted lines keep one ``>`` per level and never join across levels."""
    out: list[str] = []
    pieces: list[str] = []
    depth = 0
    for line in text.split("\n"):
        content = line.lstrip(">")
        level = len(line) - len(content)
        content = content.removeprefix(" ")  # space-stuffing
        if pieces and (level != depth or content == SIGNATURE):
            out.append(_quoted(depth, pieces))
            pieces = []
        depth = level
        soft = content.endswith(" ") and content != SIGNATURE
        pieces.append(content[:-1] if soft and delete_space else content)
        if not soft:
            out.append(_quoted(depth, pieces))
            pieces = []
    if pieces:
        out.append(_quoted(depth, pieces))
    return "\n".join(out)


def _quoted(depth: int, pieces: list[str]) -> str:
    return (">" * depth + " " if depth else "") + "".join(pieces)


def unarmoured(text: str) -> str:
    """The words of a clear-signed PGP text. Raises Refused (554 5.6.1) when the text is a PGP message."""
    start = text.lstrip()
    if start.startswith(_ENCRYPTED):
        raise unreadable("the mail is encrypted")
    if not start.startswith(_SIGNED):
        return text
    body = start.partition("\n\n")[2].partition("\n-----BEGIN PGP SIGNATURE-----")[0]
    return "\n".join(line.removeprefix("- ") for line in body.split("\n"))


def tidy(text: str) -> str:
    """No blanks at the ends of lines (but for a signature's line), at most one empty line in a row, no links to
    images inside the mail."""
    if "[cid:" in text or "<mailto:" in text:
        text = _IMAGES.sub("", text)
    if " \n" in text or "\t\n" in text or "\u00a0\n" in text:
        text = "\n".join(line if line == SIGNATURE else line.rstrip() for line in text.split("\n"))
    if "\n\n\n" in text:
        text = _EMPTY.sub("\n\n", text)
    return text.strip()
