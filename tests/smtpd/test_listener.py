"""The listener: how many may come, who has to go, and how everything ends."""

import asyncio
import socket
from ipaddress import ip_network
from pathlib import Path

import pytest
import uvloop

from bridge.config.settings import Endpoint
from bridge.smtpd import replies
from bridge.smtpd.contract import Limits, Reply
from bridge.smtpd.listener import RESERVE
from tests.smtpd.conftest import Certificates
from tests.smtpd.raw import QUICK, Raw, Recorder, Rig, babble
from tests.wait import until

STARTTLS, PLAIN = (Endpoint(host="", port=0, mode=mode) for mode in ("starttls", "plain"))
LOOPBACK = (ip_network("127.0.0.0/8"),)
TOO_MANY = replies.TOO_MANY_CONNECTIONS.encode()
ROOM = replies.MAKING_ROOM.encode()
SHUTDOWN = replies.SHUTTING_DOWN.encode()


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_an_address_has_its_share_and_gets_it_back() -> None:
    async with Rig(per_address=3) as rig:
        clients = [await rig.greeted() for _ in range(3)]
        assert await (await rig.client()).rest() == TOO_MANY
        await clients[0].say("QUIT")
        await until(lambda: len(rig.listener.sessions) == 2)
        await rig.greeted()
        assert await (await rig.client()).rest() == TOO_MANY


async def test_trusted_networks_have_no_share() -> None:
    async with Rig(per_address=2, trusted=LOOPBACK) as rig:
        for _ in range(10):
            await rig.greeted()


async def test_when_the_house_is_full_who_has_been_idle_longest_goes() -> None:
    async with Rig(per_address=100, total=3) as rig:
        first, second, third = [await rig.greeted() for _ in range(3)]
        await asyncio.sleep(0.01)
        await first.say("NOOP")
        newcomer = await rig.greeted()
        assert await second.rest() == ROOM
        assert await first.say("NOOP") == "250 2.0.0 OK"
        assert await third.say("NOOP") == "250 2.0.0 OK"
        assert (await newcomer.mail(b"Hi\r\n.\r\n")).startswith("250 ")


async def test_a_mail_being_sent_or_taken_is_no_idleness() -> None:
    policy = Recorder(gate=asyncio.Event())
    async with Rig(policy, per_address=100, total=3) as rig:
        sending, taken, idle = [await rig.greeted() for _ in range(3)]
        for client in (sending, taken):
            await client.envelope()
            assert (await client.say("DATA")).startswith("354 ")
        await taken.send(b"Hi\r\n.\r\n")
        await policy.begun.wait()
        await idle.say("NOOP")
        newcomer = await rig.greeted()
        assert await idle.rest() == ROOM
        await newcomer.envelope()
        await newcomer.say("DATA")
        assert await (await rig.client()).rest() == TOO_MANY
        assert policy.gate is not None
        policy.gate.set()
        for client in (sending, newcomer):
            await client.send(b"Hi\r\n.\r\n")
        for client in (sending, taken, newcomer):
            assert (await client.reply()).startswith("250 ")


async def test_row_11_in_a_full_house_a_mail_that_does_not_move_has_to_go() -> None:
    async with Rig(per_address=100, total=2, limits=Limits(crowded_timeout=0.05, linger=0.1)) as rig:
        stuck = [await rig.greeted() for _ in range(2)]
        for client in stuck:
            await client.envelope()
            await client.say("DATA")
        await asyncio.sleep(0.1)
        await rig.greeted()
        assert await stuck[0].rest() == ROOM


async def test_row_13_a_flood_does_not_keep_a_trusted_sender_out() -> None:
    async with Rig(per_address=1000, total=20) as rig:
        before = descriptors()
        flood = [await rig.client() for _ in range(200)]
        client = await rig.greeted()
        assert (await client.mail(b"Hi\r\n.\r\n")).startswith("250 ")
        assert sum(session.dismissal is None for session in rig.listener.sessions) <= 20
        for each in (*flood, client):
            await each.close()
        await until(lambda: not rig.listener.sessions)
        await until(lambda: descriptors() <= before)


