"""Conversations as a phone shows them: what was written to it and what it wrote, in the order of time."""

import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from aiohttp import web

from bridge import normalize
from bridge.console.gate import Visit, see_other, text
from bridge.console.show import Shown
from bridge.console.sources import Sources
from bridge.spool.window import Bubble

PHONES: Final = 40
"""Phones in the list."""

BUBBLES: Final = 60
"""SMS on one page."""

_LONGEST: Final = 20


class Talks:
    """The list of phones and one phone's screen."""

    def __init__(self, sources: Sources, shown: Shown) -> None:
        self._sources = sources
        self._shown = shown

    async def phones(self, visit: Visit) -> web.Response:
        """GET /conversations"""
        written = text(visit.request.query, "number", 40)
        settings = self._sources.configuration().settings
        if written:
            try:
                return see_other(f"/conversations/{normalize.number(written, settings.country)}")
            except normalize.NotANumber:
                pass
        last = await self._sources.spool.phones(PHONES)
        names = self._sources.configuration().routes.name_of
        return self._shown.page(visit, "talks.html", last=[(names(one.phone), one) for one in last], written=written)

    async def talk(self, visit: Visit) -> web.Response:
        """GET /conversations/{number}"""
        number = visit.request.match_info["number"]
        before = _moment(visit.request.query.get("before", ""), self._sources.clock() + 60)
        found = list(await self._sources.spool.talk(number[:_LONGEST], before, BUBBLES + 1))
        further = found[BUBBLES - 1].at if len(found) > BUBBLES else None
        return self._shown.page(
            visit,
            "talk.html",
            number=number,
            name=self._sources.configuration().routes.name_of(number),
            days=list(_days(found[:BUBBLES][::-1])),
            further=further,
        )


def _days(bubbles: Sequence[Bubble]) -> Iterator[tuple[float, list[Any]]]:
    """By the day of this machine's time zone."""
    for _, same in groupby(bubbles, key=lambda one: time.localtime(one.at)[:3]):
        day = list(same)
        yield day[0].at, day


def _moment(written: str, default: float) -> float:
    try:
        at = float(written)
    except ValueError:
        return default
    return at if 0 <= at < default else default  # which NaN is not
