"""A client of the simulator and a stand-in for the bridge's webhook that does as it is told."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from bridge.simulator import Simulator

NUMBER = "436600000001"
LINE = "436600000099"


@dataclass
class Answered:
    """An HTTP answer, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.body)
        return value

    @property
    def code(self) -> int:
        return int(self.json["statusCode"])


@dataclass
class Client:
    """Speaks to the provider port as a careful client would, unless told otherwise."""

    sim: Simulator
    http: aiohttp.ClientSession

    @property
    def auth(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.sim.settings.tokens[0]}"}

    async def call(
        self,
        path: str,
        body: bytes | None = None,
        *,
        method: str = "POST",
        headers: Mapping[str, str | None] | None = None,
    ) -> Answered:
        """`path` from the root; a header of None is left out."""
        wanted: dict[str, str | None] = {
            **self.auth,
            "Accept": "application/json",
            "Content-Type": "application/json",
        }
        wanted |= dict(headers or {})
        url = URL(self.sim.url.removesuffix("/rest") + path, encoded=True)
        async with self.http.request(
            method,
            url,
            data=body,
            headers={name: value for name, value in wanted.items() if value is not None},
            skip_auto_headers=["Accept", "Content-Type", "User-Agent"],
        ) as response:
            return Answered(response.status, dict(response.headers), await response.read())

    async def send(self, *, path: str = "/rest/smsmessaging/text", **changes: Any) -> Answered:
        """A good request with `changes`; a field of ``...`` is left out."""
        fields: dict[str, Any] = {"recipientAddressList": [NUMBER], "messageContent": "Hallo"} | changes
        fields = {name: value for name, value in fields.items() if value is not ...}
        return await self.call(path, json.dumps(fields).encode())

    async def control(self, method: str, path: str, body: object = None) -> Any:
        """A call of the control API; raises unless it answers 200."""
        async with self.http.request(method, self.sim.control_url + path, json=body) as response:
            response.raise_for_status()
            return await response.json()


@dataclass
class Webhook:
    """The bridge's side of notifications: what came in, and what to answer (the last answer repeats)."""

    url: str = ""
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[tuple[int, bytes]] = field(default_factory=lambda: [(200, b'{"statusCode":2000}')])
    during: Callable[[], None] | None = None
    hold: asyncio.Event | None = None  # answers wait for it

    @property
    def fields(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.requests]

    async def take(self, request: web.Request) -> web.Response:
        self.requests.append((dict(request.headers), await request.read()))
        if self.during is not None:
            self.during()
        if self.hold is not None:
            await self.hold.wait()
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        headers = {"Location": "/elsewhere"} if 300 <= status < 400 else {}
        return web.Response(status=status, body=body, headers=headers)

    async def count(self, number: int) -> None:
        """Wait until `number` requests have come."""
        await until(lambda: len(self.requests) >= number)


async def reports_of(client: Client, webhook: Webhook, number: str, **changes: Any) -> list[dict[str, Any]]:
    """Send to `number` and return the reports that came until nothing more was due."""
    answer = await client.send(recipientAddressList=[number], notificationCallbackUrl=webhook.url, **changes)
    assert answer.code in {2000, 2001}, answer.json
    await asyncio.wait_for(client.sim.idle(), 20)
    return webhook.fields


def statuses(reports: list[dict[str, Any]]) -> list[str]:
    return [report["deliveryReportMessageStatus"] for report in reports]


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Poll until true; TimeoutError at the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        await asyncio.sleep(0.005)
