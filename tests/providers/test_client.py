"""The websms client against real servers: what it asks, what it makes of answers, which connections it uses."""

import asyncio
import base64
import json
import logging

import aiohttp
import pytest
from aiohttp import web
from aioresponses import aioresponses

from bridge.message import IncomingSms, Receipt, Scope, Sms, Verdict
from bridge.providers import Provider
from bridge.providers.websms import Websms
from tests.providers.servers import (
    ACCEPTED,
    NOW,
    PATH,
    TOKEN,
    client,
    delivery,
    raw,
    request_of,
    response,
    sent_to,
    site,
)


async def test_it_is_a_provider() -> None:
    provider: Provider = Websms(url="https://api.example.com/rest", token=TOKEN)  # mypy is the test
    await provider.close()


async def test_the_smallest_request_holds_nothing_that_is_not_set() -> None:
    async with site() as (there, url), client(url) as websms:
        found = await websms.send(delivery(), NOW)
        assert there.requests[0].method == "POST"
        assert there.requests[0].path == PATH
        assert there.fields == {
            "recipientAddressList": ["436600000001"],
            "messageContent": "Platte zu 95 % voll: größer kaufen",
            "maxSmsPerMessage": 3,
            "clientMessageId": "m1-1",
            "validityPeriode": 3600,
        }
    assert found == Receipt(
        verdict=Verdict.ACCEPTED,
        code="2000",
        text="OK",
        status="2.0.0",
        transfer_id="0068f1a2b3000a1b2c3d",
        parts=2,
    )


async def test_the_fullest_request() -> None:
    sms = Sms(text="x", originator="4366099887766", max_parts=9, flash=True, priority=0, category="informational")
    callback = "https://bridge.example.net/websms/s3cret-made-up"
    async with site() as (there, url), client(url, test=True, callback_url=callback) as websms:
        await websms.send(delivery(sms), NOW)
        assert there.fields == {
            "recipientAddressList": ["436600000001"],
            "messageContent": "x",
            "senderAddress": "4366099887766",
            "senderAddressType": "international",
            "maxSmsPerMessage": 9,
            "clientMessageId": "m1-1",
            "validityPeriode": 3600,
            "notificationCallbackUrl": callback,
            "sendAsFlashSms": True,
            "priority": 0,
            "contentCategory": "informational",
            "test": True,
        }


async def test_headers() -> None:
    async with site() as (there, url), client(url) as websms:
        await websms.send(delivery(), NOW)
        headers = there.requests[0].headers
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert headers["Accept"] == "application/json"
    assert headers["Content-Type"] == "application/json;charset=UTF-8"
    assert headers["User-Agent"].startswith("smsbridge/")
    assert headers["Content-Length"] == str(len(there.bodies[0]))
    assert "Expect" not in headers
    assert "Cookie" not in headers
    assert "Transfer-Encoding" not in headers


async def test_a_token_in_the_query_stands_only_there() -> None:
    token = "a+b/c&d=e%20f#made-up"
    async with site() as (there, url), client(url, token=token, token_in="query") as websms:
        await websms.send(delivery(), NOW)
        await websms.send(delivery(Sms(text="x", segments=(b"x",))), NOW)
    for asked, path in zip(there.requests, (PATH, PATH.replace("text", "binary")), strict=True):
        assert (asked.path, dict(asked.query)) == (path, {"access_token": token})
        assert "Authorization" not in asked.headers


async def test_a_token_in_the_query_is_never_told(caplog: pytest.LogCaptureFixture) -> None:
    token = "a+b/c&d=e made-up"
    caplog.set_level(logging.DEBUG)
    told: list[Receipt] = []
    async with site() as (there, url), client(url, token=token, token_in="query") as websms:
        assert token not in repr(websms)
        for status in (200, 302, 400, 404, 500):
            there.reply = lambda status=status: web.Response(  # type: ignore[misc] # bound now, called without
                status=status, text=f"{token} in {there.requests[-1].url} or {there.requests[-1].raw_path}"
            )
            told.append(await websms.send(delivery(), NOW))
    told.append(await sent_to(url, token=token, token_in="query"))  # nobody listens any more
    told.append(await sent_to("https://provider.invalid/rest", token=token, token_in="query"))
    told.append(await sent_to(url, token=token, token_in="query", timeout=aiohttp.ClientTimeout(total=1e-9)))
    assert len(told) == 8
    ours = [record.getMessage() for record in caplog.records if record.name != "aiohttp.access"]  # the server's log
    assert not [one for one in (*map(repr, told), *ours) if "made-up" in one or "access_token=a" in one]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.8.9.10"])
async def test_plain_http_is_for_this_machine(host: str) -> None:
    await Websms(url=f"http://{host}:8090/rest", token=TOKEN).close()


