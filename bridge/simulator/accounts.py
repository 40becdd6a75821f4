"""Who is asking, and what the account may still do: credentials, standing, rate limits, quota.

Wrong credentials are an empty HTTP 401, as every official client expects; a code such as 4001 only comes to
an account that was recognised.
"""

import base64
import binascii
import ipaddress
from dataclasses import dataclass, field
from typing import Literal

from .clock import Clock
from .settings import Account, SimulatorSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A recognised account and how it proved itself."""

    account: Account
    way: Literal["basic", "bearer", "parameter"]
    name: str  # the login or the token

    def __str__(self) -> str:
        return f"{self.way} {self.name}"


def authenticate(settings: SimulatorSettings, header: str | None, parameter: str | None) -> Credentials | None:
    """The account behind an Authorization header or an ``access_token`` parameter; None is a 401."""
    if header is not None and (settings.header_wins or parameter is None):
        scheme, _, value = header.partition(" ")
        if scheme.lower() == "basic":
            return _basic(settings, value.strip())
        if scheme.lower() == "bearer":
            return _token(settings, "bearer", value.strip())
        return None
    return _token(settings, "parameter", parameter) if parameter is not None else None


def _basic(settings: SimulatorSettings, value: str) -> Credentials | None:
    try:
        user, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):  # UnicodeDecodeError and non-ASCII input are ValueErrors
        return None
    for account in settings.accounts:
        if colon and account.user == user and account.password == password:
            return Credentials(account=account, way="basic", name=user)
    return None


def _token(settings: SimulatorSettings, way: Literal["bearer", "parameter"], token: str) -> Credentials | None:
    for account in settings.accounts:
        if token in account.tokens:
            return Credentials(account=account, way=way, name=token)
    return None


def standing(account: Account, peer: str, kind: str) -> tuple[int, str] | None:
    """Why a recognised account may not send now, as statusCode and statusMessage; None when it may."""
    if account.networks and not _within(peer, account.networks):
        return 4014, "sender IP address is not authorized"
    if account.state == "off":
        return 4001, "inactive account"
    if account.state == "invalid":
        return 4021, "account is invalid"
    if "api" not in account.rights or (kind == "binary" and "binary" not in account.rights):
        return 4022, "access to the API was denied"
    if "sms" not in account.rights:
        return 4035, "not allowed to send sms messages"
    return None


def _within(peer: str, networks: tuple[str, ...]) -> bool:
    address = ipaddress.ip_address(peer)
    return any(address in ipaddress.ip_network(network, strict=False) for network in networks)


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float

    def take(self, rate: float, burst: int, now: float) -> bool:
        self.tokens = min(burst, self.tokens + (now - self.at) * rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass(slots=True)
class Ledger:
    """What was used up: request rates by address and by account, SMS by account (named by its login)."""

    settings: SimulatorSettings
    clock: Clock
    used: dict[str, int] = field(default_factory=dict)
    _buckets: dict[tuple[str, str], _Bucket] = field(default_factory=dict)

    def ip_exhausted(self, peer: str) -> bool:
        """Count one request from `peer`; True when it is one too many."""
        return self._exhausted(("ip", peer), self.settings.ip_limit)

    def rate_exhausted(self, account: Account) -> bool:
        """Count one request of `account`; True when it is one too many."""
        return self._exhausted(("account", account.user), account.rate_limit)

    def _exhausted(self, key: tuple[str, str], limit: tuple[float, int] | None) -> bool:
        if limit is None:
            return False
        rate, burst = limit
        now = self.clock.now()
        return not self._buckets.setdefault(key, _Bucket(burst, now)).take(rate, burst, now)

    def over_quota(self, account: Account, sms: int) -> bool:
        """Whether `sms` more would exceed the account's quota."""
        return account.quota is not None and self.used.get(account.user, 0) + sms > account.quota

    def use(self, account: Account, sms: int) -> None:
        """Note that `sms` were sent."""
        self.used[account.user] = self.used.get(account.user, 0) + sms
