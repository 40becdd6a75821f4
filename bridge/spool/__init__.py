"""The spool: what was acknowledged and is not yet done. Its nouns and the state machine; stores keep `contract`.

A door calls `accept` and says its ``250`` or ``2000`` only after it returned. Delivery calls `start`, which finds what
is due and commits SENDING in one step, directly before the calls, and commits each outcome directly after its call.
Every other change of a delivery's state, whoever asks for it, is a `Step` that goes through `move`; the table `MOVES`
decides whether it may. The two doors, delivery, notices and the console meet nowhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bridge.message import Delivery, State
from bridge.nouns import light

FINAL = frozenset({State.SENT, State.DELIVERED, State.FAILED, State.DROPPED})
"""States that delivery leaves alone; of an SMS in SENT only a report or the end of its validity is still to come."""

OPEN = frozenset(State) - FINAL
"""States that count as queued for limits and for the operator."""

MOVES: dict[State, frozenset[State]] = {
    # To SENT and DELIVERED only by a report: of an earlier attempt whose answer was lost.
    State.QUEUED: frozenset(
        {State.QUEUED, State.SENDING, State.SENT, State.DELIVERED, State.HELD, State.FAILED, State.DROPPED}
    ),
    State.SENDING: frozenset({State.QUEUED, State.SENT, State.DELIVERED, State.FAILED, State.UNKNOWN, State.HELD}),
    State.SENT: frozenset({State.DELIVERED, State.FAILED}),
    # Not to HELD: a release would then send again what the phone may have.
    State.UNKNOWN: frozenset({State.QUEUED, State.SENT, State.DELIVERED, State.FAILED, State.DROPPED}),
    State.HELD: frozenset({State.QUEUED, State.SENT, State.DELIVERED, State.FAILED, State.DROPPED}),
    State.FAILED: frozenset({State.DELIVERED, State.QUEUED}),  # a late report corrects; an operator retries
    State.DELIVERED: frozenset(),
    State.DROPPED: frozenset(),
}

COMES_FROM = {to: frozenset(before for before, after in MOVES.items() if to in after) for to in State}

NOTICES = "notices"
"""The route of what the bridge itself writes: its failures are never told by mail."""

SEEN_FOR = 7 * 86400.0
"""Seconds for which a mail that comes again is recognised."""

CONVERSATION_FOR = 7 * 86400.0
"""Seconds a conversation stays open after its author last wrote."""


class SpoolLocked(Exception):
    """Another daemon works on this spool."""


class SpoolDamaged(Exception):
    """The spool cannot be opened safely: damaged, or written by a newer program."""


@light
@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One move of one delivery, with what is written down about it. `None` leaves a column as it is."""

    id: str
    to: State
    event: str  # Postfix's word where it has one: sent, deferred, bounced, held …
    only_from: frozenset[State] | None = None  # narrower than MOVES, for the caller's own reasons
    code: str = ""
    text: str = ""
    status: str = ""
    next_at: float | None = None
    expires_at: float | None = None
    attempts: int = 0  # added to what is counted
    transfer_id: str | None = None
    told: str = ""  # the outcome its author is told of, where the route's `reports` allow: "failed", "delivered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Who wrote last to a phone; an SMS from it finds that mailbox."""

    phone: str
    line: str  # "" where none is known
    author: str
    message_id: str | None = None  # of the author's last mail, for In-Reply-To
    subject: str = ""  # of the same, without Re: and the like: mail programs compare it
    expires_at: float = 0.0


@light
@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """All that one acknowledgement covers: it is committed whole or not at all."""

    id: str
    kind: str  # "mail", "sms", "notice", "command"
    at: float
    sender: str = ""  # envelope sender of a mail, the phone of an SMS
    author: str | None = None
    proof: str = ""  # how the author was proven
    peer: str = ""
    message_id: str | None = None
    envid: str = ""  # RFC 3461, as the client wrote it
    ret: str = ""  # "full", "hdrs", "" where nothing was asked
    deliveries: Sequence[Delivery] = ()
    seen: Sequence[bytes | None] = ()  # one key per delivery, for mail that comes again; None: no suppression
    conversations: Sequence[Conversation] = ()
    notification_id: str | None = None  # a provider's id, for notifications that come again
    digest: bytes = b""  # of what that notification says: under one id it must always be the same
    original: bytes = b""  # what notices give back of a mail: its header, or all of it where `whole`
    whole: bool = False
    expanded: Sequence[tuple[str, str]] = ()  # (delivery id, address): groups whose author is told that they were split
    told: Sequence[tuple[str, str]] = ()  # (delivery id, outcome) that this notice tells
    alerts_told: Sequence[int] = ()
    size: int = 0  # octets of a mail as it came; 0: not known
    line: str = ""  # our number an SMS was written to
    why: str = ""  # how an SMS found its mailbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What `accept` did: the id to acknowledge, and whether it was here before."""

    id: str
    repeated: bool = False
    differs: bool = False  # repeated by its notification_id, but what was here before said something else


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of a delivery's history."""

    at: float
    event: str
    code: str = ""
    text: str = ""


class Returned(StrEnum):
    """What became of a bounce."""

    FAILED = "failed"  # it ended its delivery, and the operator will be told
    NOTED = "noted"  # it stands in the history, or that is full
    REPEATED = "repeated"
    GONE = "gone"  # its delivery is not known any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What came in, as it was kept: the fields of `Intake` of these names."""

    id: str
    kind: str
    at: float
    sender: str
    author: str | None
    proof: str
    peer: str
    message_id: str | None
    envid: str
    ret: str
    size: int
    line: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The whole story of what came through a door."""

    arrival: Arrival | None
    deliveries: Sequence[tuple[Delivery, Sequence[Event]]]
    notices: Sequence[tuple[Delivery, Sequence[Event]]]  # the mails that told of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something the operator is to be told by mail."""

    id: int
    at: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """A delivery whose author is to be told, and of what."""

    delivery: Delivery
    # "failed", "delayed", "delivered", "corrected" (delivered after all), "relayed" (no report came), "expanded"
    told: str
    kind: str  # of the intake it came with
    message_id: str | None = None  # of the author's mail, so that the notice stands in its thread
    attempted: float | None = None  # when it was last tried


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """What a notice gives back of the mail it is about; the fields of `Intake` of these names."""

    at: float
    envid: str = ""
    ret: str = ""
    original: bytes = b""  # "" once the text is not kept any more
    whole: bool = False
