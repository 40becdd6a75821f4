"""Token buckets against what costs money by mistake: a device gone wild, a loop, a stolen login.

Kept in memory where one process does all; where several share a spool, they draw from a `Pool` that all of them see,
and what stands in memory is only what this one last knew of it. Urgent routes have buckets of their own, so that a
mailing cannot eat an alarm's room. Mail to postmaster and abuse costs no money but the operator's patience: anybody may
write there, so it has buckets too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import NamedTuple, Protocol

from bridge.config import LimitsSettings, Rate
from bridge.exchanges import Exchanges
from bridge.nouns import light

FORWARDS_PER_CLIENT = Rate(count=30, seconds=3600)
FORWARDS = Rate(count=300, seconds=3600)
"""Mails from strangers that are forwarded to the operator: from one address, and from everybody."""

QUESTIONS = Rate(count=60, seconds=3600)
"""Answers by mail to one sender who asks what would become of a mail: a machine that asks is in a circle."""

_MOST_BUCKETS = 20_000
_FRESH = 1.0  # seconds for which what a pool said of an empty bucket is believed: others may give back
_IPV6_CLIENT = 64  # bits: whoever has an IPv6 address has all that begin with these


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float
    known: float = 0.0  # when a pool said so last


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """Tokens that are wanted of one bucket, which has that `size` and gains `rate` tokens a second."""

    bucket: str
    size: float
    rate: float
    tokens: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What became of draws: all were made, or the one at `short` lacked tokens and none was. What is `left` of each."""

    short: int | None
    left: Sequence[float]


class Pool(Protocol):
    """Buckets that several processes share."""

    async def draw(self, wanted: Sequence[Draw], /) -> Drawn:
        """Take all that is wanted or nothing; each bucket is named once. Raises `StoreUnavailable`."""
        ...

    def give_back(self, drawn: Sequence[Draw], /) -> None:
        """What was drawn was not used after all; it is there for everybody soon, and at the latest by itself."""
        ...


