"""What a provider of SMS must be able to do.

A provider owns both directions of its wire: how a delivery becomes a call and an answer becomes a `Receipt`,
and how a notification becomes one of our nouns. Its codes and field names stop at its own package, so that a
second provider is a new package and one more line in `bridge.daemon.parts`.
"""

from typing import Literal, Protocol

from bridge.message import Delivery, IncomingSms, Receipt, Report

Outcome = Literal["ok", "unavailable", "denied", "too_large", "unsupported"]
"""What the webhook has to say: stored · store not possible · wrong secret · body too large · body encoding
not read.
"""

Reply = tuple[int, str, bytes]
"""HTTP status, Content-Type, body."""


class Provider(Protocol):
    """One account at one provider; lives as long as the daemon's configuration."""

    async def send(self, delivery: Delivery, now: float) -> Receipt:
        """Makes one call for one delivery of the sms channel; `now` in Unix seconds.

        Raises nothing but `asyncio.CancelledError` (the caller then records *unknown*): every failure is a
        receipt.
        """
        ...

    def read(self, body: bytes) -> IncomingSms | Report:
        """Understands one notification, or raises `bridge.message.Unreadable` with a sentence for the
        operator.
        """
        ...

    def answer(self, outcome: Outcome, body: bytes) -> Reply:
        """What the webhook answers to a notification with this `body`, in the format the notification came
        in.
        """
        ...

    async def close(self) -> None:
        """Closes kept-open connections; `send` is not called afterwards."""
        ...
