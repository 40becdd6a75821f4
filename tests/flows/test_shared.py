"""What two nodes count together, with real processes on a real server: limits, the pace of calls, what comes twice."""

import asyncio
import json
import signal
from collections import Counter
from contextlib import AbstractAsyncContextManager
from email.message import Message
from pathlib import Path

import aiohttp

from tests.databases import Database
from tests.flows.rig import ANNA, LINE, PHONE, ROUTES, SILENT_ADDRESS, letter, queue_id
from tests.flows.smtp import Client
from tests.long.cluster import Cluster, Member, Variant, cluster
from tests.wait import until_async

LIMIT = 30
RATE, CALLS, MAILS = 5, 3, 40
BURST = CALLS + 2 + 1
"""Calls that may have been let go and not been seen: those under way, a token in each node's hand, a full bucket."""


def two(place: Path, database: Database, *settings: tuple[str, str]) -> AbstractAsyncContextManager[Cluster]:
    """Two nodes, with this in their configuration instead of that."""
    variant = Variant(settings=settings)
    return cluster(place, database.server, database.name, nodes=2, routes=ROUTES, variant=variant)


async def sent(member: Member, mails: int, sender: str = ANNA) -> Counter[str]:
    """Replies to so many mails, by code; "" where none came."""
    replies: Counter[str] = Counter()
    try:
        async with await Client.connect(member.port("smtp")) as client:
            for _ in range(mails):
                reply = await client.send(sender, [SILENT_ADDRESS], bytes(letter("hello")))
                replies[reply.split(" too many")[0][:9] if reply.startswith("4") else reply[:3]] += 1
    except (OSError, EOFError, TimeoutError):
        replies[""] += 1
    return replies


async def kept(here: Cluster) -> int:
    return len(await here.rows())


async def test_a_limit_is_the_limit_of_all_nodes_together(tmp_path: Path, database: Database) -> None:
    async with two(tmp_path, database, ('sender = "0"', f'sender = "{LIMIT}/d"')) as here:
        one, other = here.members
        replies = sum(await asyncio.gather(*(sent(member, 12) for member in (one, other, one, other))), Counter[str]())
        assert replies == {"250": LIMIT, "450 4.7.1": 4 * 12 - LIMIT}
        assert await kept(here) == LIMIT
        assert await sent(other, 1, sender="bernd@example.org") == {"250": 1}  # nobody else's
        one.kill()
        one.start()
        await one.ready()
        assert await sent(one, 3) == {"450 4.7.1": 3}  # a restart fills no bucket


async def test_a_node_that_is_killed_costs_no_more_than_it_had_in_hand(tmp_path: Path, database: Database) -> None:
    async with two(tmp_path, database, ('sender = "0"', f'sender = "{LIMIT}/d"')) as here:
        one, other = here.members
        clients = 4
        under_way = [asyncio.create_task(sent(one, LIMIT)) for _ in range(clients)]

        async def begun() -> bool:
            return await kept(here) >= LIMIT // 4

        await until_async(begun, "some are taken")
        one.kill()
        await asyncio.gather(*under_way)
        replies = await sent(other, LIMIT + 10)
        assert replies["450 4.7.1"] >= 10
        stored = await kept(here)
        assert LIMIT - clients <= stored <= LIMIT
        assert await sent(other, 3) == {"450 4.7.1": 3}


async def test_a_node_that_is_frozen_keeps_nobody_from_paying(tmp_path: Path, database: Database) -> None:
    async with two(tmp_path, database, ('total = "0"', 'total = "100000/d"')) as here:
        one, other = here.members
        under_way = [asyncio.create_task(sent(one, 200)) for _ in range(4)]

        async def begun() -> bool:
            return await kept(here) >= 20

        await until_async(begun, "some are taken")
        one.signal(signal.SIGSTOP)
        try:
            assert await sent(other, 10) == {"250": 10}
        finally:
            one.signal(signal.SIGCONT)
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)


async def test_the_pace_of_calls_is_that_of_all_nodes_together(tmp_path: Path, database: Database) -> None:
    changes = ("max_in_flight = 8", f"max_in_flight = {CALLS}\nrate = {RATE}")
    async with two(tmp_path, database, changes) as here:
        one, other = here.members
        assert await sent(one, MAILS) == {"250": MAILS}

        async def some() -> bool:
            return len(here.simulator.messages) >= MAILS // 3

        await until_async(some, "some are sent", 60)
        other.kill()

        async def done() -> bool:
            return await here.waiting() == 0

        await until_async(done, "all are sent", 60)
        times = sorted(message.at for message in here.simulator.messages)
        assert len(times) >= MAILS - CALLS  # what the killed one was calling may not have come
        for first, start in enumerate(times):
            for last, end in enumerate(times[first:], first):
                assert last - first + 1 <= RATE * (end - start) + BURST, f"{last - first + 1} in {end - start:.2f} s"


async def test_the_same_mail_to_two_nodes_at_once_goes_once(tmp_path: Path, database: Database) -> None:
    async with two(tmp_path, database) as here:
        mails = [letter(f"alarm {number}") for number in range(25)]
        replies = await asyncio.gather(
            *(member.reply(mail, SILENT_ADDRESS) for mail in mails for member in here.members)
        )
        ids = [queue_id(reply.replace("already queued", "queued")) for reply in replies]
        assert len(set(ids)) == len(mails)
        assert ids[::2] == ids[1::2]
        assert Counter(mail for mail, *_ in await here.rows()) == Counter(set(ids))

        async def done() -> bool:
            return await here.waiting() == 0

        await until_async(done, "all are sent")
        texts = Counter(message.text for message in here.simulator.messages)
        assert texts == {f"alarm {number}": 1 for number in range(25)}


async def test_the_same_notification_to_two_nodes_at_once_is_one_mail(tmp_path: Path, database: Database) -> None:
    async with two(tmp_path, database) as here, aiohttp.ClientSession() as session:

        async def notify(member: Member, number: int) -> str:
            body = {
                "messageType": "text",
                "notificationId": f"n{number}",
                "senderAddress": PHONE,
                "senderAddressType": "international",
                "recipientAddress": LINE,
                "recipientAddressType": "international",
                "textMessageContent": f"answer-{number}",
            }
            async with session.post(member_url(member, here.members[0].secret), json=body) as answer:
                return str(json.loads(await answer.read())["statusCode"])

        codes = await asyncio.gather(*(notify(member, number) for number in range(25) for member in here.members))
        assert set(codes) == {"2000"}

        async def done() -> bool:
            return await here.waiting() == 0 and len(here.office.mails) >= 25

        await until_async(done, "all are mailed")
        texts = Counter(body_of(mail).split()[0] for mail in here.office.mails)
        assert texts == {f"answer-{number}": 1 for number in range(25)}


def body_of(mail: Message) -> str:
    content = mail.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode()


def member_url(member: Member, secret: str) -> str:
    return f"http://127.0.0.1:{member.port('webhook')}/websms/{secret}"
