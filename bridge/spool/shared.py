"""What nodes on one store know and count together; a store that only one process works on has nothing of the kind.

None of it is a promise to a sender: what is lost here is learnt again. What must hold is in `pool` and `part`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bridge.limits import Pool
from bridge.message import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """A scope of the SMS channel that a node found out of order: the fields of `bridge.delivery.pauses.Pause`."""

    scope: str  # "" for the account, else a route's name
    verdict: Verdict
    until: float
    delay: float
    wait: float
    code: str
    text: str


class Shared(Protocol):
    """Every store for several nodes keeps this."""

    @property
    def pool(self) -> Pool:
        """Token buckets."""
        ...

    def part(self, whole: int) -> int:
        """How many of so many calls at once are this node's now; 0 where there are more nodes than calls."""
        ...

    async def refuse(self, phones: Sequence[tuple[str, float]], /) -> None:
        """The provider sends nothing to these phones until then. Raises `StoreUnavailable`."""
        ...

    async def refused(self, after: float, /) -> list[tuple[str, float]]:
        """Phones that are refused, and for how long: those that are so for longer than `after`."""
        ...

    async def pause(self, begun: Sequence[Paused], resumed: Sequence[str], /) -> None:
        """What this node found out of order, or in order again."""
        ...

    async def paused(self) -> list[Paused]:
        """What any node found out of order."""
        ...
