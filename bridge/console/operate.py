"""Hold, release, retry, drop: a page that asks, then the same code as `smsbridge queue`, and a line that says who."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web

from bridge.console.gate import Visit, see_other
from bridge.console.show import Shown
from bridge.console.sources import Sources
from bridge.log import get_logger
from bridge.message import Delivery
from bridge.spool import operations

_YES: Final = "yes"


class Operate:
    """What an operator does."""

    def __init__(self, sources: Sources, shown: Shown) -> None:
        self._sources = sources
        self._shown = shown
        self._log = get_logger("console")

    async def ask(self, visit: Visit) -> web.Response:
        """GET /deliveries/{id}/{verb}"""
        verb, found = await self._wanted(visit)
        if found is None:
            return self._shown.refusal(visit, 404, "no_message")
        return self._confirm(visit, verb, found)

    async def do(self, visit: Visit) -> web.Response:
        """POST /deliveries/{id}/{verb}"""
        verb, found = await self._wanted(visit)
        if found is None:
            return self._shown.refusal(visit, 404, "no_message")
        yes = visit.form.get("yes") == _YES
        if verb == "retry" and found.state in operations.NEEDS_YES and not yes:
            return self._confirm(visit, verb, found, status=422)
        outcomes = await operations.change(
            self._sources.spool, [found.id], verb, self._sources.clock(), by=_by(visit), yes=yes
        )
        for outcome in outcomes:
            self._log.info(verb, id=outcome.id, user=visit.name, done=outcome.done, reason=outcome.result)
        done = verb if all(outcome.done for outcome in outcomes) else "nothing"
        return see_other(f"/messages/{quote(found.mail, safe='')}?done={done}")

    async def ask_restored(self, visit: Visit) -> web.Response:
        """GET /restored"""
        return self._shown.page(visit, "restored.html", restored=await self._sources.spool.restored())

    async def release_restored(self, visit: Visit) -> web.Response:
        """POST /restored"""
        count = await operations.release_restored(self._sources.spool, self._sources.clock(), by=_by(visit))
        self._log.info("release", user=visit.name, count=count, reason="held since the spool is an older copy")
        return see_other("/")

    async def _wanted(self, visit: Visit) -> tuple[str, Delivery | None]:
        match = visit.request.match_info
        found = await self._sources.spool.show(match["id"])
        named = [delivery for delivery, _ in found if delivery.id == match["id"]]
        return match["verb"], named[0] if named else None

    def _confirm(self, visit: Visit, verb: str, found: Delivery, *, status: int = 200) -> web.Response:
        values: Mapping[str, Any] = {
            "verb": verb,
            "it": found,
            "possible": verb in operations.possible(found),
            "needs_yes": verb == "retry" and found.state in operations.NEEDS_YES,
            "missing_yes": status != 200,  # noqa: PLR2004  # HTTP: fine
        }
        return self._shown.page(visit, "confirm.html", status=status, **values)


def _by(visit: Visit) -> str:
    return f"by the operator {visit.name}"
