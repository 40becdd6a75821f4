"""Octets and time: who is silent, slow, deaf or does not stop (reliability.md, 2.A 1, 6, 11, 12)."""

import asyncio
import contextlib
import socket
import ssl

import pytest

from bridge.config.settings import Endpoint
from bridge.smtpd.contract import Limits, Reply
from tests.smtpd.conftest import Certificates
from tests.smtpd.raw import Raw, Recorder, Rig, babble
from tests.wait import until


async def test_pipelined_commands_are_answered_in_order_and_together() -> None:
    async with Rig(Recorder(refused={"no@example.org": Reply(550, "5.1.1", "no")})) as rig:
        client = await rig.greeted()
        for number in range(1, 4):
            await client.send(
                b"MAIL FROM:<a@example.org>\r\nRCPT TO:<no@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n"
            )
            assert [(await client.reply())[:3] for _ in range(4)] == ["250", "550", "250", "354"]
            # The end of one mail and the beginning of the next in one piece.
            await client.send(b"Hi\r\n.\r\nRSET\r\nNOOP\r\n")
            answers = b""
            while answers.count(b"\r\n") < 3:
                answers += await client.reader.read(1000)
            assert answers == b"250 2.0.0 queued as %d\r\n250 2.0.0 OK\r\n250 2.0.0 OK\r\n" % number
        await client.send(b"NOOP\r\nQUIT\r\nNOOP\r\n")
        assert await client.rest() == b"250 2.0.0 OK\r\n221 2.0.0 Bye\r\n"
    assert len(rig.policy.taken) == 3


async def test_a_whole_conversation_byte_by_byte() -> None:
    async with Rig() as rig:
        client = await rig.client()
        client.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await client.reply()
        script = [b"EHLO x\r\n", b"MAIL FROM:<a@example.org>\r\n", b"RCPT TO:<b@example.org>\r\n", b"DATA\r\n"]
        script += [b"Hi\r\n..\r\n.\r\n", b"QUIT\r\n"]
        for words in script:
            for octet in words:
                await client.send(bytes([octet]))
                await asyncio.sleep(0)
            last = await client.reply()
        assert last == "221 2.0.0 Bye"
    assert rig.policy.taken[0].content == b"Hi\r\n.\r\n"


async def test_lf_alone_ends_a_command_but_not_a_mail() -> None:
    async with Rig() as rig:
        client = await rig.greeted()
        await client.send(b"NOOP\n")
        assert await client.reply() == "250 2.0.0 OK"


@pytest.mark.parametrize("said", [b"", b"NOO", b"EHLO x\r\n"])
async def test_row_11_a_silent_client_is_told_to_go(said: bytes) -> None:
    async with Rig(limits=Limits(command_timeout=0.2, linger=0.1)) as rig:
        client = await rig.client()
        await client.reply()
        await client.send(said)
        assert (await client.rest()).endswith(b"421 4.4.2 timeout, closing connection\r\n")


async def test_row_11_octets_do_not_prolong_a_command_and_only_a_little_a_mail() -> None:
    async with Rig(limits=Limits(command_timeout=0.3, data_timeout=0.3, linger=0.1, write_timeout=0.5)) as rig:
        commands, mail = await rig.greeted(), await rig.greeted()
        await mail.envelope()
        await mail.say("DATA")

        async def trickle(client: Raw) -> None:
            async def slowly(octets: bytes) -> None:
                await client.send(octets)
                await asyncio.sleep(0.02)

            with pytest.raises(ConnectionError):
                await babble(slowly, b"x")

        tasks = [asyncio.create_task(trickle(client)) for client in (commands, mail)]
        for client in (commands, mail):
            assert (await client.reply()).startswith("421 4.4.2 ")
        await asyncio.wait_for(asyncio.gather(*tasks), 20)


async def test_a_mail_that_moves_may_take_longer_than_the_timeout() -> None:
    async with Rig(limits=Limits(data_timeout=0.2, data_rate=10.0)) as rig:
        client = await rig.greeted()
        await client.envelope()
        await client.say("DATA")
        for _ in range(20):
            await client.send(b"a line\r\n")  # worth 0.8 seconds each
            await asyncio.sleep(0.03)
        assert (await client.say(".")).startswith("250 ")


async def test_the_policy_may_take_longer_than_any_timeout() -> None:
    policy = Recorder(gate=asyncio.Event())
    async with Rig(policy, limits=Limits(command_timeout=0.1, data_timeout=0.1, write_timeout=0.1)) as rig:
        client = await rig.greeted()
        asyncio.get_running_loop().call_later(0.5, policy.gate.set if policy.gate else print)
        assert (await client.mail(b"Hi\r\n.\r\n")).startswith("250 ")


async def test_row_12_a_client_that_does_not_read_is_cut_off() -> None:
    async with Rig(limits=Limits(write_timeout=0.3, max_idle_commands=10**9), modes=()) as rig:
        small = socket.create_server(("127.0.0.1", 0))
        small.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        await rig.listener.adopt(small, Endpoint(host="", port=0))
        deaf = socket.socket()
        with deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            deaf.connect(small.getsockname())
            deaf.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_recv(deaf, 100)

            babbling = asyncio.create_task(babble(lambda octets: loop.sock_sendall(deaf, octets)))
            await until(lambda: len(rig.listener.sessions) == 1)
            await until(lambda: not rig.listener.sessions)
            with pytest.raises(ConnectionError):
                await asyncio.wait_for(babbling, 20)


async def test_row_12_a_client_that_does_not_read_is_cut_off_under_tls_too(certificates: Certificates) -> None:
    limits = Limits(write_timeout=0.3, max_idle_commands=10**9)
    async with Rig(limits=limits, context=certificates.server, modes=()) as rig:
        small = socket.create_server(("127.0.0.1", 0))
        small.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        await rig.listener.adopt(small, Endpoint(host="", port=0, mode="implicit"))
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        deaf.connect(small.getsockname())
        await asyncio.to_thread(_babble, deaf, certificates.client)
        await until(lambda: not rig.listener.sessions)


def _babble(deaf: socket.socket, context: ssl.SSLContext) -> None:
    deaf.settimeout(20)
    with context.wrap_socket(deaf, server_hostname="localhost") as client:
        client.recv(100)
        with contextlib.suppress(ConnectionError, ssl.SSLError):  # but not TimeoutError
            while True:
                client.sendall(b"HELP\r\n" * 100)


async def test_row_11_slow_clients_do_not_hinder_others() -> None:
    async with Rig(per_address=1000, total=1000) as rig:
        for number in range(200):
            slow = await rig.client()
            await slow.reply()
            await slow.send(b"EHLO slow\r\nMAIL FR"[: number % 15])
        client = await rig.greeted()
        assert (await client.mail(b"Hi\r\n.\r\n")).startswith("250 ")