async def test_a_trusted_session_goes_only_for_a_trusted_newcomer() -> None:
    async with Rig(per_address=100, total=2) as rig:
        rig.listener.trusted = LOOPBACK
        relay, *others = [await rig.greeted() for _ in range(2 + RESERVE)]
        rig.listener.trusted = ()
        assert await (await rig.client()).rest() == TOO_MANY
        rig.listener.trusted = LOOPBACK
        newcomer = await rig.greeted()
        assert await relay.rest() == ROOM
        for client in (*others, newcomer):
            assert await client.say("NOOP") == "250 2.0.0 OK"


async def test_a_stalled_handshake_makes_room(certificates: Certificates) -> None:
    async with Rig(per_address=100, total=2, modes=["implicit"], context=certificates.server) as rig:
        stalled = [await rig.client() for _ in range(2)]
        await until(lambda: len(rig.listener.sessions) == 2)
        await rig.greeted(certificates.client)
        assert await stalled[0].rest() == b""


async def test_too_many_under_implicit_tls_are_told_nothing(certificates: Certificates) -> None:
    async with Rig(per_address=1, modes=["implicit"], context=certificates.server) as rig:
        await rig.greeted(certificates.client)
        assert await (await rig.client()).rest() == b""


async def test_several_endpoints_and_a_socket_from_outside() -> None:
    async with Rig(modes=["starttls", "plain"]) as rig:
        given = socket.create_server(("127.0.0.1", 0))
        await rig.listener.adopt(given, PLAIN)
        assert len(set(rig.listener.ports)) == 3
        assert rig.listener.ports[2] == given.getsockname()[1]
        for port in rig.listener.ports:
            await rig.greeted(port=port)
    assert [peer.mode for peer in rig.policy.peers] == ["starttls", "plain", "plain"]


async def test_a_port_that_is_taken_opens_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with Rig(modes=()) as rig:
            with pytest.raises(OSError, match="in use"):
                await rig.listener.open(
                    [Endpoint(host="127.0.0.1", port=0), Endpoint(host="127.0.0.1", port=port, mode="plain")]
                )
            assert rig.listener.ports == []


async def test_ipv4_over_an_ipv6_socket_is_ipv4() -> None:
    try:
        both = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    except (OSError, ValueError):
        pytest.skip("no IPv6 on this machine")
    async with Rig(modes=(), per_address=1, trusted=LOOPBACK) as rig:
        await rig.listener.adopt(both, PLAIN)
        for _ in range(2):
            await rig.greeted(port=both.getsockname()[1])
        assert rig.policy.peers[0].host == "127.0.0.1"
        six = [await Raw.connect(both.getsockname()[1], host="::1") for _ in range(2)]
        assert (await six[0].reply()).startswith("220 ")
        assert await six[1].rest() == TOO_MANY
        rig.clients += six
    assert rig.policy.peers[2].host == "::1"


async def test_a_unix_socket_has_no_address(tmp_path: Path) -> None:
    path = str(tmp_path / "smtp")
    given = socket.socket(socket.AF_UNIX)
    given.bind(path)
    given.listen()
    async with Rig(modes=(), trusted=LOOPBACK) as rig:
        await rig.listener.adopt(given, PLAIN)
        assert rig.listener.ports == [0]
        client = Raw(*await asyncio.open_unix_connection(path))
        rig.clients.append(client)
        assert (await client.reply()).startswith("220 ")
        await client.say("EHLO x")
        assert (await client.mail(b"Hi\r\n.\r\n")).startswith("250 ")
    assert rig.policy.peers[0].host == ""


