"""The provider in trouble, through everything: away, lost, odd, in the wrong hands, slow."""

import asyncio
import datetime
import ssl
import time
from functools import partial
from pathlib import Path

import apsw
import pytest
import trustme

from bridge.daemon import Daemon
from bridge.delivery.decide import LONGEST_DELAY, backoff
from bridge.message import Channel, Delivery, State
from bridge.spool.sqlite import open_spool
from tests.flows.rig import ADDRESS, ANNA, PHONE, POSTMASTER, ROUTES, SILENT_ADDRESS, Bridge, letter, running, words
from tests.flows.test_time import MINUTE, turning
from tests.long import hours
from tests.providers import servers
from tests.wait import until, until_async

URGENT = ROUTES.replace("[[route]]", '[[route]]\nunknown_wait = "1s"')


async def look(bridge: Bridge, identifier: str) -> Delivery:
    """The first delivery of a mail."""
    spool = await open_spool(bridge.place / "smsbridge.db", command=True)
    found = await spool.show(identifier)
    await spool.close()
    return found[0][0]


async def settled(bridge: Bridge, identifier: str, state: str) -> Delivery:
    """The same as soon as it is in `state`."""

    async def reached() -> Delivery | None:
        found = await look(bridge, identifier)
        return found if found.state.value == state else None

    return await until_async(reached, f"{identifier} is {state}")


async def queue(bridge: Bridge) -> list[Delivery]:
    """All SMS that are not done."""
    spool = await open_spool(bridge.place / "smsbridge.db", command=True)
    found = await spool.listing(None, 99_999)
    await spool.close()
    return [item for item in found if item.channel is Channel.SMS]


async def _paused(bridge: Bridge) -> str:
    return " ".join((await bridge.readiness())["paused"].values())


async def test_row_85_nobody_there_is_surely_not_sent_and_tried_again(tmp_path: Path) -> None:
    async with turning(tmp_path) as (bridge, simulator, clock):
        await simulator.stop()
        identifier = await bridge.post(letter("kommt an"))
        found = await until_async(lambda: _tried(bridge, identifier, 1), "the first attempt")
        assert (found.state, found.code) == (State.QUEUED, "connect")
        for tries in (2, 3):
            clock.turn(MINUTE)
            await until_async(partial(_tried, bridge, identifier, tries), "the next attempt")
        await simulator.start("127.0.0.1", bridge.port("provider"))
        clock.turn(MINUTE)
        await bridge.drained()
        assert [message.text for message in simulator.messages] == ["kommt an"]
        assert bridge.mails == []


async def _tried(bridge: Bridge, identifier: str, times: int) -> Delivery | None:
    found = await look(bridge, identifier)
    return found if found.attempts >= times and found.state is State.QUEUED else None


def test_row_85_the_waits_are_those_of_the_list() -> None:
    assert [backoff(tries, LONGEST_DELAY[Channel.SMS], 0.5) for tries in (1, 2, 3, 7, 99)] == [5, 10, 20, 300, 300]


@pytest.mark.parametrize("fault", [{"shape": "reset"}, {"http": 502}, {"http": 504}])
async def test_row_86_an_answer_that_is_lost_is_never_a_second_sms(tmp_path: Path, fault: dict[str, object]) -> None:
    async with turning(tmp_path, routes=URGENT) as (bridge, simulator, clock):
        simulator.fault(**fault, accept=True)
        identifier = await bridge.post(letter("einmal"), SILENT_ADDRESS)
        await settled(bridge, identifier, "unknown")
        clock.turn(2 * MINUTE)  # well beyond unknown_wait
        await asyncio.sleep(1.5)  # the sweep has looked
        assert [message.text for message in simulator.messages] == ["einmal"]


ODD = {
    "HTML": {"shape": "html"},
    "nothing": {"body": ""},
    "cut": {"body": '{"statusCode": 20'},
    "no code": {"shape": "no_status"},
    "a list": {"body": "[2000]"},
}


@pytest.mark.parametrize("what", ODD)
async def test_row_87_an_odd_answer_is_unknown_and_told(tmp_path: Path, what: str) -> None:
    async with turning(tmp_path) as (bridge, simulator, _):
        simulator.fault(**ODD[what], accept=True)
        identifier = await bridge.post(letter("einmal"), SILENT_ADDRESS)
        await settled(bridge, identifier, "unknown")
        (alert,) = await until(lambda: bridge.mails_to(POSTMASTER) or None, "the postmaster is told")
        assert identifier in words(alert)
        assert [message.text for message in simulator.messages] == ["einmal"]


async def test_row_87_digits_in_quotes_are_the_code(tmp_path: Path) -> None:
    async with turning(tmp_path) as (bridge, simulator, _):
        simulator.fault(body='{"statusCode": "2000", "statusMessage": "OK", "transferId": "t1"}', accept=True)
        identifier = await bridge.post(letter("einmal"), SILENT_ADDRESS)
        await settled(bridge, identifier, "sent")


async def test_row_88_an_endless_answer_is_cut_off_and_unknown() -> None:
    sent = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await servers.request_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        while True:
            writer.write(b" " * 65536)
            sent += 65536
            await writer.drain()

    async with servers.raw(endless) as url:
        found = await servers.sent_to(url)
    assert found.verdict.value == "unknown"
    assert sent < 64 * 2**20, "who listens on would hear a gigabyte"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_row_89_a_redirect_is_not_followed_but_told(tmp_path: Path, status: int) -> None:
    async with turning(tmp_path) as (bridge, simulator, _):
        simulator.fault(http=status, times=100)
        for number in range(3):
            await bridge.post(letter(f"Nummer {number}"), SILENT_ADDRESS)
        await until_async(lambda: _paused(bridge), "the account is paused")
        await until(lambda: bridge.mails_to(POSTMASTER) or None, "the postmaster is told")
        assert simulator.messages == []
        assert {left.state for left in await queue(bridge)} == {State.QUEUED}
        assert bridge.mails_to(ANNA) == []


