"""``check+NUMBER@domain``: a mail to a phone that only asks what would become of it, and is told so by mail.

For senders who could send there. The answer explains the mail as if it had gone to the address behind ``check+``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bridge import compose, recipients, text
from bridge.access import Barred, Proof
from bridge.config import Configuration, Rate
from bridge.message import Channel, Delivery, Reports
from bridge.smtpd import admission, explained
from bridge.smtpd.contract import Peer, Reply
from bridge.smtpd.explanation import explain
from bridge.smtpd.intake import Target
from bridge.spool import NOTICES, Intake

MOST = 10
"""Addresses that one mail may ask about: each is answered with the whole mail."""

LIFETIME = 86400.0
"""Seconds for which an answer is tried: later nobody cares."""

_MOST_SUBJECT = 200
_TOO_MANY = Barred(
    code=554, status="5.5.3", sentence=f"one mail may ask about {MOST} addresses; send it again to fewer"
)
_NOBODY = Reply(550, "5.7.1", "this sender is not proven here, so nobody can be answered: log in")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A recipient who is asked about; `address` is what was asked, `about` what is explained."""

    address: str
    about: str
    pending: admission.Pending | None = None  # where only the mail itself can prove that its sender could send
    target: Target | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A mail that asks, and whoever is told the answer: its proven envelope sender, or its author."""

    peer: Peer
    sender: str
    asker: str
    content: bytes
    letter: text.Letter | None
    proof: Proof
    left: Mapping[str, Mapping[str, tuple[int, Rate]]]  # by `about`: how much of which limits; absent: nobody may


def admit(configuration: Configuration, peer: Peer, sender: str, recipient: str, now: float) -> Check | Reply | None:
    """A recipient that asks, or why this sender may not ask; None: it is no such address."""
    about = recipients.asked_about(configuration, recipient)
    if about is None:
        return None
    found = admission.admit(configuration, peer, sender, about, now)
    if isinstance(found, Reply):
        return found
    if isinstance(found, admission.Pending):
        return Check(address=recipient, about=about, pending=found)
    if not isinstance(found, Target):
        return admission.UNKNOWN_ADDRESS
    return Check(address=recipient, about=about, target=found) if found.proof.envelope else _NOBODY


def too_many(checks: Sequence[Check]) -> Barred | None:
    """Why so many are not answered."""
    return _TOO_MANY if len(checks) > MOST else None


def target(check: Check, proof: Proof, configuration: Configuration, now: float) -> Target | None:
    """The recipient that is asked about, where its sender could send there."""
    if check.pending is None:
        return check.target
    settled = admission.settle(configuration, check.pending.meaning, proof, now)
    return settled if isinstance(settled, Target) else None


def with_answers(
    intake: Intake, checks: Sequence[Check], question: Question, configuration: Configuration, now: float
) -> Intake:
    """The intake with an answer to each check."""
    answers = [
        _answer(intake, number, check, question, configuration, now)
        for number, check in enumerate(checks, start=len(intake.deliveries) + 1)
    ]
    seen = [*(intake.seen or (None,) * len(intake.deliveries)), *(None,) * len(answers)]
    return replace(intake, deliveries=[*intake.deliveries, *answers], seen=seen)


def _answer(
    intake: Intake, number: int, check: Check, question: Question, configuration: Configuration, now: float
) -> Delivery:
    settings = configuration.settings
    language = settings.notices.language or settings.language
    found = explain(
        configuration,
        peer=question.peer,
        sender=question.sender,
        recipient=check.about,
        content=question.content,
        letter=question.letter,
        now=now,
    )
    left = explained.left(question.left[check.about]) if check.about in question.left else ""
    letter = question.letter
    subject = letter.subject[:_MOST_SUBJECT] if letter is not None else ""
    headers = [
        ("From", compose.mailbox("smsbridge", f"postmaster@{settings.domains[0]}")),
        ("To", compose.recipient(question.asker)),
        ("Subject", compose.encoded(f"Re: {subject or check.about}")),
        ("Date", compose.date(now)),
        ("Message-ID", f"<check.{intake.id}.{number}@{settings.hostname}>"),
        ("Auto-Submitted", "auto-replied"),
    ]
    if letter is not None and letter.message_id is not None:
        headers += [("In-Reply-To", letter.message_id), ("References", letter.message_id)]
    return Delivery(
        id=f"{intake.id}-{number}",
        mail=intake.id,
        channel=Channel.MAIL,
        recipient=question.asker,
        payload=compose.compose(headers, explained.text(found, language, limits=left)),
        sender="",
        route=NOTICES,
        reports=Reports.FAILURES,
        language=language,
        created_at=now,
        changed_at=now,
        next_at=now,
        expires_at=now + LIFETIME,
    )
