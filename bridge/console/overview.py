"""The first page: what waits and for how long, what stands still and why, the last hour and the last day."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from bridge.console import words
from bridge.console.charts import NARROW, WIDTH, Series, bars
from bridge.console.gate import Visit
from bridge.console.pulse import Pulse, spans
from bridge.console.show import Shown
from bridge.console.sources import Sources
from bridge.message import Channel, State

KEPT: Final = 3.0
"""Seconds for which what was counted is shown again: ten who look cost no more than one."""

_CHARTS: Final = (("hour", 60, 1), ("day", 24 * 60, 15))
_KINDS: Final = ("in", "out", "bad")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    at: float
    states: Mapping[State, int]
    oldest: Mapping[Channel, float | None]
    restored: int
    notified_at: float | None


class Overview:
    """GET /"""

    def __init__(self, sources: Sources, shown: Shown) -> None:
        self._sources = sources
        self._shown = shown
        self._pulse = Pulse()
        self._counted: _Counted | None = None

    async def page(self, visit: Visit) -> web.Response:
        """Everything is bounded and most of it remembered."""
        now, health = self._sources.clock(), self._sources.health(visit.language)
        counted = await self._count(now)
        await self._pulse.feel(self._sources.spool, now)
        settings = self._sources.configuration().settings
        heard = [at for at in (health.webhook_at, counted.notified_at) if at is not None]
        return self._shown.page(
            visit,
            "overview.html",
            health=health,
            states=counted.states,
            oldest=counted.oldest,
            restored=counted.restored,
            webhook_at=max(heard, default=None),
            reports_come=settings.webhook.public_url is not None,
            smarthost=settings.smarthost.host or settings.smarthost.maildir,
            charts=[self._chart(visit, name, minutes, bar, now) for name, minutes, bar in _CHARTS],
        )

    async def _count(self, now: float) -> _Counted:
        counted = self._counted
        if counted is None or not 0.0 <= now - counted.at < KEPT:
            spool = self._sources.spool
            self._counted = counted = _Counted(
                at=now,
                states=await spool.counts(),
                oldest={channel: await spool.oldest(channel) for channel in Channel},
                restored=await spool.restored(),
                notified_at=await spool.last_notification(),
            )
        return counted

    def _chart(self, visit: Visit, name: str, minutes: int, bar: int, now: float) -> Mapping[str, Any]:
        values = {kind: self._pulse.series(kind, now, minutes=minutes, bar=bar) for kind in _KINDS}
        sums = {kind: sum(values[kind]) for kind in _KINDS}
        begins = [span.start * 60.0 for span in spans(now, minutes, bar)]
        hours = 1 if minutes == 60 else 4  # noqa: PLR2004  # an hour
        series = [Series(kind=kind, values=values[kind]) for kind in _KINDS]
        return {
            "name": name,
            "sums": sums,
            "pictures": [
                bars(
                    series,
                    _labels(begins, 15 * 60 if hours == 1 else hours * 3600),
                    title=words.say(visit.language, f"chart_{name}"),
                    description=words.say(visit.language, "chart_sums", **{f"n_{kind}": sums[kind] for kind in _KINDS}),
                    width=width,
                )
                for width in (WIDTH, NARROW)
            ],
            "rows": [
                (_clock(begin), [values[kind][place] for kind in _KINDS])
                for place, begin in enumerate(begins)
                if any(values[kind][place] for kind in _KINDS)
            ],
        }


def _labels(begins: Sequence[float], every: float) -> list[tuple[int, str]]:
    """The bars that begin at a round time of this machine's zone."""
    found = []
    for place, begin in enumerate(begins):
        local = time.localtime(begin)
        if (local.tm_hour * 3600 + local.tm_min * 60) % every == 0:
            found.append((place, _clock(begin)))
    return found


def _clock(at: float) -> str:
    return time.strftime("%H:%M", time.localtime(at))
