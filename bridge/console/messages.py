"""Finding a message, and all that happened to it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

from aiohttp import web

from bridge import normalize
from bridge.console.gate import Visit, see_other, text
from bridge.console.show import Shown
from bridge.console.sources import Sources
from bridge.message import Channel, Delivery, State
from bridge.spool import History, operations, stories
from bridge.spool.window import Search

PAGE: Final = 50
"""Deliveries on one page."""

MOST_SHOWN: Final = 100
"""Deliveries of one mail that its page shows whole."""

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{7,79}")
_ROW: Final = re.compile(r"[0-9]{1,18}")
_FIELDS: Final = ("q", "text", "state", "since", "until")


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """What was meant by a word: at most one of these."""

    number: str = ""
    address: str = ""
    text: str = ""


class Messages:
    """Search and timelines."""

    def __init__(self, sources: Sources, shown: Shown) -> None:
        self._sources = sources
        self._shown = shown

    async def search(self, visit: Visit) -> web.Response:
        """GET /messages"""
        query = visit.request.query
        asked = {name: text(query, name) for name in _FIELDS}
        party = await self._party(asked["q"])
        if isinstance(party, str):
            return see_other(party)
        before = query.get("before", "")
        wanted = Search(
            number=party.number,
            address=party.address,
            text=asked["text"] or party.text,
            state=State(asked["state"]) if asked["state"] in set(State) else None,
            since=_moment(asked["since"]),
            until=_moment(asked["until"]),
            before=int(before) if _ROW.fullmatch(before) else None,
        )
        found = await self._sources.spool.search(wanted, PAGE)
        kept = {name: value for name, value in asked.items() if value}
        further = None if found.further is None else "/messages?" + urlencode({**kept, "before": found.further})
        return self._shown.page(
            visit,
            "messages.html",
            asked=asked,
            found=found,
            party=party,
            states=[state.value for state in State],
            further=further,
            is_first=not before,
        )

    async def _party(self, q: str) -> Party | str:
        """Whom a word names, or the page of the one message that it is the id of."""
        if not q:
            return Party()
        if "@" in q and not q.startswith("<"):
            return Party(address=normalize.address(q))
        country = self._sources.configuration().settings.country
        try:
            return Party(number=normalize.number(q, country))
        except normalize.NotANumber:
            pass
        digits = re.sub(r"[ ()/+.-]", "", q)
        if digits.isascii() and digits.isdigit():
            return Party(number=digits)
        if (_ID.fullmatch(q) or q.startswith("<")) and await self._sources.spool.trace(q):
            return f"/messages/{quote(q, safe='')}"
        return Party(text=q)

    async def timeline(self, visit: Visit) -> web.Response:
        """GET /messages/{id}"""
        identifier = visit.request.match_info["id"]
        found = await self._sources.spool.trace(identifier)
        if not found:
            return self._shown.refusal(visit, 404, "no_message")
        done = visit.request.query.get("done", "")
        return self._shown.page(
            visit,
            "timeline.html",
            identifier=identifier,
            stories=[_story(history) for history in found],
            done=done if done in operations.VERBS else "",
            not_done=visit.request.query.get("done", "") == "nothing",
        )


def _story(history: History) -> Mapping[str, Any]:
    shown = [*history.deliveries[:MOST_SHOWN], *history.notices[:MOST_SHOWN]]
    notices = {delivery.id for delivery, _ in history.notices}
    return {
        "arrival": history.arrival,
        "deliveries": [_delivery(delivery, is_notice=delivery.id in notices) for delivery, _ in shown],
        "left_out": len(history.deliveries) + len(history.notices) - len(shown),
        "timeline": list(stories.timeline(history)) if len(shown) < MOST_SHOWN else [],
        "several": len(shown) > 1,
    }


def _delivery(delivery: Delivery, *, is_notice: bool) -> Mapping[str, Any]:
    return {
        "it": delivery,
        "is_notice": is_notice,
        "is_sms": delivery.channel is Channel.SMS,
        "sms": stories.sms_sent(delivery),
        "mail": stories.mail_sent(delivery),
        "verbs": operations.possible(delivery),
    }


def _moment(written: str) -> float | None:
    """Of a form's field, in this machine's time zone; None for what is no time."""
    try:
        return datetime.fromisoformat(written).timestamp() if written else None
    except (ValueError, OverflowError, OSError):
        return None
