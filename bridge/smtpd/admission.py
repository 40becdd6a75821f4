"""Who may write to a recipient, decided at RCPT where that can be, else once the mail itself has proven its author.

A login, a network and a peer's address are known at RCPT. What SPF and DKIM prove is known only after DATA: such a
recipient is `Pending` until then, and `settle` gives it the answer that RCPT could not give.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from bridge import normalize, recipients, threads
from bridge.access import Proof, inside, may_use
from bridge.config import Configuration
from bridge.proof import prove
from bridge.routing import Allow, Route
from bridge.smtpd import incoming, returned
from bridge.smtpd.contract import Peer, Reply
from bridge.smtpd.incoming import Incoming
from bridge.smtpd.intake import Forward, Target
from bridge.smtpd.returned import Bounced

UNKNOWN_ADDRESS = Reply(550, "5.1.1", "no such address here")
NO_ANSWER = Reply(
    550, "5.1.1", "this answer address has expired or was made for another mailbox; write to the phone's own address"
)
_NULL_SENDER = Reply(550, "5.7.1", "bounces and automatic reports are not sent as SMS")
_DEAR = Reply(550, "5.7.1", "this number may cost more than an SMS usually does; nothing is sent to it")

Meaning = recipients.Phones | recipients.Answering | recipients.Nowhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A recipient whose sender only the mail itself can prove; `notify` and `orcpt` as `Target` has them."""

    meaning: Meaning
    notify: str = ""
    orcpt: str = ""


def sender_proof(configuration: Configuration, peer: Peer, sender: str) -> Proof:
    """What is certain of a client and the envelope sender it gave, before a mail is read.

    The last is remembered, since it is asked for at MAIL and at each RCPT, and a kept connection mostly has one sender.
    """
    known = peer.known
    if known is not None and known.configuration is configuration and known.by == (peer.host, peer.user, sender):
        found: Proof = known.proof
        return found
    proof = prove(
        peer=peer_address(peer.host),
        user=configuration.users.get(peer.user) if peer.user is not None else None,
        sender=normalize.address(sender) if sender else "",
        networks=configuration.settings.smtpd.networks,
    )
    peer.known = _Known(configuration, (peer.host, peer.user, sender), proof)
    return proof


class _Known(NamedTuple):
    """A proof, and all that it follows from."""

    configuration: Configuration
    by: tuple[str, str | None, str]  # the client's address, its login, the envelope sender
    proof: Proof


def admit(
    configuration: Configuration, peer: Peer, sender: str, recipient: str, now: float
) -> Reply | Target | Forward | Incoming | Bounced | Pending:
    """What a recipient is to this client and envelope sender; a `Reply` says why it is nothing."""
    if secret := incoming.resolve(configuration, recipient, peer_address(peer.host)):
        return UNKNOWN_ADDRESS if secret is True else secret
    meaning = recipients.resolve(configuration, recipient)
    if isinstance(meaning, recipients.Operator):
        return Forward(address=meaning.address)
    if isinstance(meaning, recipients.Returning):
        return returned.resolve(configuration, meaning, now) or UNKNOWN_ADDRESS
    if isinstance(meaning, recipients.Nowhere) and meaning.route is None:
        return Reply(meaning.code, meaning.status, meaning.text)
    if not sender:
        return _NULL_SENDER
    proof = sender_proof(configuration, peer, sender)
    if _waits_for_the_mail(configuration, meaning, proof):
        return Pending(meaning=meaning)
    return settle(configuration, meaning, proof, now)


def settle(configuration: Configuration, meaning: Meaning, proof: Proof, now: float) -> Reply | Target:
    """The same with all that will ever be known of the author."""
    if isinstance(meaning, recipients.Answering):
        return _by_token(configuration, meaning, proof, now)
    # Before the number: who may not send here learns nothing of what a good number looks like.
    if meaning.route is None or not may_use(meaning.route.allow, proof):
        return _not_allowed(proof)
    if isinstance(meaning, recipients.Nowhere):
        return Reply(meaning.code, meaning.status, meaning.text)
    return Target(address=meaning.address, route=meaning.route, numbers=meaning.numbers, proof=proof)


def _waits_for_the_mail(configuration: Configuration, meaning: Meaning, proof: Proof) -> bool:
    """Whether nothing is known of the sender yet, SPF or DKIM may prove it, and that would help here."""
    settings = configuration.settings.mail_authentication
    if proof.user is not None or proof.sender is not None:
        return False
    if not settings.check and not inside(proof.peer, settings.relays):
        return False
    if isinstance(meaning, recipients.Answering):
        return True
    allow = meaning.route.allow if meaning.route is not None else Allow()
    return not may_use(allow, proof) and bool(allow.addresses or allow.domains)


def _by_token(configuration: Configuration, found: recipients.Answering, proof: Proof, now: float) -> Reply | Target:
    if proof.sender is None:
        return _not_allowed(proof)
    answer = threads.read_token(configuration.keys, found.token, proof.sender, now)
    if answer is None:
        return NO_ANSWER
    if normalize.is_dear(answer.phone) and configuration.routes.by_phone_any(answer.phone) is None:
        return _DEAR  # what the table names literally is the operator's own choice
    route = _answer_route(configuration, answer)
    return Target(address=found.address, route=route, numbers=(answer.phone,), proof=proof)


def _not_allowed(proof: Proof) -> Reply:
    if proof.user is not None or proof.sender is not None:
        return Reply(550, "5.7.1", "this sender may not write to that address")
    return Reply(550, "5.7.1", "this sender is not proven here: log in, or ask the operator to list your server")


def _answer_route(configuration: Configuration, answer: threads.Answer) -> Route:
    """The row whose policy an answer by token follows: its line's, else its phone's, else defaults."""
    table = configuration.routes
    row = (table.by_line(answer.line) if answer.line else None) or table.by_phone_any(answer.phone)
    originator = answer.line or configuration.settings.websms.sender
    # A line that may receive and not send must pause its answers alone, not the row's alarms.
    own = f"answers over {answer.line}" if answer.line else "answers"
    if row is None:
        return Route(
            name=own,
            row=0,
            allow=Allow(),
            originator=originator,
            language=configuration.settings.language,
        )
    if answer.line is None or answer.line == row.originator:
        return replace(row, originator=row.originator or originator)
    return replace(row, name=own, originator=answer.line)


@lru_cache(maxsize=1024)
def peer_address(host: str) -> IPv4Address | IPv6Address | None:
    """A peer's address; None on a Unix socket."""
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None
