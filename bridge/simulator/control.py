"""The control port: look into the simulator and turn it, over HTTP, for other processes and for people.

JSON in, JSON out, on loopback only and never on the provider's port. A mistake in a request is a 400 that
says so.
"""

import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .faults import Fault
from .messages import Message, Refused
from .notifications import Notification
from .settings import SimulatorSettings

if TYPE_CHECKING:
    from .simulator import Simulator

_FIXED = {"tls", "notify_tls", "clock", "speed", "keep", "accept_log", "other_accounts"}  # read at the start
_SWITCHES = {f.name for f in fields(SimulatorSettings)} - _FIXED


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    return dict(headers.items())


def message_json(message: Message) -> dict[str, Any]:
    """A message as the control port shows it; bytes that are no text are base64."""
    return {
        "at": message.at,
        "path": message.path,
        "kind": message.kind,
        "recipient": message.recipient,
        "recipients": message.recipients,
        "text": message.text,
        "binary": [base64.b64encode(element).decode() for element in message.binary],
        "sender": message.sender,
        "client_message_id": message.client_message_id,
        "transfer_id": message.transfer_id,
        "parts": message.parts,
        "sms_count": message.sms_count,
        "test": message.test,
        "fields": message.fields,
        "raw": message.raw.decode("utf-8", "backslashreplace"),
        "headers": _headers(message.headers),
        "credentials": message.credentials,
        "account": message.account,
    }


def refused_json(refused: Refused) -> dict[str, Any]:
    """A refusal as the control port shows it."""
    return {
        "at": refused.at,
        "path": refused.path,
        "http": refused.http,
        "row": refused.row,
        "code": refused.code,
        "message": refused.message,
        "raw": refused.raw.decode("utf-8", "backslashreplace"),
        "headers": _headers(refused.headers),
    }


def notification_json(notification: Notification) -> dict[str, Any]:
    """A notification and what the bridge answered to each attempt."""
    return asdict(notification) | {"body": notification.body.decode()}


def _reply(value: object, status: int = 200) -> web.Response:
    return web.json_response(value, status=status)


async def _input(request: web.Request) -> dict[str, Any]:
    value = json.loads(await request.read() or b"{}")
    if not isinstance(value, dict):
        raise TypeError("the body must be a JSON object")
    return value


