"""How many notices one addressee may get: a token bucket each, and one list an hour for what is more.

Kept in memory. After a restart the bucket is full again, which costs somebody a few mails and loses nothing: what has
not been told stands in the spool.
"""

from dataclasses import dataclass
from typing import Final

from bridge.config import Rate

EVERY: Final = 3600.0
"""Seconds between two lists."""

_MOST: Final = 20_000


@dataclass(slots=True)
class _Account:
    left: float
    at: float
    list_at: float | None = None  # not None: nothing goes by itself before the list


class Allowance:
    """All accounts; full at first."""

    def __init__(self) -> None:
        self._accounts: dict[str, _Account] = {}

    def until(self, to: str, rate: Rate, now: float) -> float | None:
        """Take one notice to `to`: None, it may go; else when the list comes that it will stand in."""
        if rate.count <= 0:
            return None
        account = self._account(to, rate, now)
        if account.list_at is None and account.left >= 1:
            account.left -= 1
            return None
        # Never later: that would be a clock which was set back.
        account.list_at = min(account.list_at or now + EVERY, now + EVERY)
        return account.list_at

    def lists(self, now: float) -> list[str]:
        """Whose list is due."""
        return [to for to, account in self._accounts.items() if account.list_at is not None and account.list_at <= now]

    def listed(self, to: str, mails: int, rate: Rate, now: float) -> None:
        """A list about so many mails went out. As long as they would break the limit by themselves, lists go on."""
        account = self._account(to, rate, now)
        account.left = 0.0
        account.list_at = now + EVERY if mails > rate.count else None

    def _account(self, to: str, rate: Rate, now: float) -> _Account:
        account = self._accounts.get(to)
        if account is None:
            if len(self._accounts) >= _MOST:
                self._forget()
            account = self._accounts[to] = _Account(left=float(rate.count), at=now)
        gained = max(0.0, now - account.at) * rate.count / rate.seconds
        account.left, account.at = min(float(rate.count), account.left + gained), now
        return account

    def _forget(self) -> None:
        """Drop the half that was used longest ago: it is the fullest."""
        old = sorted(self._accounts, key=lambda to: self._accounts[to].at)
        for to in old[: _MOST // 2]:
            del self._accounts[to]
