"""What makes a mail unreadable for good, and the bounds that decide it.

Bounds are bytes and steps, never time, so that the same mail always gets the same answer. They stand in front of
every parser: what is beyond them is not looked at. Source: reference/reliability.md section 2.C.
"""

HEADER_BLOCK = 64 * 1024
"""Bytes of one header block."""

HEADER = 8 * 1024
"""Bytes of one header field with its continuation lines."""

HEADERS = 500
"""Fields of one header block."""

PARTS = 200
"""MIME parts of a mail, containers included."""

LEVELS = 20
"""Depth of MIME containers."""

DELIMITERS = 10_000
"""Lines looked at because they might be a boundary."""

BODY = 256 * 1024
"""Decoded bytes of one text part that are looked at."""

ENCLOSURE = 64 * 1024
"""Decoded bytes of a part that may go to a phone as it is."""

TEXT = 16 * 1024
"""Characters of readable text kept: a hundred parts of SMS."""

MARKUP = 64 * 1024
"""Characters of HTML, without comments, styles and scripts, that reach the HTML parser."""


class Refused(Exception):
    """A mail that cannot become a text: the SMTP reply `code` (552, 554), its `status` (RFC 3463), a sentence."""

    def __init__(self, code: int, status: str, sentence: str) -> None:
        super().__init__(f"{code} {status} {sentence}")
        self.code = code
        self.status = status
        self.sentence = sentence


def too_many_headers(what: str) -> Refused:
    """The reply to a header block beyond the bounds."""
    return Refused(552, "5.3.4", what)


def too_deep(what: str) -> Refused:
    """The reply to a structure beyond the bounds."""
    return Refused(554, "5.6.0", what)


def unreadable(what: str) -> Refused:
    """The reply to a mail whose words are not ours to read."""
    return Refused(554, "5.6.1", what)
