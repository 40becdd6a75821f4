"""Failed logins by where they came from: who is locked out, how long a wrong answer waits, and whom that must spare.

It is the place that counts, never the user's name: whoever knows a name could lock its owner out of his own alarms. A
place is an address (of IPv6 the /64 that one customer has). Two kinds of people are spared what others do there: peers
in trusted networks, who are counted by name, and users who logged in rightly from the same place before.

All tables are bounded, hold no password and no name that is nobody's, and are lost with the process.
"""

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Final

FAILURES: Final = 10
"""Wrong logins of one place within `WINDOW` after which it is locked."""

WINDOW: Final = 600.0
"""Seconds for which a wrong login counts, and for which a place is locked."""

GUESSES: Final = 100
"""Wrong passwords within `WINDOW` that a user known at a locked place may show before being locked as well.

Whoever guesses there for that very name, without a hash being made, gets no more than these.
"""

KNOWN_FOR: Final = 7 * 86400.0
"""Seconds after a right login for which a user is known at a place."""

MOST_SOURCES: Final = 10_000
MOST_PLACES: Final = 256
"""Places at which one user is known. A user with many addresses makes forget only his own."""

_IPV6_HOST_BITS: Final = 64
_MOST_RECENT: Final = FAILURES * 2**3  # wrong logins of everybody that still lengthen the wait


def place_of(address: IPv4Address | IPv6Address | None) -> str:
    """What counts as one address; None is a peer without one, on a Unix socket."""
    if isinstance(address, IPv6Address):
        return f"{int(address) >> _IPV6_HOST_BITS:x}::/64"
    return str(address or "")


@dataclass(slots=True)
class _Source:
    failed: list[float] = field(default_factory=list)  # when, at most `FAILURES`
    since: float | None = None  # locked


class Failures:
    """Wrong logins of the last minutes. A `source` is a place, or a place and a name where names are counted.

    Times are Unix seconds, `now` is the present one; a clock that is set back ends a lock early, never late.
    """

    def __init__(self) -> None:
        self._sources: dict[str, _Source] = {}
        self._trying: Counter[str] = Counter()
        self._recent: deque[float] = deque(maxlen=_MOST_RECENT)

    def is_locked(self, source: str, now: float) -> bool:
        """Whether nothing that comes from there is looked at."""
        found = self._sources.get(source)
        return found is not None and _is_locked(found, now)

    def has_room(self, source: str, now: float) -> bool:
        """Whether one more may be tried: with those under way it would not be more than `FAILURES`."""
        found = self._sources.get(source)
        failed = sum(_counts(at, now) for at in found.failed) if found is not None else 0
        return failed + self._trying[source] < FAILURES

    @contextmanager
    def trial(self, source: str) -> Iterator[None]:
        """While a login from there is being tried."""
        self._trying[source] += 1
        try:
            yield
        finally:
            self._trying[source] -= 1
            if not self._trying[source]:
                del self._trying[source]

    def note(self, source: str, now: float) -> tuple[int, bool]:
        """One more wrong login: how often its answer's wait is doubled, and whether this one locks the source.

        The wait grows with the wrong logins of the source and, more slowly, with everybody's: guessing from many
        addresses is slowed down, and the wait tells nothing about a name.
        """
        if source not in self._sources:
            self._make_room(now)
        found = self._sources.setdefault(source, _Source())
        earlier = [at for at in found.failed if _counts(at, now)]
        everybody = sum(_counts(at, now) for at in self._recent)
        found.failed = [*earlier, now]
        self._recent.append(now)
        locks = len(found.failed) >= FAILURES and not _is_locked(found, now)
        if locks:
            found.since = now
        return max(len(earlier), (everybody // FAILURES).bit_length()), locks

    def _make_room(self, now: float) -> None:
        """Forgets what is over; if that is nothing, the tenth that has done least. What is locked stays longest."""
        if len(self._sources) < MOST_SOURCES:
            return
        kept = {
            source: found
            for source, found in self._sources.items()
            if _is_locked(found, now) or _counts(found.failed[-1], now)
        }
        if len(kept) >= MOST_SOURCES:
            by_weight = sorted(kept, key=lambda source: _weight(kept[source], now))
            kept = {source: kept[source] for source in by_weight[MOST_SOURCES // 10 :]}
        self._sources = kept


def _counts(at: float, now: float) -> bool:
    return 0.0 <= now - at < WINDOW


def _is_locked(source: _Source, now: float) -> bool:
    return source.since is not None and _counts(source.since, now)


def _weight(source: _Source, now: float) -> tuple[bool, int, float]:
    return _is_locked(source, now), len(source.failed), source.failed[-1]


@dataclass(slots=True)
class _Known:
    mark: bytes  # of the right password
    seen: float
    wrong: int = 0  # shown while the place was locked
    since: float = 0.0  # of the first of them


class Acquaintances:
    """Who logged in rightly from where in the last days, with a mark of the password that was right."""

    def __init__(self) -> None:
        self._places: dict[str, dict[str, _Known]] = {}  # by user; of each the one seen longest ago first
        self._users_at: Counter[str] = Counter()

    def note(self, user: str, place: str, mark: bytes, now: float) -> None:
        """A right login."""
        places = self._places.setdefault(user, {})
        known = places.pop(place, None)
        if known is None:
            known = _Known(mark=mark, seen=now)
            self._users_at[place] += 1
            if len(places) >= MOST_PLACES:
                self._forget(places, next(iter(places)))
        known.mark, known.seen = mark, now
        places[place] = known

    def is_familiar(self, place: str) -> bool:
        """Whether anybody logged in rightly from there; true for a while longer than `recognises`."""
        return self._users_at[place] > 0

    def recognises(self, user: str, place: str, mark: bytes, now: float) -> bool:
        """Whether this is the password that was right here before. Costs no hash, so only few wrong ones are tried."""
        known = self._places.get(user, {}).get(place)
        if known is None or not 0.0 <= now - known.seen < KNOWN_FOR:
            return False
        if not _counts(known.since, now):
            known.wrong, known.since = 0, now
        if known.wrong >= GUESSES:
            return False
        right = known.mark == mark  # digests under a key that nobody else has: what differs where tells nothing
        known.wrong += not right
        return right

    def _forget(self, places: dict[str, _Known], place: str) -> None:
        del places[place]
        self._users_at[place] -= 1
        if not self._users_at[place]:
            del self._users_at[place]
