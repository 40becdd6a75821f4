"""Given a proof: who may send what, and what must never cross. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from bridge.compose import LOOP_MARK, SMS_MARK
from bridge.nouns import light
from bridge.routing import Allow, Network
from bridge.text import Letter

MOST_RECEIVED = 30
"""Received lines after which a mail is taken to be going round in circles."""


@light
@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What is known for certain of the peer and of the mail's envelope sender."""

    peer: IPv4Address | IPv6Address | None = None
    user: str | None = None  # logged in as
    sender: str | None = None  # the author: the envelope sender where that is proven, or the proven From address
    envelope: bool = False  # the envelope sender is proven: notices may go there
    how: str = ""  # "user:anna", "certificate:anna", "network", "dkim:example.org"; "": only the address is known


def inside(address: IPv4Address | IPv6Address | None, networks: tuple[Network, ...]) -> bool:
    """Whether an address lies in one of the networks; an IPv4 address seen through an IPv6 socket counts as itself."""
    if address is None:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    seen = mapped or address
    return any(seen in network for network in networks if network.version == seen.version)


def may_use(allow: Allow, proof: Proof) -> bool:
    """Whether one entry of a row's `allow` matches what was proven."""
    if proof.user is not None and proof.user in allow.users:
        return True
    sender = proof.sender
    if sender is not None and (sender in allow.addresses or sender.rpartition("@")[2] in allow.domains):
        return True
    return inside(proof.peer, allow.networks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Barred:
    """Why a mail must not cross: an SMTP reply."""

    code: int
    status: str
    sentence: str


_LOOP_FIELD, _SMS_FIELD = LOOP_MARK.lower(), SMS_MARK.lower()
_CIRCLE = Barred(code=554, status="5.4.6", sentence="this mail is going round in circles")
_WAS_AN_SMS = Barred(code=554, status="5.4.6", sentence="an SMS that became a mail becomes no SMS again")
_AUTOMATIC = Barred(code=550, status="5.7.1", sentence="automatic replies are not sent as SMS")
_LIST = Barred(
    code=550, status="5.7.1", sentence="list mail is not sent as SMS unless the row allows its sender by full address"
)


def barred(letter: Letter, *, to_phones: bool, answers: bool, domains: Collection[str]) -> Barred | None:
    """What keeps a mail from everybody, or from phones, whoever wrote it; None: nothing.

    `answers` is whether it goes to an answer address: there, and in a mail that answers another, a subject alone can
    show that a program wrote it. `domains` are ours.
    """
    if letter.received_count > MOST_RECEIVED:
        return _CIRCLE
    if not to_phones:
        return None
    marks = letter.headers.get(_LOOP_FIELD)
    ours = marks is not None and any(mark.strip().lower() in domains for mark in marks)
    # Another bridge's too: two of them, each with a line of the other among its phones, lose the mark in between.
    if ours or _SMS_FIELD in letter.headers:
        return _WAS_AN_SMS
    if letter.is_auto_reply or (letter.absence_subject and (answers or letter.is_reply)):
        return _AUTOMATIC
    return None


def barred_from(allow: Allow, proof: Proof, letter: Letter) -> Barred | None:
    """What keeps a mail from one row: that a list distributed it, and the row does not name its sender in full."""
    named = proof.sender is not None and proof.sender in allow.addresses
    return _LIST if letter.from_list and not named else None
