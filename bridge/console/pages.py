"""Which page stands where, and who may open it."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from bridge.console.entry import Entry
from bridge.console.gate import Gate
from bridge.console.messages import Messages
from bridge.console.operate import Operate
from bridge.console.overview import Overview
from bridge.console.phone import PhonePage
from bridge.console.sessions import Sessions
from bridge.console.show import Shown, static_files
from bridge.console.sources import Sources
from bridge.console.table import RoutingTable
from bridge.console.talks import Talks
from bridge.proof.logins import Logins
from bridge.spool.operations import VERBS


def pages(sources: Sources) -> list[web.RouteDef]:
    """All pages, each behind the gate."""
    sessions = Sessions(users=lambda: sources.configuration().operators, clock=sources.clock)
    logins = Logins(users=lambda: sources.configuration().operators, clock=sources.clock)
    shown = Shown(sources)
    gate = Gate(sources, sessions, shown.refusal)
    entry = Entry(sources, sessions, logins, shown)
    messages, operate = Messages(sources, shown), Operate(sources, shown)
    talks, table = Talks(sources, shown), RoutingTable(sources, shown)
    verbs = "|".join(VERBS)
    found = [
        web.get("/static/{name}", _static()),
        web.get("/login", gate.open_to_all(entry.ask)),
        web.post("/login", gate.open_to_all(entry.login)),
        web.post("/logout", gate.looking(entry.logout)),
        web.get("/", gate.looking(Overview(sources, shown).page)),
        web.get("/messages", gate.looking(messages.search)),
        web.get("/messages/{id}", gate.looking(messages.timeline)),
        web.get(f"/deliveries/{{id}}/{{verb:{verbs}}}", gate.changing(operate.ask)),
        web.post(f"/deliveries/{{id}}/{{verb:{verbs}}}", gate.changing(operate.do)),
        web.get("/restored", gate.changing(operate.ask_restored)),
        web.post("/restored", gate.changing(operate.release_restored)),
        web.get("/conversations", gate.looking(talks.phones)),
        web.get("/conversations/{number}", gate.looking(talks.talk)),
        web.get("/routes", gate.looking(table.page)),
        web.post("/routes", gate.looking(table.page)),
    ]
    if sources.phone is not None:
        phone = PhonePage(sources, sources.phone, shown)
        found += [web.get("/phone", gate.looking(phone.page)), web.post("/phone", gate.changing(phone.write))]
    return found


def _static() -> Callable[[web.Request], Awaitable[web.Response]]:
    files = static_files()

    async def serve(request: web.Request) -> web.Response:
        found = files.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound
        kind, octets = found
        return web.Response(body=octets, content_type=kind, charset="utf-8", headers={"Cache-Control": "max-age=60"})

    return serve