async def test_drain_lets_everybody_finish() -> None:
    policy = Recorder(gate=asyncio.Event())
    async with Rig(policy, limits=QUICK) as rig:
        port = rig.port
        idle, sending, taken = [await rig.greeted() for _ in range(3)]
        for client in (sending, taken):
            await client.envelope()
            await client.say("DATA")
        await taken.send(b"Taken\r\n.\r\n")
        await policy.begun.wait()
        draining = asyncio.create_task(rig.listener.drain(15))
        assert await idle.rest() == SHUTDOWN
        with pytest.raises(OSError, match=r"refused|failed"):
            await Raw.connect(port)
        await sending.send(b"Sending\r\n.\r\n")
        assert policy.gate is not None
        policy.gate.set()
        for client in (sending, taken):
            answers = await client.rest()
            assert answers.startswith(b"250 ")
            assert answers.endswith(SHUTDOWN)
        await asyncio.wait_for(draining, 20)
        assert not rig.listener.sessions
    assert {mail.content for mail in policy.taken} == {b"Sending\r\n", b"Taken\r\n"}


async def test_drain_does_not_wait_for_ever_but_always_for_a_commit() -> None:
    policy = Recorder(gate=asyncio.Event())
    async with Rig(policy) as rig:
        sending, taken = [await rig.greeted() for _ in range(2)]
        for client in (sending, taken):
            await client.envelope()
            await client.say("DATA")
        await taken.send(b"Taken\r\n.\r\n")
        await policy.begun.wait()
        assert policy.gate is not None
        asyncio.get_running_loop().call_later(0.5, policy.gate.set)
        await asyncio.wait_for(rig.listener.drain(0.3), 20)
        assert not rig.listener.sessions
        assert (await sending.rest()).startswith(b"421 4.3.2 ")
    assert len(policy.taken) == 1


async def test_new_terms_are_for_new_sessions() -> None:
    async with Rig(Recorder(refused={"b@example.org": Reply(550, "5.1.1", "no")})) as rig:
        old = await rig.greeted()
        rig.listener.terms = type(rig.listener.terms)(policy=Recorder(), hostname="new.example.com")
        assert (await (await rig.client()).reply()).startswith("220 new.example.com ")
        assert (await old.say("EHLO x")).startswith("250-mx.example.com\n")


def test_the_same_under_uvloop(certificates: Certificates) -> None:
    async def everything() -> None:
        policy = Recorder(users={b"panel": b"hunter2"})
        async with Rig(policy, modes=["starttls", "implicit"], context=certificates.server, limits=QUICK) as rig:
            client = await rig.greeted()
            await client.start_tls(certificates.client)
            assert "AUTH PLAIN LOGIN" in await client.say("EHLO x")
            assert (await client.say("AUTH PLAIN AHBhbmVsAGh1bnRlcjI=")).startswith("235 ")
            assert (await client.mail(b"x" * 998 + b"\r\n.\r\n")).startswith("250 ")
            implicit = await rig.greeted(certificates.client, port=rig.listener.ports[1])
            assert (await implicit.mail(b"Hi\r\n.\r\n")).startswith("250 ")
            half = await rig.greeted()
            await half.envelope()
            await half.say("DATA")
            half.writer.write(b"Hi\r\n.\r\nQUIT\r\n")
            half.writer.write_eof()
            assert (await half.rest()).endswith(b"221 2.0.0 Bye\r\n")
            bare = await rig.greeted()
            assert (await bare.mail(b"a\nb\r\n.\r\n")).startswith("550 5.5.2 ")
            assert await bare.rest() == b""
            stalled = await rig.client(port=rig.listener.ports[1])
            await until(lambda: len(rig.listener.sessions) == 3)
            stalled.writer.transport.abort()
            await until(lambda: len(rig.listener.sessions) == 2)
            early = socket.create_connection(("127.0.0.1", rig.port))
            early.sendall(b"EHLO x\r\n")
            early.setblocking(False)
            reader, writer = await asyncio.open_connection(sock=early)
            assert (await reader.read()).startswith((b"554 5.5.0 ", b"220 "))
            writer.close()
        assert len(policy.taken) == 3

    async def deaf() -> None:
        async with Rig(limits=Limits(write_timeout=0.3, max_idle_commands=10**9), modes=()) as rig:
            small = socket.create_server(("127.0.0.1", 0))
            small.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            await rig.listener.adopt(small, STARTTLS)
            loop = asyncio.get_running_loop()
            client = socket.create_connection(small.getsockname())
            client.setblocking(False)
            with client, pytest.raises(ConnectionError):
                await asyncio.wait_for(babble(lambda octets: loop.sock_sendall(client, octets)), 20)
            await until(lambda: not rig.listener.sessions)

    for scenario in (everything, deaf):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(scenario())


