"""What would become of a mail, in every detail and without doing it: for `smsbridge explain` and for ``check+…@``.

It asks the very functions that the door asks, in the door's order, so that it cannot say anything else than the door
would. Nothing is spooled, paid or asked of DNS.
"""

from dataclasses import dataclass, replace

from bridge import gsm, normalize, text, translate
from bridge.access import Proof, barred, barred_from
from bridge.config import Configuration
from bridge.message import Sms
from bridge.recipients import is_answer
from bridge.routing import Route
from bridge.smtpd import admission, replies
from bridge.smtpd.contract import Limits, Peer, Reply
from bridge.smtpd.incoming import Incoming
from bridge.smtpd.intake import Forward, Target
from bridge.smtpd.returned import Bounced

_QUEUED = Reply(250, "2.0.0", "queued")
_BY_DNS = "mail authentication"
_ELSEWHERE = "192.0.2.1"  # RFC 5737: nobody's
_TAIL = 12  # characters that say where a text was cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What of a mail goes to the phone, and what that costs."""

    lines: tuple[tuple[bool, str], ...]  # all of the mail's text; True: its writer's own
    text: str  # as the phone shows it
    overflow: str  # what did not fit into the row's `max_parts`
    encoding: str  # "gsm", "ucs2", or "binary"
    units: int  # septets or UTF-16 units; 0 for binary
    parts: int
    costly: str  # the characters that keep it from being GSM


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One mail to one recipient, from the address to the answer."""

    sender: str
    recipient: str
    reply: Reply  # exactly what the client would hear, but for the id behind "queued"
    proof: str = ""  # what it would rest on
    address: str = ""  # in the spelling of the table
    route: Route | None = None
    why: str = ""  # how the address led to that row
    numbers: tuple[str, ...] = ()
    words: Words | None = None


def explain(
    configuration: Configuration,
    *,
    peer: Peer,
    sender: str,
    recipient: str,
    content: bytes,
    now: float,
    letter: text.Letter | None = None,
) -> Explanation:
    """What the door would do with this mail from this client.

    `letter` is the mail where it was read already. Where only DNS or a relay can prove the author, that is supposed to
    happen: `proof` says so.
    """
    found = admission.admit(configuration, peer, sender, recipient, now)
    proof = admission.sender_proof(configuration, peer, sender)
    told = Explanation(sender=sender, recipient=recipient, reply=_QUEUED, proof=proof.how)
    if isinstance(found, admission.Pending):
        proof = Proof(peer=proof.peer, sender=_author(letter, content), how=_BY_DNS)
        told = replace(told, proof=f"{_BY_DNS}, if DKIM or SPF prove {proof.sender or 'the From domain'}")
        found = admission.settle(configuration, found.meaning, proof, now)
    if isinstance(found, Reply):
        return replace(told, reply=found)
    if isinstance(found, Incoming):
        return replace(told, why="the provider's way in by mail")
    if isinstance(found, Forward):
        return replace(told, address=found.address, why="forwarded to the operator")
    if isinstance(found, Bounced):
        return replace(told, address=found.address, why="bounces of a mail that was relayed")
    told = replace(
        told,
        proof=told.proof or "the peer's address",
        address=found.address,
        route=found.route,
        why=_why(found),
        numbers=found.numbers,
    )
    if (fault := _on_the_wire(configuration, content)) is not None:
        return replace(told, reply=fault)
    try:
        letter = letter or text.read(content)
        _cross(configuration, letter, found)
        return replace(told, words=_words(letter, found.route))
    except (text.Refused, translate.Untranslatable) as refused:
        return replace(told, reply=Reply(refused.code, refused.status, refused.sentence))


def likeliest(configuration: Configuration, sender: str) -> Peer:
    """Whoever could prove this sender: the user who has the address, else a peer that is believed, else nobody."""
    written = normalize.address(sender)
    domain = written.rpartition("@")[2]
    owners = [one for one in configuration.users.values() if written in one.addresses or domain in one.domains]
    networks = configuration.settings.smtpd.networks
    user = owners[0].name if owners else None
    return client(str(networks[0][0]) if user is None and networks else "", user)


def client(host: str, user: str | None) -> Peer:
    """A client at an address, "" for one that is nobody's, logged in or not."""
    tls = user is not None
    return Peer(host=host or _ELSEWHERE, port=0, mode="starttls", tls=tls, user=user, helo="explain", esmtp=True)


def _on_the_wire(configuration: Configuration, content: bytes) -> Reply | None:
    """Why a mail is not even taken to its end."""
    if len(content) > configuration.settings.smtpd.max_message_size:
        return replies.TOO_BIG
    if b"\x00" in content:
        return replies.NUL_IN_DATA
    if max(map(len, content.split(b"\r\n"))) > Limits().max_line:
        return replies.DATA_LINE_TOO_LONG
    return None


def _author(letter: text.Letter | None, content: bytes) -> str | None:
    """The one address of From, as mail authentication would prove it."""
    try:
        addresses = (letter or text.read(content)).from_addresses
    except text.Refused:
        return None
    return addresses[0] if len(addresses) == 1 else None


def _why(target: Target) -> str:
    if is_answer(target.address):
        return "an answer token"
    address = target.route.address or ""
    return f"the pattern {address}" if target.route.is_pattern else "the exact address"


def _cross(configuration: Configuration, letter: text.Letter, target: Target) -> None:
    """Raises `translate.Untranslatable` where the door would not let this mail cross."""
    answers = is_answer(target.address)
    reasons = (
        barred(letter, to_phones=True, answers=answers, domains=configuration.settings.domains),
        barred_from(target.route.allow, target.proof, letter),
    )
    for reason in filter(None, reasons):
        raise translate.Untranslatable(reason.code, reason.status, reason.sentence)


def _words(letter: text.Letter, route: Route) -> Words:
    sms = translate.sms_from_mail(letter, route)
    lines = _marked(letter)
    if sms.segments:
        return Words(
            lines=lines, text=sms.text, overflow="", encoding="binary", units=0, parts=len(sms.segments), costly=""
        )
    whole = gsm.clean(translate.words(letter, route)).strip()
    count = gsm.count(sms.text)
    return Words(
        lines=lines,
        text=sms.text,
        overflow=_overflow(whole, sms),
        encoding=count.encoding,
        units=count.units,
        parts=count.parts,
        costly=gsm.costly(sms.text),
    )


def _overflow(whole: str, sms: Sms) -> str:
    """What the cut left out; "" where nothing was cut."""
    if sms.text.startswith(whole):
        return ""
    kept = sms.text
    for marker in gsm.MARKER.values():
        kept = kept.removesuffix(marker)
    if whole.startswith(kept):
        return whole[len(kept) :].strip()
    # Signs of a cut head are spelt in cheaper letters: the end of what is kept says where the rest begins.
    found = whole.find(kept[-_TAIL:], len(kept) // 2)
    return whole[found + _TAIL :].strip() if found >= 0 else whole


def _marked(letter: text.Letter) -> tuple[tuple[bool, str], ...]:
    """All lines of the mail, each with whether it is left: the writer's lines are some of them, in their order."""
    own = letter.text.split("\n")
    marked, at = [], 0
    for line in letter.raw_text.split("\n"):
        kept = at < len(own) and line.strip() == own[at].strip()
        marked.append((kept, line))
        at += kept
    return tuple(marked)