async def test_basic_authentication_is_utf8() -> None:
    async with site() as (there, url), client(url, username="anna@example.com", password="größe") as websms:
        await websms.send(delivery(), NOW)
        scheme, _, value = there.requests[0].headers["Authorization"].partition(" ")
    assert scheme == "Basic"
    assert base64.b64decode(value).decode() == "anna@example.com:größe"


@pytest.mark.parametrize(("left", "asked"), [(-5.0, 60), (59.0, 60), (61.9, 61), (259_200.0, 259_200), (9e9, 259_200)])
async def test_validity_is_what_is_left_within_bounds(left: float, asked: int) -> None:
    async with site() as (there, url), client(url) as websms:
        await websms.send(delivery(expires_at=NOW + left), NOW)
        assert there.fields["validityPeriode"] == asked


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "api.example.com", "token": "x"},
        {"url": "ftp://api.example.com", "token": "x"},
        {"url": "https://me:secret@api.example.com/rest", "token": "x"},
        {"url": "https://api.example.com/rest?access_token=1", "token": "x"},
        {"url": "http://api.example.com/rest", "token": "x"},
        {"url": "http://192.0.2.1/rest", "token": "x"},
        {"url": "http://localhost.example.com/rest", "token": "x"},
        {"url": "https://api.example.com/rest", "username": "anna", "password": "x", "token_in": "query"},
        {"url": "https://api.example.com/rest", "token_in": "query"},
        {"url": "https://api.example.com/rest"},
        {"url": "https://api.example.com/rest", "token": "two words\r\nX: y"},
        {"url": "https://api.example.com/rest", "token": ""},
        {"url": "https://api.example.com/rest", "username": "anna"},
        {"url": "https://api.example.com/rest", "username": "a:b", "password": "x"},
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"url|token|username"):
        Websms(**settings)  # type: ignore[arg-type] # each row is a set of keyword arguments


def test_secrets_do_not_show() -> None:
    websms = Websms(url="https://api.example.com/rest", username="anna", password="geheim-made-up")
    assert "geheim-made-up" not in repr(websms)


async def test_a_payload_that_cannot_be_read_is_held_and_not_sent() -> None:
    async with site() as (there, url), client(url) as websms:
        for payload in (b"{", b"[]", b'"x"', b"5", b'{"text":"x","colour":"red"}', b"\xff"):
            found = await websms.send(delivery(payload=payload), NOW)
            assert (found.verdict, found.scope, found.alert) == (Verdict.OURS, Scope.MESSAGE, True)
        assert not there.requests


@pytest.mark.parametrize("content_type", ["text/html", "application/xml", "", "text/plain"])
async def test_an_answer_that_is_not_called_json_is_not_believed(content_type: str) -> None:
    async with site() as (there, url), client(url) as websms:
        there.reply = lambda: web.Response(body=json.dumps(ACCEPTED), headers={"Content-Type": content_type})
        assert (await websms.send(delivery(), NOW)).verdict is Verdict.UNKNOWN


async def test_a_long_binary_message_is_one_request_without_expect() -> None:
    sms = Sms(text="Binary", segments=(b"\x00" * 140,) * 255)
    async with site() as (there, url), client(url) as websms:
        await websms.send(delivery(sms), NOW)
        assert len(there.requests) == 1
        assert "Expect" not in there.requests[0].headers
        assert there.requests[0].headers["Content-Length"] == str(len(there.bodies[0]))
        assert len(there.fields["messageContent"]) == 255


