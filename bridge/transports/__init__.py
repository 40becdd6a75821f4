"""What a way out for mail must be able to do.

A transport moves finished bytes and writes none of the mail itself. Mail is at-least-once: after a lost
answer it goes again with the same Message-ID, so unlike a provider a transport never answers *unknown*.
"""

from typing import Protocol

from bridge.message import Delivery, Receipt


class Transport(Protocol):
    """One way out for mail; lives as long as the daemon's configuration."""

    async def send(self, delivery: Delivery, now: float) -> Receipt:
        """Hands over one delivery of the mail channel; `now` in Unix seconds.

        Raises nothing but `asyncio.CancelledError`: every failure is a receipt.
        """
        ...

    async def close(self) -> None:
        """Closes kept-open connections; `send` is not called afterwards."""
        ...
