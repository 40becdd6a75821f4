"""Tag lists: `v=1; a=rsa-sha256; …`, the one notation of DKIM signatures, DKIM keys and DMARC records.

Pure. A list that breaks a rule is no list: of two readers of a doubtful one, one is wrong.
"""

import re
from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z", re.ASCII)


def read(text: str) -> Mapping[str, str] | None:
    """Tags by name (case matters), values without white space around them; None when it is no tag list.

    No list: a name twice, a piece without `=`, anything but printable ASCII and folding. Source: RFC 6376 section 3.2.
    """
    if not all(" " <= letter <= "~" or letter in "\t\r\n" for letter in text):
        return None
    found: dict[str, str] = {}
    pieces = text.split(";")
    if not pieces[-1].strip():  # the last semicolon may be left out
        pieces.pop()
    for piece in pieces:
        name, mark, value = piece.partition("=")
        name = name.strip()
        if not mark or not _NAME.match(name) or name in found:
            return None
        found[name] = value.strip()
    return found


def compact(value: str) -> str:
    """A value without any white space: base64 and lists may be folded anywhere."""
    return "".join(value.split())
