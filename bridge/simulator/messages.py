"""What the simulator remembers of a request: a message it accepted, or a refusal and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One accepted send request."""

    at: float  # Unix seconds of the simulator's clock
    path: str
    kind: str  # "text" or "binary"
    recipients: tuple[str, ...]  # digits
    text: str | None = None
    binary: tuple[bytes, ...] = ()
    sender: str
    client_message_id: str | None
    transfer_id: str
    parts: int
    sms_count: int  # as answered
    validity: float  # seconds
    test: bool
    fields: Mapping[str, Any]  # the request as it was understood
    raw: bytes  # the body, or the query of a GET
    headers: Mapping[str, str]  # names in any case
    credentials: str  # "bearer TOKEN", "basic USER", "parameter TOKEN"
    account: str  # login

    @property
    def recipient(self) -> str:
        """The first recipient: there is only one where the bridge wrote the request."""
        return self.recipients[0]

    @property
    def voice(self) -> bool:
        """Read out in a call."""
        return self.fields.get("messageType") == "voice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """One request that was answered with anything but success; `row` names the check, fault or HTTP rule."""

    at: float
    path: str
    http: int
    row: str
    code: int | None
    message: str
    raw: bytes
    headers: Mapping[str, str]
