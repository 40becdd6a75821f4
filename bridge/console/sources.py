"""What the operator's window is given to show: the nouns and the questions. Who answers them is the daemon's choice.

The console stands beside the doors and deliveries and knows none of them; they meet in the spool and in what the daemon
hands over here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bridge.config import Configuration
from bridge.message import Channel, Clock
from bridge.spool.contract import Spool
from bridge.spool.window import Window


class Store(Spool, Window, Protocol):
    """A spool that can be looked into."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """An account or a route of which nothing is sent."""

    channel: Channel
    scope: str  # the route's name; "" is everything
    words: str  # the answer that paused it
    advice: str  # what to do, where that is known
    until: float  # when one message is tried


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How one channel leaves the house from this process."""

    calls: int  # under way
    worked_at: float | None  # when a message was last taken; None: not since the start


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How this process is."""

    version: str
    test: bool  # the provider checks everything and sends nothing
    closed: bool  # nothing is taken in
    roles: Sequence[str]
    paused: Sequence[Paused] = ()
    ways: Mapping[Channel, Way] = field(default_factory=dict)  # none where deliveries run in another process
    webhook_at: float | None = None  # when the provider last notified this process


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A mail that nobody sends."""

    sender: str
    recipient: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """What would become of it."""

    answer: str  # of the mail door
    refused: bool
    proof: str
    why: str
    row: int | None = None
    route: str = ""
    numbers: tuple[str, ...] = ()
    text: str | None = None  # None: nothing would go out
    left_out: tuple[str, ...] = ()
    overflow: str = ""
    encoding: str = ""
    parts: int = 0
    units: int = 0
    costly: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneSms:
    """One SMS on the screen of the demonstration's phone."""

    at: float
    mine: bool  # written on the phone
    text: str
    sender: str


class Phone(Protocol):
    """The phone of a demonstration, and the mailbox that its SMS come to."""

    @property
    def number(self) -> str:
        """E.164 digits."""
        ...

    @property
    def maildir(self) -> Path:
        """Where mails arrive."""
        ...

    def screen(self) -> Sequence[PhoneSms]:
        """What was written to it and on it, oldest first."""
        ...

    async def write(self, text: str, /) -> None:
        """Send an SMS from it to the bridge."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Everything the pages are made of."""

    spool: Store
    configuration: Callable[[], Configuration]
    clock: Clock
    health: Callable[[str], Health]  # in a language
    explain: Callable[[Question], Explained]
    phone: Phone | None = None  # a demonstration, which nobody logs in to
