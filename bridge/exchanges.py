"""Quick exchanges of an author and a phone, so that two machines cannot talk to each other for ever.

A phone that answers every SMS and a mailbox that answers every mail need neither of them say that they are machines:
headers are lost on the way through the telephone network. What gives them away is that they never think. An exchange is
an SMS from a phone within a minute of ours to it, answered within a minute by a mail that says it is an answer. People
who are ever so quick do not do that more than ten times in an hour; who is slower is never counted.

Kept in memory and per process, also where several share a spool: both doors tell it what passes, the mail door asks.
With n nodes a loop may get n times as far, and more where its SMS and its mails come in at different ones; `[limits]`,
which all nodes share, end it all the same. Pure but for that.
"""

from collections import deque
from dataclasses import dataclass, field

QUICK = 60.0
"""Seconds within which an answer is quick."""

MOST = 10
"""Quick exchanges of one author and one phone that pass in `WITHIN`."""

WITHIN = 3600.0
"""Seconds."""

_MOST_PAIRS = 20_000
_MOST_AUTHORS = 50  # of one phone: each SMS from it is counted for all of them


@dataclass(slots=True)
class _Pair:
    wrote_at: float
    heard: deque[float] = field(default_factory=lambda: deque(maxlen=MOST + 1))  # quick SMS, not yet answered
    exchanges: deque[float] = field(default_factory=lambda: deque(maxlen=MOST + 1))

    def forget(self, now: float) -> None:
        """Drop what is too old to count; what lies in the future came from a clock that was wrong."""
        for times, age in ((self.heard, QUICK), (self.exchanges, WITHIN)):
            while times and not 0 <= now - times[0] <= age:
                times.popleft()


class Exchanges:
    """What passed between authors and phones lately."""

    def __init__(self) -> None:
        self._phones: dict[str, dict[str, _Pair]] = {}
        self._pairs = 0

    def heard(self, phone: str, now: float) -> None:
        """An SMS came from a phone."""
        for pair in self._phones.get(phone, {}).values():
            if 0 <= now - pair.wrote_at <= QUICK:
                pair.heard.append(now)

    def are_too_many(self, author: str, phone: str, now: float) -> bool:
        """Whether a mail from this author to this phone now should wait for a person to look at it."""
        pair = self._phones.get(phone, {}).get(_without_detail(author))
        if pair is None:
            return False
        pair.forget(now)
        return len(pair.exchanges) + bool(pair.heard) > MOST

    def wrote(self, author: str, phone: str, now: float, *, held: bool = False, answers: bool = True) -> None:
        """A mail from this author became an SMS to this phone, or one that is held; it `answers` one from there."""
        pair = self._pair(_without_detail(author), phone, now)
        pair.forget(now)
        if pair.heard and answers:
            pair.heard.popleft()
            pair.exchanges.append(now)
        if not held:
            pair.wrote_at = now

    def _pair(self, author: str, phone: str, now: float) -> _Pair:
        authors = self._phones.setdefault(phone, {})
        pair = authors.pop(author, None)
        if pair is None:
            self._pairs += 1
            pair = _Pair(wrote_at=now)
        authors[author] = pair  # the latest stand last
        self._phones[phone] = self._phones.pop(phone)
        if len(authors) > _MOST_AUTHORS:
            del authors[next(iter(authors))]
            self._pairs -= 1
        while self._pairs > _MOST_PAIRS:
            self._pairs -= len(self._phones.pop(next(iter(self._phones))))
        return pair


def _without_detail(author: str) -> str:
    """``bounce+M7-1@example.com`` as ``bounce@example.com``: a machine may write every mail from another detail."""
    local, at, domain = author.rpartition("@")
    return f"{local.partition('+')[0]}{at}{domain}"