@pytest.mark.parametrize("wrong", ["nobody vouches for it", "another name", "expired"])
async def test_row_90_a_certificate_that_is_wrong_pauses_the_account_and_bounces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    authority, heard = trustme.CA(), []
    certificate = authority.issue_cert(
        "other.example.com" if wrong == "another name" else "localhost",
        not_after=None if wrong != "expired" else _yesterday(),
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    if wrong != "nobody vouches for it":
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    async def note(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(10))

    async with running(tmp_path, start=False) as (bridge, _), servers.raw(note, context) as url:
        text = bridge.config.read_text().replace(f"http://127.0.0.1:{bridge.port('provider')}/rest", url)
        bridge.config.write_text(text)
        daemon = Daemon(bridge.config)
        await daemon.start()
        try:
            for number in range(10):
                await bridge.post(letter(f"Nummer {number}"))
            assert "certificate" in await until_async(lambda: _paused(bridge), "the account is paused")
            (alert,) = await until(lambda: bridge.mails_to(POSTMASTER) or None, "the postmaster is told")
            assert "certificate" in words(alert)
            assert {(left.state, left.attempts) for left in await queue(bridge)} == {(State.QUEUED, 0)}
            assert bridge.mails_to(ANNA) == [], "authors hear nothing of our mistakes"
            assert not any(heard), "nobody was told our token"
        finally:
            await daemon.stop()


def _yesterday() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)


@pytest.mark.parametrize(
    "fault", [{"status": 4013}, {"status": 4023}, {"status": 4025}, {"status": 4012}, {"http": 429, "retry_after": 60}]
)
async def test_row_91_who_asks_for_less_gets_less_and_everything_in_the_end(
    tmp_path: Path, fault: dict[str, object]
) -> None:
    async with turning(tmp_path) as (bridge, simulator, clock):
        simulator.fault(**fault)
        identifier = await bridge.post(letter("etwas später"))
        await until_async(lambda: _paused(bridge), "it waits")
        found = await look(bridge, identifier)
        assert (found.state, found.attempts) == (State.QUEUED, 0)
        clock.turn(6 * MINUTE)
        await bridge.drained()
        assert [message.text for message in simulator.messages] == ["etwas später"]
        assert bridge.mails_to(ANNA) == []


async def test_row_92_six_hours_without_the_provider(tmp_path: Path) -> None:
    figures = await hours.prove(tmp_path, messages=1500)
    assert figures.wrong == [], figures


async def test_row_93_one_bad_number_stops_no_other(tmp_path: Path) -> None:
    group = '[[route]]\naddress = "alle@sms.example.com"\nnumber = ["436600000001", "436600000002", "436600000003"]\n'
    async with turning(tmp_path, routes=f'{ROUTES}\n{group}allow = ["*@example.org"]\n') as (bridge, simulator, _):
        simulator.fault(status=4002, recipient="436600000002")
        await bridge.post(letter("an alle"), "alle@sms.example.com")
        await bridge.drained()
        assert sorted(message.recipient for message in simulator.messages) == ["436600000001", "436600000003"]
        (notice,) = await until(lambda: bridge.mails_to(ANNA) or None, "the author is told of the one")
        assert "+43 660 0000002" in words(notice)


@pytest.mark.parametrize("name", ["clientMessageId", "transferId"])
async def test_row_94_an_odd_echo_is_accepted_told_and_matched_by_our_own_id(tmp_path: Path, name: str) -> None:
    body = '{"statusCode": 2000, "statusMessage": "OK", "clientMessageId": "%s", "transferId": %s}'
    odd = body % (("somebody-elses", '"t1"') if name == "clientMessageId" else ("", "null"))
    async with turning(tmp_path) as (bridge, simulator, _):
        simulator.fault(body=odd, accept=True)
        identifier = await bridge.post(letter("einmal"), ADDRESS)
        await settled(bridge, identifier, "delivered")  # by the report, which bears our id
        assert [message.recipient for message in simulator.messages] == [PHONE]
        await until(lambda: bridge.mails_to(POSTMASTER) or None, "the postmaster is told")


async def test_row_95_a_slow_provider_has_eight_calls_and_locks_nothing(tmp_path: Path) -> None:
    async with turning(tmp_path) as (bridge, simulator, _):
        simulator.fault(delay=3.0, times=1000)
        for number in range(12):
            await bridge.post(letter(f"Nummer {number}"), SILENT_ADDRESS)
        await until_async(lambda: _calls(bridge, 8), "as many calls as there may be")
        other = apsw.Connection(str(tmp_path / "smsbridge.db"))
        other.execute("BEGIN IMMEDIATE")  # nobody else is in a transaction while the provider thinks
        other.execute("ROLLBACK")
        other.close()
        began = time.monotonic()
        await bridge.post(letter("die Tür ist offen"), SILENT_ADDRESS)
        assert time.monotonic() - began < 3.0
        assert (await bridge.readiness())["calls"]["sms"] <= 8
        simulator.faults.clear()
        await bridge.drained()
        assert len(simulator.messages) == 13


async def _calls(bridge: Bridge, most: int) -> bool:
    now = int((await bridge.readiness())["calls"]["sms"])
    assert now <= most
    return now == most