@light
@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """SMS that somebody wants to send at once."""

    sender: str
    recipients: tuple[str, ...]
    route: str
    urgent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarding:
    """One mail that a stranger wants to have forwarded to the operator."""

    client: str

    @classmethod
    def of(cls, address: IPv4Address | IPv6Address | None) -> "Forwarding":
        """From this address; None is a Unix socket."""
        if isinstance(address, IPv6Address):
            return cls(client=str(ip_network((address, _IPV6_CLIENT), strict=False)))
        return cls(client=str(address or ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Answers by mail that somebody wants to what would become of a mail."""

    sender: str
    answers: int


Payable = Wanted | Forwarding | Asking


class _Cost(NamedTuple):
    """What something costs of one bucket."""

    name: str
    key: tuple[str, str, bool]
    bucket: _Bucket
    price: int
    rate: Rate


class Limits:
    """All buckets; full at first."""

    def __init__(
        self,
        pool: Pool | None = None,
        *,
        elsewhere: bool = False,
        told: Callable[[str, float], None] = lambda _phone, _until: None,
    ) -> None:
        """`pool`: what other processes draw from too; None: there are none. `elsewhere`: another process takes what
        things cost, here they are only asked for. `told` of phones that are refused.
        """
        self.exchanges = Exchanges()
        self._pool = pool
        self._shared = elsewhere or pool is not None
        self._told = told
        self._refused: dict[str, float] = {}
        self._buckets: dict[tuple[str, str, bool], _Bucket] = {}

    def refuse(self, phone: str, until: float) -> None:
        """The provider sends nothing to this phone: say so at the door until then."""
        if len(self._refused) >= _MOST_BUCKETS:
            self._refused.clear()
        self._refused[phone] = until
        self._told(phone, until)

    def refuses(self, phones: tuple[str, ...], now: float) -> bool:
        """Whether none of these phones can be reached at all."""
        return all(self._refused.get(phone, 0.0) > now for phone in phones)

    def reached(self, settings: LimitsSettings, wanted: Payable, now: float) -> str | None:
        """The name of a limit that this would break now, or None; takes nothing. With a pool only as far as known."""
        return self._short(self._costs(settings, wanted, now), now)

    def left(self, settings: LimitsSettings, wanted: Wanted, now: float) -> dict[str, tuple[int, Rate]]:
        """By limit how much could be taken now, of several phones by the one with the least; takes nothing."""
        found: dict[str, tuple[int, Rate]] = {}
        for cost in self._costs(settings, wanted, now):
            least = int(cost.bucket.left)
            found[cost.name] = (min(least, found[cost.name][0]) if cost.name in found else least, cost.rate)
        return found

    def take(self, settings: LimitsSettings, wanted: Payable, now: float) -> str | None:
        """In memory: what this costs from every bucket, or from none: then the name of the limit that is reached."""
        costs = self._costs(settings, wanted, now)
        if (reached := self._short(costs, now)) is not None:
            return reached
        for cost in costs:
            cost.bucket.left -= cost.price
        return None

    async def pay(self, settings: LimitsSettings, asked: Sequence[Payable], now: float) -> tuple[int, str] | None:
        """Take what all of this costs, or nothing: then which of it reached what limit. Raises `StoreUnavailable`."""
        if self._pool is not None:
            return await self._drawn(self._pool, settings, asked, now)
        for number, wanted in enumerate(asked):
            reached = self.take(settings, wanted, now)
            if reached is not None:
                self.give_back(settings, asked[:number], now)
                return number, reached
        return None

    def note_reached(self, settings: LimitsSettings, wanted: Payable, name: str, now: float) -> None:
        """Another process said that this limit is reached; for a moment that is known here, too."""
        if not self._shared:
            return
        for cost in self._costs(settings, wanted, now):
            if cost.name == name:
                cost.bucket.left = cost.bucket.left if cost.bucket.left < cost.price else 0.0
                cost.bucket.known = now

    def give_back(self, settings: LimitsSettings, asked: Sequence[Payable], now: float) -> None:
        """What was paid for was not sent after all."""
        costs = [cost for wanted in asked for cost in self._costs(settings, wanted, now)]
        for cost in costs:
            cost.bucket.left += cost.price
        if self._pool is not None:
            self._pool.give_back(_draws(costs))

    async def _drawn(
        self, pool: Pool, settings: LimitsSettings, asked: Sequence[Payable], now: float
    ) -> tuple[int, str] | None:
        for number, wanted in enumerate(asked):
            if (reached := self._short(self._costs(settings, wanted, now), now)) is not None:
                return number, reached
        costs = [(number, cost) for number, wanted in enumerate(asked) for cost in self._costs(settings, wanted, now)]
        draws = _draws([cost for _, cost in costs])
        if not draws:
            return None
        drawn = await pool.draw(draws)
        for draw, left in zip(draws, drawn.left, strict=True):
            for _, cost in costs:
                if _name(cost) == draw.bucket:
                    cost.bucket.left, cost.bucket.at, cost.bucket.known = left, now, now
        if drawn.short is None:
            return None
        name = draws[drawn.short].bucket
        return next((number, cost.name) for number, cost in costs if _name(cost) == name)

    def _short(self, costs: Sequence[_Cost], now: float) -> str | None:
        for cost in costs:
            bucket = cost.bucket
            if bucket.left < cost.price and (not self._shared or 0 <= now - bucket.known < _FRESH):
                return cost.name
        return None

    def _costs(self, settings: LimitsSettings, wanted: Payable, now: float) -> list[_Cost]:
        """A group larger than a limit costs a whole bucket, since it could never go else."""
        urgent = isinstance(wanted, Wanted) and wanted.urgent
        costs = []
        for name, whose, rate, count in _asked(settings, wanted):
            if rate.count > 0:
                key = (name, whose, urgent)
                price = min(count, rate.count)
                costs.append(_Cost(name, key, self._bucket(key, rate, now), price, rate))
        return costs

    def _bucket(self, key: tuple[str, str, bool], rate: Rate, now: float) -> _Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= _MOST_BUCKETS:
                self._forget()
            bucket = self._buckets[key] = _Bucket(left=float(rate.count), at=now)
            return bucket
        gained = max(0.0, now - bucket.at) * rate.count / rate.seconds
        bucket.left = min(float(rate.count), bucket.left + gained)
        bucket.at = now
        return bucket

    def _forget(self) -> None:
        """Drop the half that was used longest ago: it is the fullest."""
        old = sorted(self._buckets, key=lambda key: self._buckets[key].at)
        for key in old[: _MOST_BUCKETS // 2]:
            del self._buckets[key]


def _asked(settings: LimitsSettings, wanted: Payable) -> list[tuple[str, str, Rate, int]]:
    """Limit, whose bucket of it, how large that is, and how much of it is wanted."""
    if isinstance(wanted, Forwarding):
        return [
            ("mails to the operator from one address", wanted.client, FORWARDS_PER_CLIENT, 1),
            ("mails to the operator", "", FORWARDS, 1),
        ]
    if isinstance(wanted, Asking):
        return [("answers to one sender", wanted.sender, QUESTIONS, wanted.answers)]
    count = len(wanted.recipients)
    return [
        ("sender", wanted.sender, settings.sender, count),
        ("route", wanted.route, settings.route, count),
        ("total", "", settings.total, count),
        *(("recipient", phone, settings.recipient, 1) for phone in wanted.recipients),
    ]


def _name(cost: _Cost) -> str:
    """A bucket's name in the pool."""
    name, whose, urgent = cost.key
    return f"{name}{' urgent' if urgent else ''}: {whose}"


def _draws(costs: Sequence[_Cost]) -> list[Draw]:
    """One draw from each bucket."""
    prices: dict[str, float] = {}
    rates: dict[str, Rate] = {}
    for cost in costs:
        name = _name(cost)
        prices[name] = prices.get(name, 0.0) + cost.price
        rates[name] = cost.rate
    return [
        Draw(bucket=name, size=float(rates[name].count), rate=rates[name].count / rates[name].seconds, tokens=price)
        for name, price in prices.items()
    ]
