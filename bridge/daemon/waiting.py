"""How many deliveries wait: read now and then, and counted onwards as mails and SMS are taken in."""

from bridge.spool import Spool


class Waiting:
    """`number` of them. It may lack what came in during the last reading, and never holds anything twice: the doors
    close by it, and closed early is worse than some mails late.
    """

    def __init__(self, spool: Spool) -> None:
        self.number = 0
        self._spool = spool
        self._perhaps = 0  # were being committed at the last reading, so that it may hold them

    async def read(self) -> None:
        """Raises `StoreUnavailable`."""
        self.number = await self._spool.open_count()
        self._perhaps = self._spool.accepting

    def add(self) -> None:
        """One more was committed."""
        if self._perhaps:
            self._perhaps -= 1
        else:
            self.number += 1
