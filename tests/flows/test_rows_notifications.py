"""What may come to the webhook, and what is charged: a test per row of the list of threats and faults, named after it.

A real server, the real spool, the real reader; where the provider's own behaviour matters, the simulator posts. Where
the design decided otherwise than the list, the design is tested: with the right secret a body of any type is kept.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import apsw
import pytest

from bridge.config import Endpoint
from bridge.crowd import Bounds
from bridge.ids import mail_ids
from bridge.listeners import HttpListener
from bridge.message import State
from bridge.providers.websms import Websms
from bridge.simulator import Simulator, SimulatorSettings
from bridge.spool import Step, sqlite
from bridge.spool.sqlite import open_spool
from bridge.webhook import MAX_BODY, Webhook
from tests.flows.program import ROOT
from tests.flows.rig import POSTMASTER, SILENT_ADDRESS, letter, running, words
from tests.given import LINE, SECRET
from tests.make import PHONE, delivery, intake
from tests.test_webhook import OK, Rig, basic, report, sms
from tests.wait import PATIENCE, until, until_async

HASTY = Bounds(header_within=0.3, connections=6, per_address=3, spare_loopback=False)


@asynccontextmanager
async def webhook(place: Path, bounds: Bounds | None = None) -> AsyncIterator[Rig]:
    made = Rig(await open_spool(place / "s.db"), place / "s.db")
    provider = Websms(url="http://127.0.0.1:9/rest", token="made-up", country="AT")
    door = Webhook(
        provider=lambda: provider,
        spool=made.spool,
        configuration=lambda: made.configuration,
        clock=lambda: made.now,
        new_id=mail_ids(lambda: made.now, made.random_bytes),
        wake=made.woken.append,
    )
    listener = HttpListener(door.app, bounds=bounds or Bounds())
    await listener.open([Endpoint(host="0.0.0.0", port=0)])  # noqa: S104  # so that each address of loopback reaches it
    made.port = listener.ports[0]
    yield made
    await listener.close()
    await made.spool.close()
    await provider.close()


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0.05)
    async with webhook(tmp_path) as made:
        yield made


@asynccontextmanager
async def phones(rig: Rig, **settings: Any) -> AsyncIterator[Simulator]:
    """The provider, its phones writing to this webhook."""
    url = f"http://127.0.0.1:{rig.port}/websms/{SECRET}"
    sim = Simulator(SimulatorSettings(notify_url=url, retry_delays=(0.1,), retry_every=0.1, **settings))
    await sim.start()
    yield sim
    await sim.stop()


async def raw(rig: Rig, request: bytes, address: str = "127.0.0.1") -> bytes:
    """What comes back for these bytes until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.port, local_addr=(address, 0))
    writer.write(request)
    try:
        return await asyncio.wait_for(reader.read(), PATIENCE)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def whole(body: bytes, *headers: str) -> bytes:
    lines = [f"POST /websms/{SECRET} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def alerts(rig: Rig) -> list[str]:
    return [alert.text for alert in await rig.spool.alerts(99)]


async def test_row_65_a_charge_above_our_count_is_told(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, simulator):
        body = '{"statusCode":2000,"statusMessage":"OK","transferId":"0068f1a2b3000a1b2c3d","smsCount":4}'
        simulator.fault(body=body, accept=True, times=3)
        for number in range(3):
            await bridge.post(letter(f"kurz {number}"), SILENT_ADDRESS)
        (alert,) = await until(lambda: bridge.mails_to(POSTMASTER) or None, "the postmaster is told")
        assert "cost 4 SMS where the bridge counted 1" in words(alert)
        await bridge.drained()
        assert len(simulator.messages) == 3
        await asyncio.sleep(1.0)
        assert len(bridge.mails_to(POSTMASTER)) == 1, "once an hour, not for each"


async def test_row_96_no_or_a_wrong_secret(rig: Rig) -> None:
    wrong = ["/websms/", f"/websms/{SECRET[:-1]}", f"/websms/{SECRET}x", "/websms/%00", "/", "/websms/%C3%BC"]
    for path in wrong:
        assert (await rig.post(sms(), path))[0] == 404
    for headers in ({}, basic("websms", "wrong"), basic("websms", SECRET[:-1]), {"Authorization": "Basic !"}):
        status, answer = await rig.post(sms(), "/websms", headers=headers)
        assert (status, answer["statusCode"]) == (401, 4001)
    assert await rig.mails() == []
    assert await rig.letters() == []
    for number, known in enumerate((SECRET, "the-next-secret")):  # both are good while one takes the other's place
        assert await rig.post(sms(notificationId=f"p{number}"), f"/websms/{known}") == OK
        assert await rig.post(sms(notificationId=f"b{number}"), "/websms", headers=basic("websms", known)) == OK
    assert len(await rig.mails()) == 4


async def test_row_97_a_notification_that_comes_again(rig: Rig) -> None:
    assert await asyncio.gather(*(rig.post(sms()) for _ in range(100))) == [OK] * 100
    assert len(await rig.mails()) == 1
    async with phones(rig) as sim:
        first = await sim.incoming(phone=PHONE, line=LINE, text="gleicher Text")
        await sim.idle()
        for _ in range(5):
            sim.repeat(first)
            await sim.idle()
        assert len(await rig.mails()) == 2
        for _ in range(5):  # people and machines do write the same again
            await sim.incoming(phone=PHONE, line=LINE, text="gleicher Text")
        await sim.idle()
    assert len(await rig.mails()) == 7


async def test_row_98_the_same_id_with_other_contents(rig: Rig) -> None:
    assert await rig.post(sms()) == OK
    assert await rig.post(sms(textMessageContent="etwas anderes")) == OK
    ((_, mail),) = await rig.mails()
    assert mail.get_content().strip() == "Bin gleich da. Grüße"
    ((body, _),) = await rig.letters()
    assert "etwas anderes" in json.loads(body)["textMessageContent"]
    assert len(await alerts(rig)) == 1


UNREADABLE = [
    b"",
    b"{",
    b"[]",
    b"a=b&c=d",
    b"\xff\xfe\x00",
    b'{"messageType":"nonsense","notificationId":"n"}',
    b'{"messageType":"text","notificationId":"n"}',
    b'{"notificationId":"n"}',
    b"<notification><messageType>text</messageType>",
]


@pytest.mark.parametrize("body", UNREADABLE)
async def test_row_99_authentic_but_unreadable(rig: Rig, body: bytes) -> None:
    for _ in range(3):
        status, answer = await rig.post(body)
        assert (status, "2000" in str(answer)) == (200, True)
    assert [letter[0] for letter in await rig.letters()] == [body], "the bytes as they came, once"
    assert len(await alerts(rig)) == 1


async def test_row_100_the_store_cannot_be_written(rig: Rig) -> None:
    other = apsw.Connection(str(rig.path))
    other.execute("BEGIN EXCLUSIVE")
    async with phones(rig) as sim:
        incoming = await sim.incoming(phone=PHONE, line=LINE, text="später")
        await until(lambda: len(incoming.attempts) > 2 or None, "it is refused and repeated")
        assert {attempt.http for attempt in incoming.attempts} == {503}
        assert {json.loads(attempt.answer)["statusCode"] for attempt in incoming.attempts} == {5003}
        answer = await raw(rig, whole(json.dumps(sms()).encode(), "Connection: close"))
        assert b"\r\nRetry-After: 60\r\n" in answer
        other.execute("ROLLBACK")
        other.close()
        await asyncio.wait_for(sim.idle(), PATIENCE)
        assert incoming.state == "confirmed"
    assert len(await rig.mails()) == 1


async def test_row_101_too_large_encoded_not_post_or_of_an_odd_type(rig: Rig) -> None:
    status, answer = await rig.post(b" " * (MAX_BODY + 1))
    assert (status, answer["statusCode"]) == (413, 4000)
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    endless = f"POST /websms/{SECRET} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + chunk * 8
    assert (await raw(rig, endless))[:13] in {b"", b"HTTP/1.1 413 "}, "told, or cut off while it still talked"
    for encoding in ("gzip", "br", "deflate", "x"):
        assert (await rig.post(b"\x1f\x8b", headers={"Content-Encoding": encoding}))[0] == 415
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        assert (await rig.post(sms(), method=method))[0] == 405
    assert await rig.mails() == []
    assert await rig.letters() == []
    for number, kind in enumerate(("application/json", "text/plain", "application/x-www-form-urlencoded", "odd", "")):
        assert await rig.post(sms(notificationId=f"n{number}"), headers={"Content-Type": kind}) == OK
    assert len(await rig.mails()) == 5


HARD = [
    b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    b"[" * 200_000,
    b'{"messageType":"text","notificationId":"n","a":NaN}',
    b'{"messageType":"text","messageType":"text","notificationId":"n"}',
    b'{"messageType":"text","notificationId":' + b"9" * 5000 + b"}",
    b'{"messageType":"text","notificationId":-1e999999999}',
]


@pytest.mark.parametrize("body", HARD, ids=lambda body: body[:60].decode())
async def test_row_102_json_that_is_hard_to_bear(rig: Rig, body: bytes) -> None:
    began = time.monotonic()
    assert await rig.post(body) == OK
    assert time.monotonic() - began < PATIENCE / 4
    assert [letter[0] for letter in await rig.letters()] == [body]
    assert len(await alerts(rig)) == 1
    assert await rig.post(sms()) == OK, "and the next one is taken"


async def test_row_103_characters_that_cannot_be_stored(rig: Rig) -> None:
    text = "vorher \ud83d allein\x00\x1b[31m\x85 nachher"
    assert await rig.post(sms(textMessageContent=text)) == OK
    ((item, mail),) = await rig.mails()
    content = mail.get_content()
    assert "vorher \ufffd allein" in content
    assert "nachher" in content
    assert re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", content) is None
    assert b"\x00" not in item.payload


BOMBS = [
    '<!DOCTYPE l [<!ENTITY a "ha">' + "".join(f'<!ENTITY {chr(98 + n)} "&{chr(97 + n)};">' for n in range(9)) + "]>",
    f'<!DOCTYPE l [<!ENTITY a "{"x" * 50_000}">]>',
    '<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
    '<!DOCTYPE l SYSTEM "http://127.0.0.1:9/x.dtd">',
]


@pytest.mark.parametrize("bomb", BOMBS, ids=["laughs", "blowup", "file", "external"])
async def test_row_104_xml_with_a_document_type(rig: Rig, bomb: str) -> None:
    fields = "".join(f"<{name}>{value}</{name}>" for name, value in sms(textMessageContent="&a;").items())
    body = f'<?xml version="1.0"?>{bomb}<notification>{fields}</notification>'.encode()
    status, answer = await rig.post(body, raw=True)
    assert (status, "<statusCode>2000</statusCode>" in answer) == (200, True)
    assert await rig.mails() == []
    assert [letter[0] for letter in await rig.letters()] == [body]


async def test_row_105_slow_and_silent_clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.webhook.BODY_WITHIN", 0.3)
    async with webhook(tmp_path, HASTY) as rig:
        head = f"POST /websms/{SECRET} HTTP/1.1\r\nHost: x\r\n".encode()
        assert await raw(rig, b"") == b"", "who is silent is cut off"
        assert await raw(rig, head) == b"", "and who begins and stops"
        slow = await raw(rig, head + b"Content-Length: 100\r\nConnection: close\r\n\r\n{")
        assert slow.startswith(b"HTTP/1.1 503 ")
    patient = Bounds(header_within=PATIENCE, connections=6, per_address=3, spare_loopback=False)
    (tmp_path / "second").mkdir()
    async with webhook(tmp_path / "second", patient) as rig, AsyncExitStack() as stack:
        for _ in range(9):  # three get in
            _, writer = await asyncio.open_connection("127.0.0.1", rig.port, local_addr=("127.0.0.2", 0))
            stack.callback(writer.close)
            writer.write(b"POST /")
            await writer.drain()
        assert await raw(rig, whole(b"{}", "Connection: close"), "127.0.0.2") == b""
        taken = await raw(rig, whole(json.dumps(sms()).encode(), "Connection: close"), "127.0.0.3")
        assert taken.startswith(b"HTTP/1.1 200 "), "others are taken meanwhile"
    assert Bounds() == Bounds(header_within=10.0, connections=100, per_address=10)


async def test_row_106_reports_early_late_repeated_and_out_of_order(rig: Rig) -> None:
    async def state(name: str) -> State:
        ((found, _),) = await rig.spool.show(name)
        return found.state

    # before our own note of the answer, named by our id; then the answer
    await rig.spool.accept(intake(delivery(mail="A", state=State.SENDING), id="A"))
    assert await rig.post(report(clientMessageId="A-1")) == OK
    await rig.spool.move([Step(id="A-1", to=State.SENT, event="sent", transfer_id="ta")], rig.now)
    assert await state("A-1") is State.DELIVERED
    # before the answer, named only by the id that the answer brings
    await rig.spool.accept(intake(delivery(mail="B", state=State.SENDING), id="B"))
    assert await rig.post(report(notificationId="r2", clientMessageId=None, transferId="tb")) == OK
    await rig.spool.move([Step(id="B-1", to=State.SENT, event="sent", transfer_id="tb")], rig.now)
    assert await state("B-1") is State.DELIVERED
    # unknown to us for good
    assert await rig.post(report(notificationId="r3", clientMessageId="never-sent", transferId="tx")) == OK
    # the final one first, then what came before it; and each several times
    await rig.spool.accept(intake(delivery(mail="C", state=State.SENT), id="C"))
    for _ in range(3):
        for number, word in enumerate(("delivered", "accepted", "undelivered", "expired", "rejected")):
            late = report(word, notificationId=f"r4{number}", clientMessageId="C-1")
            assert await rig.post(late) == OK
            assert await state("C-1") is State.DELIVERED
    # a later "delivered" corrects a failure
    await rig.spool.accept(intake(delivery(mail="D", state=State.SENT), id="D"))
    assert await rig.post(report("expired", notificationId="r50", clientMessageId="D-1")) == OK
    assert await state("D-1") is State.FAILED
    assert await rig.post(report(notificationId="r51", clientMessageId="D-1")) == OK
    assert await state("D-1") is State.DELIVERED


async def test_row_106_the_providers_own_mischief(tmp_path: Path) -> None:
    mischief = {"report_first": True, "report_duplicate": "new_id", "report_reverse": True}
    async with running(tmp_path, simulated=mischief) as (bridge, simulator):
        simulator.script("436600000001", "accepted", "undelivered", "delivered")
        sent = [await bridge.post(letter(f"Nummer {number}")) for number in range(5)]
        for identifier in sent:
            await bridge.settled(identifier, "delivered")

        async def confirmed() -> bool:
            return all(notification.state == "confirmed" for notification in simulator.notifications)

        await until_async(confirmed, "each is answered 2000")
        assert len(simulator.notifications) == 5 * 3 * 2
        assert {attempt.http for each in simulator.notifications for attempt in each.attempts} == {200}
        assert len(simulator.messages) == 5
        assert bridge.mails == []


AMBIGUOUS = [
    b"Content-Length: 5\r\nContent-Length: 6\r\n",
    b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    b"Transfer-Encoding: xchunked\r\n",
    b"Content-Length: +5\r\n",
    b"Content-Length: 0x5\r\n",
    b"Content-Length : 5\r\n",
    b"Content-Length: 5\r\n folded: x\r\n",
    b"X: a\x00b\r\nContent-Length: 5\r\n",
]


@pytest.mark.parametrize("headers", AMBIGUOUS, ids=repr)
async def test_row_107_a_request_inside_a_request(rig: Rig, headers: bytes) -> None:
    inner = whole(json.dumps(sms()).encode(), "Connection: close")
    outer = b"POST /websms/wrong HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n" + b"0\r\n\r\n"
    answer = await raw(rig, outer + inner)
    assert not answer.startswith(b"HTTP/1.1 2")
    assert answer.count(b"HTTP/1.1 ") <= 1, "what follows is not read as a request"
    assert await rig.mails() == []
    assert await rig.post(sms()) == OK


def test_row_107_the_parser_is_new_enough() -> None:
    assert [int(part) for part in version("aiohttp").split(".")[:3]] >= [3, 14, 3]
    assert re.search(r'"aiohttp>=3\.14\.[3-9]', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
