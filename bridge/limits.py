"""Token buckets against what costs money by mistake: a device gone wild, a loop, a stolen login.

Kept in memory and per process. Urgent routes have buckets of their own, so that a mailing cannot eat an alarm's room.
"""

from dataclasses import dataclass

from bridge.config import LimitsSettings, Rate

_MOST_BUCKETS = 20_000


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Limits:
    """All buckets; full at first."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str, bool], _Bucket] = {}

    def take(
        self, settings: LimitsSettings, *, sender: str, recipient: str, route: str, urgent: bool, now: float
    ) -> str | None:
        """Take one SMS from every bucket, or from none: then the name of the limit that is reached."""
        wanted = (
            ("sender", sender, settings.sender),
            ("recipient", recipient, settings.recipient),
            ("route", route, settings.route),
            ("total", "", settings.total),
        )
        buckets = [(name, self._bucket((name, key, urgent), rate, now)) for name, key, rate in wanted if rate.count > 0]
        for name, bucket in buckets:
            if bucket.left < 1.0:
                return name
        for _, bucket in buckets:
            bucket.left -= 1.0
        return None

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
