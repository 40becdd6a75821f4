"""Memory for mails being read, in all sessions together: it is bounded, said, and always given back."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.smtpd import replies
from bridge.smtpd.contract import Limits
from bridge.smtpd.room import Room
from tests.smtpd.conftest import Certificates
from tests.smtpd.raw import Raw, Recorder, Rig, babble
from tests.wait import until

LOOPBACK = (ip_network("127.0.0.0/8"),)
LINE = b"x" * 98 + b"\r\n"
NO_ROOM = replies.NO_ROOM.encode().decode().rstrip()
QUICK = Limits(error_delay=0.0, linger=0.3, max_message_size=100_000)


def test_a_share_grows_and_is_given_back() -> None:
    room = Room(800)
    one, other = room.share(), room.share()
    assert one.hold(400, trusted=False)
    assert one.hold(300, trusted=False)
    assert other.hold(400, trusted=False)
    assert room.held == 700
    assert not other.hold(401, trusted=False), "the last eighth is for others"
    assert room.held == 300, "who is refused keeps nothing"
    assert other.hold(500, trusted=True)
    assert not other.hold(501, trusted=True)
    one.release()
    one.release()
    other.release()
    assert room.held == 0


def test_a_limit_that_shrinks_takes_nothing_away() -> None:
    room = Room(800)
    share = room.share()
    assert share.hold(700, trusted=False)
    room.limit = 80
    assert share.hold(600, trusted=False)
    assert not share.hold(601, trusted=False)
    assert room.held == 0


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 300), st.booleans())))
def test_what_is_held_is_the_sum_of_the_shares_and_never_more_than_there_is(steps: list[tuple[int, int, bool]]) -> None:
    room = Room(1000)
    shares = [room.share() for _ in range(5)]
    kept = [0] * 5
    for index, octets, trusted in steps:
        kept[index] = octets if shares[index].hold(octets, trusted=trusted) else 0
        assert room.held == sum(kept) <= 1000
    for share in shares:
        share.release()
    assert room.held == 0


async def sending(rig: Rig, octets: bytes, context: ssl.SSLContext | None = None) -> Raw:
    """A client in the middle of a mail."""
    client = await rig.greeted(context)
    await client.envelope()
    assert (await client.say("DATA")).startswith("354 ")
    await client.send(octets)
    return client


async def test_mails_beyond_the_room_are_read_and_refused_and_the_others_are_taken() -> None:
    async with Rig(limits=QUICK, per_address=100, memory=400_000) as rig:
        clients = [await sending(rig, b"") for _ in range(10)]
        for client in clients[:7]:
            await client.send(LINE * 500)  # 50 kB each: seven of them fill seven eighths
        await until(lambda: rig.listener.room.held == 350_000)
        for client in clients[7:]:
            await client.send(LINE * 500)
        for client in clients:
            await client.send(b".\r\n")
        answers = [await client.reply() for client in clients]
        assert answers.count(NO_ROOM) == 3
        assert answers[7:] == [NO_ROOM] * 3
        assert sum(answer.startswith("250 ") for answer in answers) == 7
        assert rig.listener.room.held == 0
        assert (await clients[9].mail(LINE * 500 + b".\r\n")).startswith("250 "), "and later there is room again"
    assert len(rig.policy.taken) == 8


async def test_the_last_eighth_is_for_trusted_peers_and_strangers_are_told_to_come_later() -> None:
    async with Rig(limits=QUICK, per_address=100, memory=80_000) as rig:
        greedy = await sending(rig, LINE * 700)
        await until(lambda: rig.listener.room.held == 70_000)
        assert await (await rig.client()).rest() == replies.OVERLOADED.encode()
        rig.listener.trusted = LOOPBACK
        alarm = await rig.greeted()
        assert (await alarm.mail(LINE * 99 + b".\r\n")).startswith("250 ")
        await greedy.send(b".\r\n")
        assert (await greedy.reply()).startswith("250 ")


async def test_row_31_overload_is_421_at_connect_and_452_at_mail() -> None:
    async with Rig(limits=QUICK, memory=800) as rig:
        ready = await rig.greeted()
        full = await sending(rig, LINE * 7)
        await until(lambda: rig.listener.room.held == 700)
        assert await (await rig.client()).rest() == b"421 4.3.2 overloaded, try again later\r\n"
        await ready.envelope()
        await ready.say("DATA")
        await ready.send(LINE + b".\r\n")
        assert await ready.reply() == NO_ROOM
        await full.send(b".\r\n")
        assert (await full.reply()).startswith("250 ")
        await rig.greeted()


async def aborts(client: Raw) -> None:
    client.writer.transport.abort()


async def hangs_up(client: Raw) -> None:
    client.writer.write_eof()


async def floods(client: Raw) -> None:
    with pytest.raises(ConnectionError):
        await babble(client.send, LINE * 100)


async def sends_a_bare_lf(client: Raw) -> None:
    await client.send(b"\n")


async def sends_a_nul(client: Raw) -> None:
    await client.send(b"\0\r\n.\r\n")


async def ends(client: Raw) -> None:
    await client.send(b".\r\n")


async def waits(client: Raw) -> None:
    assert (await client.reply()).startswith("421 4.4.2 ")


@pytest.mark.parametrize("broken", [set(), {"data"}], ids=["", "broken policy"])
@pytest.mark.parametrize("end", [aborts, hangs_up, floods, sends_a_bare_lf, sends_a_nul, ends, waits])
async def test_what_was_held_is_given_back_however_a_mail_ends(
    end: Callable[[Raw], Awaitable[None]], broken: set[str]
) -> None:
    patience = 0.2 if end is waits else 300
    limits = Limits(error_delay=0, linger=0.1, max_message_size=10_000, data_timeout=patience, data_rate=1e6)
    async with Rig(Recorder(broken=broken), limits=limits) as rig:
        client = await sending(rig, LINE * 90)
        await until(lambda: rig.listener.room.held == 9000)
        await end(client)
        await until(lambda: rig.listener.room.held == 0)


async def test_what_was_held_is_given_back_under_tls_and_by_drain(certificates: Certificates) -> None:
    async with Rig(limits=QUICK, modes=["implicit"], context=certificates.server) as rig:
        gone = await sending(rig, LINE * 90, certificates.client)
        await until(lambda: rig.listener.room.held == 9000)
        gone.writer.transport.abort()
        await until(lambda: rig.listener.room.held == 0)
        await sending(rig, LINE * 90, certificates.client)
        await until(lambda: rig.listener.room.held == 9000)
        await rig.listener.drain(0.1)
        assert rig.listener.room.held == 0


async def test_a_mail_being_taken_is_still_held_even_without_its_client() -> None:
    policy = Recorder(gate=asyncio.Event())
    async with Rig(policy, limits=QUICK) as rig:
        client = await sending(rig, LINE * 90 + b".\r\n")
        await policy.begun.wait()
        client.writer.transport.abort()
        await until(lambda: all(session._hung_up for session in rig.listener.sessions))
        assert rig.listener.room.held == 9000
        assert policy.gate is not None
        policy.gate.set()
        await until(lambda: rig.listener.room.held == 0)
    assert len(policy.taken) == 1


async def test_many_that_are_refused_do_not_fill_the_memory() -> None:
    async with Rig(limits=QUICK, per_address=1000, memory=100_000) as rig:
        clients = [await sending(rig, b"") for _ in range(60)]
        for _ in range(4):
            for client in clients:
                await client.send(LINE * 200)
        await until(lambda: all(session._received > 4 * len(LINE * 200) for session in rig.listener.sessions))
        await until(lambda: sum(len(session._inbox) for session in rig.listener.sessions) < 2 * 100_000)
        for client in clients:
            await client.send(b".\r\n")
        answers = [await client.reply() for client in clients]
        assert {answer[:3] for answer in answers} == {"250", "452"}
        assert rig.listener.room.held == 0
