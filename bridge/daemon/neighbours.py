"""What this node learns of phones and of the account, told to the other nodes; and what they tell, believed.

Looked at once a second: nobody waits for it, and without it each node learns the same by itself. Only what the provider
said of the account or of a route is told: a line that is down is each node's own. Of a scope that is out of order who
found it so probes in time; the others leave it a few seconds more, so that one message is the probe of all nodes, and
another node's is as soon as that one is gone. A node whose own probe gets through did hear of a fault that is not its
own, as a wrong password on the other node: it believes no more of the kind for an hour.
"""

from collections.abc import Callable
from typing import Final

from bridge.delivery.pauses import Pause, Pauses
from bridge.limits import Limits
from bridge.log import get_logger
from bridge.message import Clock, Verdict
from bridge.spool.shared import Paused, Shared

EVERY: Final = 1.0

GRACE: Final = 5.0
"""Seconds that a node leaves another one for its probe."""

DEAF_FOR: Final = 3600.0

_SAID: Final = frozenset({Verdict.OURS, Verdict.THROTTLED})


class Neighbours:
    """Tells and listens; `once` is to be called every now and then."""

    def __init__(self, *, shared: Shared, limits: Limits, pauses: Callable[[], Pauses | None], clock: Clock) -> None:
        """`pauses` of the channel to the provider, where this node delivers."""
        self._shared = shared
        self._limits = limits
        self._pauses = pauses
        self._clock = clock
        self._refused: list[tuple[str, float]] = []
        self._here: dict[str, float] = {}  # until when a scope pauses here, as it was told or heard last
        self._there: dict[str, float] = {}  # the same as it stands in the store
        self._believed: set[str] = set()
        self._deaf: dict[str, float] = {}  # until when
        self._log = get_logger("daemon")

    def refuse(self, phone: str, until: float) -> None:
        """The provider sends nothing to this phone."""
        self._limits.refuse(phone, until)
        self._refused.append((phone, until))

    async def once(self) -> None:
        """Tell what is new, and hear what is. Raises `StoreUnavailable`; then it is told the next time."""
        if self._refused:
            told = list(self._refused)
            await self._shared.refuse(told)
            del self._refused[: len(told)]
        for phone, until in await self._shared.refused(self._clock()):
            self._limits.refuse(phone, until)
        if (pauses := self._pauses()) is not None:
            await self._tell(pauses)
            await self._hear(pauses)

    async def _tell(self, pauses: Pauses) -> None:
        own = _said(pauses)
        begun = {scope: pause for scope, pause in own.items() if self._here.get(scope) != pause.until}
        resumed = self._here.keys() - own.keys()
        if not begun and not resumed:
            return
        until = {scope: pause.until for scope, pause in begun.items()}
        await self._shared.pause([_paused(scope, pause) for scope, pause in begun.items()], sorted(resumed))
        self._here |= until
        self._there |= until
        for scope in resumed:
            del self._here[scope]
            self._there.pop(scope, None)
            if scope in self._believed:
                self._deaf[scope] = self._clock() + DEAF_FOR
        self._believed -= resumed | begun.keys()

    async def _hear(self, pauses: Pauses) -> None:
        heard = {one.scope: one for one in await self._shared.paused()}
        own = _said(pauses)
        for scope in heard.keys() | self._there.keys():
            one, mine = heard.get(scope), own.get(scope)
            if self._here.get(scope) != (None if mine is None else mine.until):
                continue  # learnt while the others were asked: it is told first
            if one is None:
                self._resume(pauses, scope)
            elif self._there.get(scope) != one.until and self._deaf.get(scope, 0.0) <= self._clock():
                self._pause(pauses, one)

    def _pause(self, pauses: Pauses, one: Paused) -> None:
        pause = Pause(one.verdict, one.until + GRACE, one.delay, one.wait + GRACE, one.code, one.text)
        if one.scope not in self._here:
            scope, reason = one.scope or "everything", f"another node was told: {one.text}"
            self._log.warning("paused", channel="sms", scope=scope, code=one.code, reason=reason)
        pauses.adopt(one.scope, pause)
        self._here[one.scope], self._there[one.scope] = pause.until, one.until
        self._believed.add(one.scope)

    def _resume(self, pauses: Pauses, scope: str) -> None:
        del self._there[scope]
        if self._here.pop(scope, None) is not None:
            pauses.adopt(scope, None)
            self._log.info("resumed", channel="sms", scope=scope or "everything", reason="for another node it works")
        self._believed.discard(scope)


def _said(pauses: Pauses) -> dict[str, Pause]:
    return {scope: pause for scope, pause in pauses.scopes.items() if pause.verdict in _SAID}


def _paused(scope: str, pause: Pause) -> Paused:
    return Paused(
        scope=scope,
        verdict=pause.verdict,
        until=pause.until,
        delay=pause.delay,
        wait=pause.wait,
        code=pause.code,
        text=pause.text,
    )
