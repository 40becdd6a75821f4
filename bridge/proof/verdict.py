"""What mail authentication comes to: an author, or the reply that tells the sender's operator what to do.

Pure. Codes are those of RFC 7372 where it has one; a sentence names a cure, since the person who reads the bounce can
change a record or a signature and nothing here.
"""

from dataclasses import dataclass

from bridge import normalize
from bridge.proof.domains import is_domain, of
from bridge.text import Refused, fields
from bridge.text.fields import Fields

_LONGEST = 300  # characters of a sentence: a reply line has 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The SMTP reply to a mail that is not proven: `status` is of RFC 3463 and 7372, `text` one ASCII sentence."""

    code: int
    status: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is proven of a mail."""

    author: str | None  # the From address, normalised; its domain is proven
    how: str  # "dkim:example.org", "spf:example.org" (the domain that proved), "relay:dkim:example.org"; "" for nothing
    envelope: bool  # the envelope sender is proven too: a notice may go there
    refusal: Refusal | None  # exactly when `author` is None


def proven(author: str, how: str, *, envelope: bool) -> Verdict:
    """The mail is its author's."""
    return Verdict(author=author, how=how, envelope=envelope, refusal=None)


def refused(code: int, status: str, text: str) -> Verdict:
    """Nothing is proven. What strangers wrote into `text` leaves as printable ASCII."""
    shown = "".join(letter if " " <= letter <= "~" else "?" for letter in text)
    return Verdict(
        author=None, how="", envelope=False, refusal=Refusal(code=code, status=status, text=shown[:_LONGEST])
    )


def author_of(content: bytes) -> tuple[str, Fields]:
    """The one address of the one From field, normalised, and all fields.

    Raises Refused: 552 5.3.4 for a header beyond the bounds, 554 5.6.0 for From that is missing, doubled, without an
    address or with several.
    """
    head, _ = fields.split(content)
    values = head.get("from", ())
    found = fields.addresses(values)
    if len(values) != 1 or len(found) != 1:
        raise Refused(554, "5.6.0", "the mail needs exactly one From field with exactly one address")
    author = normalize.address(found[0])
    if not is_domain(of(author)):
        raise Refused(554, "5.6.0", "the address in From has no domain that could be in DNS")
    return author, head