@web.middleware
async def _mistakes(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """What a caller got wrong is told to the caller."""
    try:
        return await handler(request)
    except (ValueError, TypeError, KeyError) as error:
        return _reply({"error": f"{type(error).__name__}: {error}"}, 400)


def change_settings(settings: SimulatorSettings, changes: Mapping[str, Any]) -> None:
    """Set switches by name from JSON values, all or none; KeyError or TypeError when one does not fit."""
    ready: dict[str, Any] = {}
    for name, value in changes.items():
        if name not in _SWITCHES:
            raise KeyError(f"no such switch: {name}")
        present = getattr(settings, name)
        if isinstance(present, frozenset):
            ready[name] = frozenset(value)
        elif isinstance(value, list):
            ready[name] = tuple(value)
        elif isinstance(present, bool) and not isinstance(value, bool):
            raise TypeError(f"{name} is true or false")
        else:
            ready[name] = value
    for name, value in ready.items():
        setattr(settings, name, value)


def _settings_json(settings: SimulatorSettings) -> dict[str, Any]:
    shown = {name: getattr(settings, name) for name in sorted(_SWITCHES)}
    return {name: sorted(v) if isinstance(v, frozenset | set) else v for name, v in shown.items()}


class Control:
    """One method per path."""

    def __init__(self, simulator: "Simulator") -> None:
        self._simulator = simulator

    async def summary(self, _: web.Request) -> web.Response:
        """Counts and the time."""
        sim = self._simulator
        return _reply(
            {
                "url": sim.url,
                "now": sim.clock.now(),
                "accepted": sim.accepted,
                "refused": len(sim.acceptance.refused),
                "notifications": len(sim.outbox.all),
                "pending": sum(n.state == "pending" for n in sim.outbox.all),
                "faults": len(sim.faults),
                "used": sim.acceptance.ledger.used,
            }
        )

    async def messages(self, _: web.Request) -> web.Response:
        """Accepted messages."""
        return _reply([message_json(message) for message in self._simulator.messages])

    async def tested(self, _: web.Request) -> web.Response:
        """Requests of test mode."""
        return _reply([message_json(message) for message in self._simulator.tested])

    async def refused(self, _: web.Request) -> web.Response:
        """Refused requests."""
        return _reply([refused_json(refused) for refused in self._simulator.refused])

    async def notifications(self, _: web.Request) -> web.Response:
        """Notifications with their attempts."""
        return _reply([notification_json(n) for n in self._simulator.notifications])

    async def repeat(self, request: web.Request) -> web.Response:
        """Send one again."""
        wanted = request.match_info["id"]
        found = next((n for n in self._simulator.notifications if n.id == wanted), None)
        if found is None:
            return _reply({"error": "no such notification"}, 404)
        self._simulator.repeat(found)
        return _reply({"id": found.id})

    async def incoming(self, request: web.Request) -> web.Response:
        """A phone writes: the keywords of `Simulator.incoming`, `binary` as base64."""
        given = await _input(request)
        if "binary" in given:
            given["binary"] = tuple(base64.b64decode(element) for element in given["binary"])
        notification = await self._simulator.incoming(**given)
        return _reply({"id": notification.id})

    async def script(self, request: web.Request) -> web.Response:
        """``{"phone": …, "statuses": […]}``."""
        given = await _input(request)
        self._simulator.script(given["phone"], *given["statuses"])
        return _reply({"phone": given["phone"]})

    async def faults(self, _: web.Request) -> web.Response:
        """Faults still to come."""
        return _reply([asdict(fault) for fault in self._simulator.faults])

    async def add_fault(self, request: web.Request) -> web.Response:
        """The fields of `Fault`."""
        return _reply(asdict(self._simulator.fault(**await _input(request))))

    async def drop_faults(self, _: web.Request) -> web.Response:
        """Answer properly again."""
        dropped: list[Fault] = list(self._simulator.faults)
        self._simulator.faults.clear()
        return _reply([asdict(fault) for fault in dropped])

    async def step(self, request: web.Request) -> web.Response:
        """``{"step": seconds}``."""
        self._simulator.step(float((await _input(request))["step"]))
        return _reply({"now": self._simulator.clock.now()})

    async def settings(self, _: web.Request) -> web.Response:
        """The switches."""
        return _reply(_settings_json(self._simulator.settings))

    async def change(self, request: web.Request) -> web.Response:
        """``{"name": value}``."""
        change_settings(self._simulator.settings, await _input(request))
        return _reply(_settings_json(self._simulator.settings))

    async def clear(self, _: web.Request) -> web.Response:
        """Forget everything that was remembered."""
        self._simulator.clear()
        return _reply({})


def _routes(control: Control) -> list[web.RouteDef]:
    return [
        web.get("/", control.summary),
        web.get("/messages", control.messages),
        web.delete("/messages", control.clear),
        web.get("/tested", control.tested),
        web.get("/refused", control.refused),
        web.get("/notifications", control.notifications),
        web.post("/notifications/{id}/repeat", control.repeat),
        web.post("/incoming", control.incoming),
        web.post("/reports", control.script),
        web.get("/faults", control.faults),
        web.post("/faults", control.add_fault),
        web.delete("/faults", control.drop_faults),
        web.post("/clock", control.step),
        web.get("/settings", control.settings),
        web.post("/settings", control.change),
    ]


async def serve_control(simulator: "Simulator", *, port: int) -> tuple[web.AppRunner, int]:
    """Listen on loopback; the runner (to be cleaned up) and the port."""
    application = web.Application(middlewares=[_mistakes])
    application.add_routes(_routes(Control(simulator)))
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
    except BaseException:
        await runner.cleanup()
        raise
    return runner, int(runner.addresses[0][1])
