"""Token buckets against what costs money by mistake: a device gone wild, a loop, a stolen login.

Kept in memory and per process. Urgent routes have buckets of their own, so that a mailing cannot eat an alarm's room.
Mail to postmaster and abuse costs no money but the operator's patience: anybody may write there, so it has buckets too.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_network

from bridge.config import LimitsSettings, Rate
from bridge.exchanges import Exchanges

FORWARDS_PER_CLIENT = Rate(count=30, seconds=3600)
FORWARDS = Rate(count=300, seconds=3600)
"""Mails from strangers that are forwarded to the operator: from one address, and from everybody."""

QUESTIONS = Rate(count=60, seconds=3600)
"""Answers by mail to one sender who asks what would become of a mail: a machine that asks is in a circle."""

_MOST_BUCKETS = 20_000
_IPV6_CLIENT = 64  # bits: whoever has an IPv6 address has all that begin with these


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


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


class Limits:
    """All buckets; full at first."""

    def __init__(self) -> None:
        self.exchanges = Exchanges()
        self._refused: dict[str, float] = {}
        self._buckets: dict[tuple[str, str, bool], _Bucket] = {}

    def refuse(self, phone: str, until: float) -> None:
        """The provider sends nothing to this phone: say so at the door until then."""
        if len(self._refused) >= _MOST_BUCKETS:
            self._refused.clear()
        self._refused[phone] = until

    def refuses(self, phones: tuple[str, ...], now: float) -> bool:
        """Whether none of these phones can be reached at all."""
        return all(self._refused.get(phone, 0.0) > now for phone in phones)

    def reached(self, settings: LimitsSettings, wanted: Payable, now: float) -> str | None:
        """The name of a limit that this would break now, or None; takes nothing."""
        for name, bucket, cost in self._costs(settings, wanted, now):
            if bucket.left < cost:
                return name
        return None

    def left(self, settings: LimitsSettings, wanted: Wanted, now: float) -> dict[str, tuple[int, Rate]]:
        """By limit how much could be taken now, of several phones by the one with the least; takes nothing."""
        found: dict[str, tuple[int, Rate]] = {}
        rates = {name: getattr(settings, name) for name in ("sender", "recipient", "route", "total")}
        for name, bucket, _ in self._costs(settings, wanted, now):
            least = min(int(bucket.left), found[name][0]) if name in found else int(bucket.left)
            found[name] = (least, rates[name])
        return found

    def take(self, settings: LimitsSettings, wanted: Payable, now: float) -> str | None:
        """Take what this costs from every bucket, or from none: then the name of the limit that is reached."""
        costs = self._costs(settings, wanted, now)
        for name, bucket, cost in costs:
            if bucket.left < cost:
                return name
        for _, bucket, cost in costs:
            bucket.left -= cost
        return None

    def give_back(self, settings: LimitsSettings, wanted: Payable, now: float) -> None:
        """What was taken was not sent after all."""
        for _, bucket, cost in self._costs(settings, wanted, now):
            bucket.left += cost

    def _costs(self, settings: LimitsSettings, wanted: Payable, now: float) -> list[tuple[str, _Bucket, float]]:
        """Name, bucket and price; a group larger than a limit costs a whole bucket, since it could never go else."""
        if isinstance(wanted, Forwarding):
            urgent = False
            asked = [
                ("mails to the operator from one address", wanted.client, FORWARDS_PER_CLIENT, 1),
                ("mails to the operator", "", FORWARDS, 1),
            ]
        elif isinstance(wanted, Asking):
            urgent = False
            asked = [("answers to one sender", wanted.sender, QUESTIONS, wanted.answers)]
        else:
            urgent = wanted.urgent
            asked = [
                ("sender", wanted.sender, settings.sender, len(wanted.recipients)),
                ("route", wanted.route, settings.route, len(wanted.recipients)),
                ("total", "", settings.total, len(wanted.recipients)),
                *(("recipient", phone, settings.recipient, 1) for phone in wanted.recipients),
            ]
        return [
            (name, self._bucket((name, key, urgent), rate, now), float(min(count, rate.count)))
            for name, key, rate, count in asked
            if rate.count > 0
        ]

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