async def test_one_connection_serves_many_calls() -> None:
    async with site() as (there, url), client(url) as websms:
        for _ in range(5):
            assert (await websms.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
        assert len(there.peers) == 1


async def test_at_most_max_in_flight_connections() -> None:
    async with site() as (there, url), client(url, max_in_flight=3) as websms:
        found = await asyncio.gather(*(websms.send(delivery(), NOW) for _ in range(20)))
        assert {receipt.verdict for receipt in found} == {Verdict.ACCEPTED}
        assert len(there.peers) <= 3


async def test_a_client_can_be_used_again_after_close() -> None:
    async with site() as (there, url), client(url) as websms:
        await websms.send(delivery(), NOW)
        await websms.close()
        await websms.close()
        assert (await websms.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
        assert len(there.requests) == 2


async def test_a_redirect_is_not_followed() -> None:
    async with site() as (there, url), client(url) as websms:
        for status in (301, 302, 303, 307, 308):
            there.requests.clear()
            there.reply = lambda status=status: web.Response(  # type: ignore[misc] # bound now, called without
                status=status, headers={"Location": "/elsewhere"}
            )
            found = await websms.send(delivery(), NOW)
            assert (found.verdict, found.scope, found.alert) == (Verdict.OURS, Scope.ACCOUNT, True)
            assert len(there.requests) == 1


async def test_retry_after_comes_from_the_header() -> None:
    async with site() as (there, url), client(url) as websms:
        there.reply = lambda: web.Response(status=429, headers={"Retry-After": "17"})
        found = await websms.send(delivery(), NOW)
    assert (found.verdict, found.retry_after) == (Verdict.THROTTLED, 17.0)


async def test_our_secrets_do_not_come_back_in_the_providers_words() -> None:
    callback = "https://bridge.example.net/websms/s3cret-made-up"
    async with site() as (there, url), client(url, callback_url=callback) as websms:
        there.reply = lambda: web.json_response(
            {"statusCode": 4016, "statusMessage": f"bad {callback} or s3cret-made-up for {TOKEN}"}
        )
        found = await websms.send(delivery(), NOW)
    assert found.text == "bad … or … for …"


@pytest.mark.parametrize("before", range(280, 301))
@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
async def test_a_secret_at_the_cut_does_not_come_back_in_half(before: int, kind: str) -> None:
    said = "x" * before + TOKEN
    plain = kind == "text/plain"
    body = said.encode() if plain else json.dumps({"statusCode": 4016, "statusMessage": said}).encode()
    async with site() as (there, url), client(url) as websms:
        there.reply = lambda: web.Response(status=400, body=body, content_type=kind)
        found = await websms.send(delivery(), NOW)
    assert found.text.strip("x") == "…"


async def test_credentials_do_not_come_back_without_their_scheme_nor_quoted() -> None:
    bare = base64.b64encode(b"anna:pa/s").decode()
    callback = "https://bridge.example.net/websms/s3cret-made-up"
    quoted = "https%3A%2F%2Fbridge.example.net%2Fwebsms%2Fs3cret-made-up"
    async with site() as (there, url):
        there.reply = lambda: web.json_response(
            {"statusCode": 4022, "statusMessage": f"bad {bare}, {bare.rstrip('=')}, pa/s, pa%2Fs or {quoted}"}
        )
        found = await sent_to(url, username="anna", password="pa/s", callback_url=callback)
    assert found.text == "bad …, …, …, … or …"


async def test_a_transfer_id_that_holds_a_secret_is_none() -> None:
    async with site() as (there, url), client(url) as websms:
        there.reply = lambda: web.json_response(ACCEPTED | {"transferId": f"1-{TOKEN}"})
        found = await websms.send(delivery(), NOW)
    assert (found.verdict, found.transfer_id, found.alert) == (Verdict.ACCEPTED, None, True)
    assert TOKEN not in found.text


async def test_a_password_of_digits_does_not_hide_the_code() -> None:
    async with site() as (there, url):
        there.reply = lambda: web.json_response(ACCEPTED)
        found = await sent_to(url, username="anna", password="2000")
    assert (found.verdict, found.code, found.alert) == (Verdict.ACCEPTED, "2000", False)


@pytest.mark.parametrize(("size", "verdict"), [(65_536, Verdict.ACCEPTED), (65_537, Verdict.UNKNOWN)])
async def test_an_answer_is_read_up_to_64_kib(size: int, verdict: Verdict) -> None:
    async with site() as (there, url), client(url) as websms:
        there.reply = lambda: web.Response(
            body=json.dumps(ACCEPTED).encode().ljust(size), content_type="application/json"
        )
        assert (await websms.send(delivery(), NOW)).verdict is verdict


async def test_a_post_is_never_repeated_by_itself() -> None:
    asked: list[bytes] = []

    async def once_then_shut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await request_of(reader))
        writer.write(response(json.dumps(ACCEPTED).encode()))
        await writer.drain()
        asked.append(await request_of(reader))

    async with raw(once_then_shut) as url, client(url) as websms:
        assert (await websms.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
        assert (await websms.send(delivery(), NOW)).verdict is Verdict.UNKNOWN
    assert len(asked) == 2


async def test_cancelling_a_call_is_passed_on() -> None:
    asked = asyncio.Event()

    async def hold(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await request_of(reader)
        asked.set()
        await asyncio.Event().wait()

    async with raw(hold) as url, client(url) as websms:
        call = asyncio.create_task(websms.send(delivery(), NOW))
        await asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_an_answer_through_aioresponses() -> None:
    with aioresponses() as mocked:
        mocked.post("https://api.example.com" + PATH, payload=ACCEPTED)
        found = await sent_to("https://api.example.com/rest/")
    assert found.verdict is Verdict.ACCEPTED


async def test_notifications_are_read_with_the_country_of_the_account() -> None:
    body = (
        b'{"messageType":"text","senderAddress":"436600000001","textMessageContent":"x",'
        b'"recipientAddress":"0660 0000099"}'
    )
    lines = []
    for country in ("AT", "DE"):
        websms = Websms(url="https://api.example.com/rest", token=TOKEN, country=country)
        found = websms.read(body)
        assert isinstance(found, IncomingSms)
        lines.append(found.line)
        assert websms.answer("ok", body)[0] == 200
        await websms.close()
    assert lines[0] == "436600000099"
    assert lines[0] != lines[1]