async def test_row_13_ten_places_above_the_total_are_for_trusted_peers() -> None:
    policy = Recorder(gate=asyncio.Event())
    async with Rig(policy, per_address=100, total=2) as rig:
        busy = [await rig.greeted() for _ in range(2)]
        for client in busy:
            await client.envelope()
            await client.say("DATA")
            await client.send(b"Hi\r\n.\r\n")
        await until(lambda: len(rig.listener._commits) == 2)
        assert await (await rig.client()).rest() == TOO_MANY, "nobody is idle"
        rig.listener.trusted = LOOPBACK
        relays = [await rig.greeted() for _ in range(RESERVE)]
        for relay in relays:
            await relay.envelope()
            await relay.say("DATA")
        assert await (await rig.client()).rest() == TOO_MANY
        rig.listener.trusted = ()
        assert await (await rig.client()).rest() == TOO_MANY
        assert policy.gate is not None
        policy.gate.set()
        for relay in relays:
            await relay.send(b"Hi\r\n.\r\n")
        for client in (*busy, *relays):
            assert (await client.reply()).startswith("250 ")


async def test_row_13_new_limits_hold_for_new_sessions() -> None:
    async with Rig(per_address=2, total=50) as rig:
        kept = [await rig.greeted() for _ in range(2)]
        assert await (await rig.client()).rest() == TOO_MANY
        rig.listener.per_address = 4
        kept += [await rig.greeted() for _ in range(2)]
        rig.listener.per_address, rig.listener.total = 100, 3
        newcomer = await rig.greeted()
        assert await kept[0].rest() == ROOM
        for client in (*kept[1:], newcomer):
            assert await client.say("NOOP") == "250 2.0.0 OK"


async def test_who_arrives_while_the_house_is_closed_is_told_so() -> None:
    policy = Recorder(gate=asyncio.Event())
    async with Rig(policy) as rig:
        client = await rig.greeted()
        await client.envelope()
        await client.say("DATA")
        waiting = [socket.create_connection(("127.0.0.1", rig.port)) for _ in range(3)]  # the loop has not seen them
        acceptor = rig.listener._places[0][1][0]
        acceptor._accept()
        draining = asyncio.create_task(rig.listener.drain(15))
        for sock in waiting:
            sock.setblocking(False)
            reader, writer = await asyncio.open_connection(sock=sock)
            assert await reader.read() == SHUTDOWN
            writer.close()
        await client.send(b".\r\n")
        assert policy.gate is not None
        policy.gate.set()
        assert (await client.reply()).startswith("250 ")
        await draining


async def test_what_it_listens_on_is_known_with_how_it_is_served() -> None:
    endpoints = [Endpoint(host="127.0.0.1", port=0), Endpoint(host="127.0.0.1", port=0, mode="plain")]
    async with Rig(endpoints=endpoints) as rig:
        found = rig.listener.sockets
        assert [endpoint for _, endpoint in found] == endpoints
        assert [sock.getsockname()[1] for sock, _ in found] == rig.listener.ports
        rig.listener.close()
        assert rig.listener.sockets == []


async def test_two_listeners_on_one_socket_share_who_comes_and_either_takes_all_when_the_other_closes() -> None:
    async with Rig(per_address=100) as one, Rig(per_address=100, modes=()) as other:
        ((sock, endpoint),) = one.listener.sockets
        await other.listener.adopt(sock.dup(), endpoint)
        clients = [await one.greeted() for _ in range(40)]
        assert len(one.listener.sessions) + len(other.listener.sessions) == 40
        for client in clients:
            assert (await client.mail(b"Hi\r\n.\r\n")).startswith("250 ")
        assert len(one.policy.taken) + len(other.policy.taken) == 40
        before = len(other.listener.sessions)
        one.listener.close()
        for _ in range(5):
            await other.greeted(port=other.listener.ports[0])
        assert len(other.listener.sessions) == before + 5
