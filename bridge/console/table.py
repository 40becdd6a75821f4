"""The routing table, and what would become of a mail: the answer of `smsbridge explain`, which sends nothing."""

from typing import Final

from aiohttp import web

from bridge.console.gate import Visit, text
from bridge.console.show import Shown
from bridge.console.sources import Question, Sources
from bridge.routing import Allow

MOST_ROWS: Final = 200
"""Rows on one page."""

_LONGEST_TEXT: Final = 20_000


class RoutingTable:
    """GET and POST /routes"""

    def __init__(self, sources: Sources, shown: Shown) -> None:
        self._sources = sources
        self._shown = shown

    async def page(self, visit: Visit) -> web.Response:
        """The table; after a POST with the explanation."""
        rows = self._sources.configuration().routes.rows
        first = visit.request.query.get("from", "")
        start = min(int(first), len(rows)) if first.isascii() and first.isdigit() and len(first) < 9 else 0  # noqa: PLR2004
        question = Question(
            sender=text(visit.form, "sender"),
            recipient=text(visit.form, "recipient"),
            subject=text(visit.form, "subject", 500),
            text=visit.form.get("text", "")[:_LONGEST_TEXT],
        )
        asked = visit.request.method == "POST" and bool(question.sender and question.recipient)
        return self._shown.page(
            visit,
            "routes.html",
            rows=[(row, allowed(row.allow)) for row in rows[start : start + MOST_ROWS]],
            total=len(rows),
            further=start + MOST_ROWS if start + MOST_ROWS < len(rows) else None,
            question=question,
            explained=self._sources.explain(question) if asked else None,
            incomplete=visit.request.method == "POST" and not asked,
        )


def allowed(allow: Allow) -> list[str]:
    """The entries as they are written in the table."""
    return [
        *sorted(allow.addresses),
        *(f"*@{domain}" for domain in sorted(allow.domains)),
        *(f"user:{name}" for name in sorted(allow.users)),
        *map(str, allow.networks),
    ]
