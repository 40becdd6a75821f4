"""Each status code, HTTP status and broken connection as the simulator does it, through a real call of the client."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trustme

from bridge.message import Receipt, Scope, Sms, Verdict
from bridge.providers.websms import Websms
from bridge.providers.websms.codes import CODES
from bridge.simulator import Simulator, SimulatorSettings
from tests.flows.program import Port
from tests.providers.servers import NOW, SHORT, delivery
from tests.providers.test_codes import EXPECTED, UNKNOWN_CODES

LOST, OURS, LATER, SLOW = Verdict.UNKNOWN, Verdict.OURS, Verdict.TEMPORARY, Verdict.THROTTLED
MESSAGE, ACCOUNT = Scope.MESSAGE, Scope.ACCOUNT


@asynccontextmanager
async def calling(**options: Any) -> AsyncIterator[tuple[Simulator, Websms]]:
    sim = Simulator(SimulatorSettings(strict=True))
    await sim.start()
    websms = Websms(url=sim.url, token=sim.settings.tokens[0], **options)
    try:
        yield sim, websms
    finally:
        await websms.close()
        await sim.stop()


def judged(found: Receipt) -> tuple[Verdict, Scope, str, bool]:
    return found.verdict, found.scope, found.status, found.alert


def test_no_code_is_left_out() -> None:
    assert {row[0] for row in EXPECTED} == set(CODES)


@pytest.mark.parametrize(("code", "verdict", "scope", "status", "alert"), EXPECTED)
async def test_code(code: int, verdict: Verdict, scope: Scope, status: str, alert: bool) -> None:
    async with calling() as (sim, websms):
        sim.fault(status=code, message="in the provider's words")
        found = await websms.send(delivery(), NOW)
        assert judged(found) == (verdict, scope, status, alert)
        assert (found.code, found.text) == (str(code), "in the provider's words")
        assert len(sim.messages) == (verdict is Verdict.ACCEPTED)
        assert (found.transfer_id is not None) == (verdict is Verdict.ACCEPTED)


@pytest.mark.parametrize(("code", "verdict", "scope", "status"), [row for row in UNKNOWN_CODES if row[0] > 999])
async def test_a_code_nobody_knows(code: int, verdict: Verdict, scope: Scope, status: str) -> None:
    async with calling() as (sim, websms):
        sim.fault(status=code)
        assert judged(await websms.send(delivery(), NOW)) == (verdict, scope, status, True)


@pytest.mark.parametrize(
    ("code", "wait"), [(4012, 30), (4023, 30), (4024, 30), (4025, 30), (4013, 300), (5003, None), (4001, None)]
)
async def test_how_long_it_stays_away(code: int, wait: float | None) -> None:
    async with calling() as (sim, websms):
        sim.fault(status=code)
        assert (await websms.send(delivery(), NOW)).retry_after == wait


HTTP: list[tuple[dict[str, Any], str, Verdict, Scope, str, bool]] = [
    ({"http": 301}, "http 301", OURS, ACCOUNT, "4.3.5", True),
    ({"http": 307}, "http 307", OURS, ACCOUNT, "4.3.5", True),
    ({"http": 400}, "http 400", OURS, MESSAGE, "4.3.5", True),
    ({"http": 401}, "http 401", OURS, ACCOUNT, "4.3.5", True),
    ({"http": 403}, "http 403", OURS, ACCOUNT, "4.3.5", True),
    ({"http": 404}, "http 404", OURS, ACCOUNT, "4.3.5", True),
    ({"http": 405}, "http 405", OURS, ACCOUNT, "4.3.5", True),
    ({"http": 406}, "http 406", OURS, ACCOUNT, "4.3.5", True),
    ({"http": 407}, "http 407", OURS, ACCOUNT, "4.3.5", True),
    ({"http": 408}, "http 408", LOST, MESSAGE, "4.4.2", False),
    ({"http": 409}, "http 409", OURS, MESSAGE, "4.3.0", True),
    ({"http": 415}, "http 415", OURS, ACCOUNT, "4.3.5", True),
    ({"http": 429}, "http 429", SLOW, ACCOUNT, "4.4.5", False),
    ({"http": 500}, "http 500", LOST, MESSAGE, "4.4.2", False),
    ({"http": 502}, "http 502", LOST, MESSAGE, "4.4.2", False),
    ({"http": 503}, "http 503", LATER, ACCOUNT, "4.3.2", False),
    ({"http": 504}, "http 504", LOST, MESSAGE, "4.4.2", False),
    ({"shape": "html"}, "http 200", LOST, MESSAGE, "4.4.2", True),
    ({"shape": "content_type"}, "http 200", LOST, MESSAGE, "4.4.2", True),
    ({"shape": "invalid_json"}, "http 200", LOST, MESSAGE, "4.4.2", True),
    ({"shape": "no_status"}, "http 200", LOST, MESSAGE, "4.4.2", True),
    ({"shape": "cut"}, "http 200", LOST, MESSAGE, "4.4.2", True),
    ({"body": "x" * 70_000}, "http 200", LOST, MESSAGE, "4.4.2", True),
    ({"shape": "reset", "accept": True}, "lost", LOST, MESSAGE, "4.4.2", False),
    ({"delay": 0.5}, "lost", LOST, MESSAGE, "4.4.2", False),
    ({"http": 500, "status": 2000}, "contradiction", LOST, MESSAGE, "4.4.2", True),
    ({"http": 500, "status": 4002}, "4002", Verdict.PERMANENT, MESSAGE, "5.1.3", False),
    ({"http": 401, "status": 4002}, "4002", OURS, ACCOUNT, "4.3.5", True),
]


@pytest.mark.parametrize(
    ("fault", "code", "verdict", "scope", "status", "alert"), HTTP, ids=lambda each: str(each)[:40]
)
async def test_http(fault: dict[str, Any], code: str, verdict: Verdict, scope: Scope, status: str, alert: bool) -> None:
    async with calling(timeout=SHORT) as (sim, websms):
        sim.fault(**fault)
        found = await websms.send(delivery(), NOW)
        assert (*judged(found), found.code) == (verdict, scope, status, alert, code)
        assert found.text


async def test_nobody_there() -> None:
    port = Port()
    websms = Websms(url=f"http://127.0.0.1:{port.number}/rest", token="made-up")
    found = await websms.send(delivery(), NOW)
    assert (*judged(found), found.code) == (LATER, ACCOUNT, "4.4.1", False, "connect")
    await websms.close()
    port.close()


async def test_a_certificate_that_nobody_vouches_for() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    sim = Simulator(SimulatorSettings(tls=context))
    await sim.start()
    websms = Websms(url=sim.url, token=sim.settings.tokens[0])
    found = await websms.send(delivery(), NOW)
    assert (*judged(found), found.code) == (OURS, ACCOUNT, "4.7.5", True, "certificate")
    assert sim.messages == []
    await websms.close()
    await sim.stop()


async def test_wrong_credentials() -> None:
    async with calling() as (sim, _):
        stranger = Websms(url=sim.url, username="nobody@example.org", password="made-up")
        found = await stranger.send(delivery(), NOW)
        assert (*judged(found), found.code) == (OURS, ACCOUNT, "4.3.5", True, "http 401")
        await stranger.close()


async def test_a_bad_segment_is_the_authors_where_the_message_is_binary() -> None:
    async with calling() as (sim, websms):
        sim.fault(path="binary", status=4027)
        found = await websms.send(delivery(Sms(text="card.vcf", segments=(b"\x00\x01",))), NOW)
        assert judged(found) == (Verdict.PERMANENT, MESSAGE, "5.6.0", False)


async def test_a_known_id_on_a_repeat_stays_unknown() -> None:
    """The provider may have it from the first attempt: neither a new id nor a bounce."""
    async with calling() as (sim, websms):
        sim.fault(status=4008, times=2)
        assert judged(await websms.send(delivery(attempts=1), NOW)) == (OURS, MESSAGE, "4.3.5", True)
        assert judged(await websms.send(delivery(attempts=2), NOW)) == (LOST, MESSAGE, "4.4.2", True)
